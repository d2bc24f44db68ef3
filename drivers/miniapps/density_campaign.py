#!/usr/bin/env python3
"""The density of a spectrum that is never formed, against the one that is: inputs/density.toml matrix-free, then the
dense covariance of the same features; eigenvalues counted above each threshold, in units of the stated error.

usage: density_campaign.py FATHOM [--n 200000] [--ranks 2] [--thresholds 10] [--csv docs/campaigns/density_200000.csv]
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def run(binary, ranks, deck, folder, sets):
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    if os.geteuid() == 0:
        environment |= dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    command = ["mpirun", "-n", str(ranks), binary, "run", str(deck), "--set", f"run.output={folder}"]
    for item in sets:
        command += ["--set", item]
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fathom")
    parser.add_argument("--n", type=int, default=200000)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--thresholds", type=int, default=10)
    parser.add_argument("--keep", help="folder for the runs (default: removed at the end)")
    parser.add_argument("--csv")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(o.keep or scratch)
        size = f"data.n={o.n}"
        seconds = run(o.fathom, o.ranks, ROOT / "inputs/density.toml", folder / "density", [size, f"study.thresholds={o.thresholds}"])
        dense_deck = folder / "dense.toml"
        text = (ROOT / "inputs/density.toml").read_text().replace('kind = "density"', 'kind = "spectrum"')
        dense_deck.write_text("".join(line + "\n" for line in text.splitlines()
                                      if line.split("=")[0].strip() not in ("matrix", "probes", "steps")))
        dense_seconds = run(o.fathom, o.ranks, dense_deck, folder / "dense", [size])
        with h5py.File(folder / "density/run.h5") as file:
            group = file["density"]
            columns = {name: group[name][...] for name in
                       ("threshold", "count", "count_low", "count_high", "count_standard_error", "count_resolution")}
            attributes, peak = dict(group.attrs), dict(file["memory"].attrs)
        with h5py.File(folder / "dense/run.h5") as file:
            eigenvalue = file["spectrum/eigenvalue"][...]
    exact = np.array([(eigenvalue > t).sum() for t in columns["threshold"]])
    error = np.hypot(columns["count_standard_error"], columns["count_resolution"])
    deviation = np.where(columns["count"] == exact, 0.0, np.abs(columns["count"] - exact) / np.maximum(error, 1e-300))
    rows = [("threshold", "count", "low", "high", "standard_error", "resolution", "dense", "deviation_over_error")]
    rows += list(zip(*(columns[name] for name in columns if name not in ("count_standard_error", "count_resolution")),
                     columns["count_standard_error"], columns["count_resolution"], exact, deviation))
    for row in rows:
        print(",".join(x if isinstance(x, str) else f"{x:.6g}" for x in row))
    trace = (attributes["trace"] - eigenvalue.sum()) / attributes["trace_standard_error"]
    print(f"# n = {o.n}: matrix-free {seconds:.0f} s, dense {dense_seconds:.0f} s; trace off by {trace:.2f} standard errors; "
          f"measured peak {float(np.max(peak.get('measured_peak_bytes', np.nan))) / 2**20:.0f} MiB a rank; "
          f"largest deviation {deviation.max():.2f}")
    if o.csv:
        with open(o.csv, "w", newline="") as out:
            csv.writer(out).writerows([[x if isinstance(x, str) else f"{x:.9g}" for x in row] for row in rows])
    return 0 if np.all(deviation <= 3) and abs(trace) <= 3 else 1


if __name__ == "__main__":
    sys.exit(main())
