"""The ways by which a point's spectrum was found: the Gram route, and a deeper one that replaced it."""

from dataclasses import dataclass
from typing import List, Optional

import numpy as np
import xarray as xr

from .reader import Run, plain
from .states import NULL_BY_RANK, TRUSTED, UNTRUSTED

NAMES = {"gram": "Gram", "cascade": "cascade", "svd": "SVD of the factor", "extended": "extended precision",
         "matrix_free": "matrix-free"}
DEFLATING = ("cascade", "extended")


@dataclass
class Route:
    """One spectrum of a point."""

    name: str  # gram, cascade, svd, extended, matrix_free
    group: str  # where it lies in the point: spectrum, gram_spectrum …
    data: xr.Dataset

    @property
    def text(self) -> str:
        return NAMES.get(self.name, self.name)

    @property
    def levels(self) -> Optional[int]:
        """Deflations of a cascade; None for a route that has none."""
        if self.name not in DEFLATING:
            return None
        value = plain(self.data.attrs.get("levels", 0))
        return int(value) if isinstance(value, (int, float)) and np.isfinite(value) and value >= 1 else None

    def count(self, state: int) -> int:
        return int((self.data["state"].values == state).sum())

    @property
    def floor(self) -> Optional[float]:
        """Where trust ends: as stored, else the smallest trusted eigenvalue; None where nothing is trusted."""
        value = plain(self.data.attrs.get("floor", np.nan))
        if isinstance(value, (int, float)) and np.isfinite(value) and value > 0:
            return float(value)
        return self.smallest_trusted

    @property
    def smallest_trusted(self) -> Optional[float]:
        good = self.data["eigenvalue"].values[self.data["state"].values == TRUSTED]
        return float(good.min()) if good.size else None

    def sentence(self) -> str:
        """cascade (3 levels): 600 of 600 modes trusted, down to 1.7e-28"""
        words = self.text + (f" ({self.levels} level{'s' if self.levels > 1 else ''})" if self.levels else "")
        words += f": {self.count(TRUSTED)} of {self.data.sizes['mode']} modes trusted"
        if self.smallest_trusted is not None:
            words += f", down to {self.smallest_trusted:.2g}"
        if self.count(UNTRUSTED):
            words += f"; {self.count(UNTRUSTED)} untrusted"
            negative = int((self.data["eigenvalue"].values[self.data["state"].values == UNTRUSTED] < 0).sum())
            words += f", {negative} of them negative" if negative else ""
        return words + (f"; {self.count(NULL_BY_RANK)} null by rank" if self.count(NULL_BY_RANK) else "")


def routes_of(run: Run, point: int) -> List[Route]:
    """Replaced routes first, the one that the run kept last; empty where the point has no spectrum."""
    found = []
    for name in NAMES:
        data = run.route_spectrum(name, point)
        if data is not None:
            found.append(Route(name, f"{name}_spectrum", data))
    final = run.spectrum(point)
    if final is not None:
        found.append(Route(str(plain(final.attrs.get("route", "gram"))), "spectrum", final))
    return found
