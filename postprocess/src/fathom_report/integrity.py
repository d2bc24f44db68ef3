"""Checksums: /provenance/hashes lists every dataset with the XXH3 of its values as they were handed to the writer."""

from pathlib import Path
from typing import Optional, Tuple

import h5py
import numpy as np

from .errors import RunFileError
from .xxh3 import hash_64

MANIFEST = "provenance/hashes"


def verify_checksums(file: h5py.File, path: Path, sealed: Optional[Tuple[int, int]]) -> Tuple[int, str]:
    """(datasets compared, why others were not; empty where all were). RunFileError where one differs.

    A dataset that was hashed by panels (a matrix of more than 128 MiB) is not read here: opening a run stays quick,
    and `fathom verify` reads all.

    @param sealed  what check_seal found before the file was opened; without a seal (older files) the manifest is
                   compared, which covers datasets and neither attributes nor structure
    """
    if sealed is not None:
        compared = len(file[f"{MANIFEST}/path"]) - sealed[1]
        return compared, f"{sealed[1]} large matrices were not read again" if sealed[1] else ""
    if MANIFEST not in file:
        return 0, "the file stores no checksums"
    if file[MANIFEST].attrs.get("sealed") == 1:
        raise RunFileError(f"{path}: damaged: its seal is gone: it is truncated, or was changed after it was written")
    xxh3 = hash_64()
    if xxh3 is None:
        raise RunFileError(f"{path}: its checksums cannot be compared: install python3-xxhash or libxxhash, or do "
                           "without the comparison (--no-verify)")
    names, hashes = (file[f"{MANIFEST}/{k}"].asstr()[()] for k in ("path", "hash"))
    large = 0
    for name, stored in zip(names, hashes):
        if name not in file:
            raise RunFileError(f"{path}: damaged: {name} is listed in its manifest and is not there")
        if len(stored.split()) != 1:
            large += 1
        elif f"{xxh3(values_bytes(file[name])):016x}" != stored:
            raise RunFileError(f"{path}: damaged: {name} differs from its stored checksum")
    return len(names) - large, f"{large} large matrices were not read again" if large else ""


def values_bytes(dataset: h5py.Dataset) -> bytes:
    """What the writer hashed: little-endian values in the order of the file; texts each led by its length in bytes."""
    if h5py.check_string_dtype(dataset.dtype) is not None:
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in np.ravel(dataset[()])]
        return b"".join(str(len(t)).encode() + b":" + t for t in texts)
    values = np.ascontiguousarray(dataset[()])
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
