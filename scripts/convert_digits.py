#!/usr/bin/env python3
"""Writes the handwritten digits that scikit-learn ships as one HDF5 file for fathom.

    /usr/bin/python3 scripts/convert_digits.py [inputs/data/digits.h5]

Needs numpy, h5py and scikit-learn (Debian: python3-numpy python3-h5py python3-sklearn).
The same input gives the same bytes. inputs/data/README.md describes the datasets.
"""

import argparse
import pathlib

import h5py
import numpy as np
from sklearn.datasets import load_digits

SOURCE = (
    "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning "
    "Repository, 1998, doi:10.24432/C50P49; the copy of its test set that scikit-learn ships as "
    "sklearn.datasets.load_digits"
)
LICENSE = "CC BY 4.0 (UCI Machine Learning Repository); distributed with scikit-learn under BSD-3-Clause"


def principal_components(features: np.ndarray, count: int) -> np.ndarray:
    """Coordinates along the leading principal components, divided by their common scale: rounded to nine
    decimals and with the largest entry of each direction positive, so that every machine gives the same."""
    centred = features - features.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    leading = directions[:, ::-1][:, :count]
    leading = leading * np.sign(leading[np.abs(leading).argmax(axis=0), np.arange(count)])
    coordinates = centred @ leading
    return np.round(coordinates / coordinates.std(), 9) + 0.0


def write(path: pathlib.Path) -> None:
    digits = load_digits()
    pixels = digits.data
    labels = digits.target.astype(np.int64)
    assert pixels.shape == (1797, 64) and pixels.min() == 0 and pixels.max() == 16
    # Sixteenths are exact, and float64 says so: a float32 file would be read as rounded to 24 bits.
    features = (pixels / 16.0).astype(np.float64)
    targets = np.full((labels.size, 10), -0.1)
    targets[np.arange(labels.size), labels] = 0.9

    compact = dict(compression="gzip", compression_opts=9, shuffle=True, track_times=False)
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "Handwritten digits, 1797 images of 8 x 8 pixels"
        file.attrs["source"] = SOURCE
        file.attrs["license"] = LICENSE
        file.attrs["made_by"] = "scripts/convert_digits.py"
        for name, values, note in [
            ("features", features, "pixel counts 0 ... 16 divided by 16: in [0, 1], row-major 8 x 8"),
            (
                "principal_components",
                principal_components(features, 2),
                "coordinates along the two leading principal components, of common variance 1",
            ),
            ("targets", targets, "one-hot of the label minus 1/10: each row sums to zero"),
            ("labels", labels, "the digit, 0 ... 9"),
        ]:
            dataset = file.create_dataset(name, data=values, chunks=values.shape, **compact)
            dataset.attrs["description"] = note


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = pathlib.Path(__file__).resolve().parent.parent / "inputs" / "data" / "digits.h5"
    parser.add_argument("output", nargs="?", type=pathlib.Path, default=default)
    output = parser.parse_args().output
    write(output)
    print(f"{output}: {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
