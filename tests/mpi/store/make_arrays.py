"""Writes the arrays that the tests of the readers read: make_arrays.py FOLDER.

Sound ones hold value(i, j) = ((1009 i + 31 j) mod 997) / 8 - 50, exact in float32.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for old in folder.iterdir():
    old.unlink()


def value(rows, cols):
    i, j = np.indices((rows, cols))
    return ((1009 * i + 31 * j) % 997) / 8.0 - 50.0


shapes = [(1, 1), (7, 5), (13, 13), (101, 37)]
types = {"f4": "<f4", "f8": "<f8", "bf4": ">f4", "bf8": ">f8"}
listing = []
with h5py.File(folder / "sound.h5", "w") as file:
    for rows, cols in shapes:
        for name, dtype in types.items():
            array = value(rows, cols).astype(dtype)
            for order in "CF":
                path = f"{name}_{order}_{rows}x{cols}.npy"
                np.save(folder / path, np.array(array, order=order))
                listing.append(f"{path} - {rows} {cols} {name[-1]}")
            dataset = f"/deep/group/{name}_{rows}x{cols}"
            file.create_dataset(dataset, data=array)
            listing.append(f"sound.h5 {dataset} {rows} {cols} {name[-1]}")
    file.create_dataset("packed", data=value(101, 37), chunks=(10, 10), compression="gzip")
    listing.append("sound.h5 packed 101 37 8")
    file.create_dataset("labels", data=np.arange(101, dtype=">i2"))
    file.create_dataset("vector", data=np.arange(101, dtype="f4") / 4)
(folder / "sound.txt").write_text("\n".join(listing) + "\n")
np.save(folder / "labels_u1.npy", np.arange(101, dtype="u1"))
np.save(folder / "targets_F.npy", np.asfortranarray(value(101, 3)))

# Damaged ones: name, dataset ("-" for none), a part of the message.
damaged = []


def bad(name, dataset, message):
    damaged.append(f"{name}\t{dataset}\t{message}")


bad("none.npy", "-", "does not exist")
bad(".", "-", "is a folder")
(folder / "empty.npy").write_bytes(b"")
bad("empty.npy", "-", "neither an HDF5 nor a .npy file")
(folder / "text.h5").write_text("1 2 3\n4 5 6\n")
bad("text.h5", "a", "neither an HDF5 nor a .npy file")
whole = (folder / "f8_C_101x37.npy").read_bytes()
(folder / "cut.npy").write_bytes(whole[: len(whole) - 1])
bad("cut.npy", "-", "is truncated")
(folder / "cut_header.npy").write_bytes(whole[:50])
bad("cut_header.npy", "-", "truncated in its header")
np.save(folder / "objects.npy", np.array([[1], ["x"]], dtype=object), allow_pickle=True)
bad("objects.npy", "-", "pickled")
np.save(folder / "complex.npy", np.ones((2, 2), dtype=complex))
bad("complex.npy", "-", "complex")
np.save(folder / "three.npy", np.ones((2, 2, 2)))
bad("three.npy", "-", "3 dimensions")
np.save(folder / "zero.npy", np.ones((0, 4)))
bad("zero.npy", "-", "is empty")
np.save(folder / "bool.npy", np.ones((2, 2), dtype=bool))
bad("bool.npy", "-", "truth values")
bad("f8_C_7x5.npy", "features", "cannot be named")
whole = (folder / "sound.h5").read_bytes()
(folder / "cut.h5").write_bytes(whole[: len(whole) // 2])
bad("cut.h5", "packed", "truncated")
(folder / "stub.h5").write_bytes(whole[:40])
bad("stub.h5", "packed", "damaged or unreadable")
bad("sound.h5", "-", "a dataset must be named")
bad("sound.h5", "pakced", "did you mean '/packed'")
bad("sound.h5", "deep/group", "is a group")
bad("sound.h5", "/deep/none/x", "there is no such dataset")
with h5py.File(folder / "odd.h5", "w") as file:
    file["complex"] = np.ones((2, 2), dtype=complex)
    file["text"] = ["a", "b"]
    file["bool"] = np.ones((2, 2), dtype=bool)
    file["scalar"] = 1.0
    file["three"] = np.ones((2, 2, 2))
    file["zero"] = np.ones((3, 0))
    file["half"] = np.ones((2, 2), dtype="f2")
    file.create_dataset("unwritten", shape=(4, 4), dtype="f8")
bad("odd.h5", "complex", "complex")
bad("odd.h5", "text", "type string is not supported")
bad("odd.h5", "bool", "enum")
bad("odd.h5", "scalar", "0 dimensions")
bad("odd.h5", "three", "3 dimensions")
bad("odd.h5", "zero", "is empty")
bad("odd.h5", "half", "float16 is not supported")
bad("odd.h5", "unwritten", "never written")
with h5py.File(folder / "none.h5", "w"):
    pass
bad("none.h5", "a", "the file holds no datasets")
(folder / "damaged.txt").write_text("\n".join(damaged) + "\n")
