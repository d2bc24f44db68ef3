"""Checksums: /provenance/hashes lists every dataset with the XXH3 of its values as they were handed to the writer."""

import ctypes
import ctypes.util
from pathlib import Path
from typing import Callable, Optional, Tuple

import h5py
import numpy as np

from .errors import RunFileError

MANIFEST = "provenance/hashes"


def verify_checksums(file: h5py.File, path: Path) -> Tuple[int, str]:
    """(datasets compared, why others were not; empty where all were). RunFileError where one differs.

    A dataset that was hashed by panels (a matrix of more than 256 MiB) is not read here: opening a run stays quick.
    """
    if MANIFEST not in file:
        return 0, "the file stores no checksums"
    xxh3 = hash_function()
    if xxh3 is None:
        return 0, "neither python3-xxhash nor libxxhash is installed"
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


def hash_function() -> Optional[Callable[[bytes], int]]:
    """XXH3, 64 bits: python3-xxhash, else the C library, which Debian's apt needs and so is there; else None."""
    try:
        import xxhash

        return xxhash.xxh3_64_intdigest
    except ImportError:
        pass
    try:
        library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
        function = library.XXH3_64bits
    except (OSError, AttributeError):
        return None
    function.argtypes, function.restype = (ctypes.c_char_p, ctypes.c_size_t), ctypes.c_uint64
    return lambda data: function(data, len(data))
