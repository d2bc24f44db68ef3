"""What a spectrum with error bounds says about counts and effective dimensions, and where it says nothing."""

from typing import Tuple

import numpy as np
import xarray as xr

from .reader import plain
from .states import NULL_BY_RANK, TRUSTED, UNTRUSTED

TENTH = 0.1  # as for a trusted mode


def total_bound(spectrum: xr.Dataset) -> np.ndarray:
    """Error bound of each eigenvalue with what the representation of the input lost: what trust is judged by."""
    lost = plain(spectrum.attrs.get("representation_error", 0.0))
    if "representation" in spectrum:  # mode by mode: a route by a factor of float32 numbers
        lost = np.asarray(spectrum["representation"].values, float)
    return np.asarray(spectrum["error_bound"].values, float) + np.where(np.isfinite(lost), lost, 0.0)


def count_above(spectrum: xr.Dataset, threshold: np.ndarray) -> np.ndarray:
    """Eigenvalues above each threshold, NaN where the error bounds leave it open by more than a tenth (and than 1)."""
    computed, low, high = count_interval(spectrum, threshold)
    return np.where(high - low <= np.maximum(1, TENTH * computed), computed.astype(float), np.nan)


def count_interval(spectrum: xr.Dataset, threshold: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(computed values above, surely above, possibly above) each threshold; modes that were not computed may be above."""
    real = spectrum["state"].values != NULL_BY_RANK
    value, bound = np.asarray(spectrum["eigenvalue"].values, float)[real], total_bound(spectrum)[real]
    threshold = np.asarray(threshold, float)
    found = [np.sort(v).size - np.searchsorted(np.sort(v), threshold, side="right")
             for v in (value, value - bound, value + bound)]
    missing = _not_computed(spectrum)
    if missing and value.size:
        found[2] = found[2] + np.where(threshold < value[-1] + bound[-1], missing, 0)
    return found[0], found[1], found[2]


def effective_dimension(spectrum: xr.Dataset, ridge: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """(Σ λ/(λ+κ) over trusted modes, the most that all other modes could add) at each ridge κ."""
    state = spectrum["state"].values
    value, bound = np.asarray(spectrum["eigenvalue"].values, float), total_bound(spectrum)
    good, open_modes = state == TRUSTED, state == UNTRUSTED
    most = np.maximum(value[open_modes] + bound[open_modes], 0)
    missing = _not_computed(spectrum)
    last = max(value[-1] + bound[-1], 0.0) if missing and value.size else 0.0
    known, rest = np.zeros(len(ridge)), np.zeros(len(ridge))
    for k, kappa in enumerate(np.asarray(ridge, float)):
        known[k] = (value[good] / (value[good] + kappa)).sum()
        rest[k] = (most / (most + kappa)).sum() + (missing * last / (last + kappa) if last else 0.0)
    return known, rest


def _not_computed(spectrum: xr.Dataset) -> int:
    n = plain(spectrum.attrs.get("n", spectrum.sizes["mode"]))
    return max(int(n) - spectrum.sizes["mode"], 0)
