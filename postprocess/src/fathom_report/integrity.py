"""Checksums that the writer stores beside its data."""

from pathlib import Path

import h5py


def verify_checksums(file: h5py.File, path: Path) -> int:
    """Number of datasets whose stored checksum was compared with their bytes."""
    return 0
