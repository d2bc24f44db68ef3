"""Looks at the data that were handed to matplotlib: is anything drawn as trusted that is not?"""

from typing import Iterable, List

import numpy as np
import xarray as xr
from fathom_report.figures.modes import UNTRUSTED_GID
from fathom_report.states import TRUSTED, UNTRUSTED
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure


def offences(figure: Figure, spectra: Iterable[xr.Dataset], *variables: str) -> List[str]:
    """What in a figure over modes shows an untrusted mode without saying so.

    A line or mark that does not say `untrusted` may hold no value of a mode that is not trusted in the spectrum it is
    from; what says `untrusted` must be hollow, joined by nothing, and hold no trusted mode; a band may only lie over
    modes that some spectrum trusts.
    """
    spectra, found = list(spectra), []
    for axes in figure.axes:
        for line in axes.lines:
            x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
            says = line.get_gid() == UNTRUSTED_GID
            if says and (line.get_linestyle() not in ("None", "", " ") or line.get_markerfacecolor() != "none"):
                found.append(f"{line.get_label()}: untrusted, and joined or filled")
            forbidden = TRUSTED if says else UNTRUSTED
            for data in spectra:
                for name in (v for v in variables if v in data):
                    found += [f"{line.get_label()}: mode {j}" for j in _shown(x, y, data, name, forbidden)]
        for band in axes.collections:
            for path in band.get_paths():
                modes = np.unique(path.vertices[:, 0])
                bad = [m for m in modes[np.isfinite(modes)] if not any(_is_trusted(d, m) for d in spectra)]
                found += [f"band over mode {m:g}" for m in bad]
    return found


def _shown(x: np.ndarray, y: np.ndarray, data: xr.Dataset, name: str, state: int) -> List[int]:
    value, states = np.abs(np.asarray(data[name].values, float)), data["state"].values
    inside = np.isfinite(x) & np.isfinite(y) & (x == np.round(x)) & (x >= 1) & (x <= value.size)
    modes, drawn = x[inside].astype(int), np.abs(y[inside])
    same = (drawn == value[modes - 1]) & (drawn > 0)
    return [int(m) for m in modes[same & (states[modes - 1] == state)]]


def _is_trusted(data: xr.Dataset, mode: float) -> bool:
    return mode == round(mode) and 1 <= mode <= data.sizes["mode"] and data["state"].values[int(mode) - 1] == TRUSTED


def density_offences(figure: Figure, floor: float) -> List[str]:
    """Estimates and nodes that are drawn as trusted and lie below what products in double precision resolve."""
    found = []
    for axes in figure.axes:
        for line in axes.lines:
            if line.get_gid() in ("estimate", "node"):
                x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
                found += [f"{line.get_label()} at {v:g}" for v in x[np.isfinite(x) & np.isfinite(y)] if v < floor]
        for band in axes.collections:
            if any((p.vertices[np.isfinite(p.vertices[:, 0]), 0] < floor).any() for p in band.get_paths()):
                found.append("interval below the floor")
    return found


def training_offences(figure: Figure, snapshots: Iterable[xr.Dataset]) -> List[str]:
    """Cells of heat maps and depths, panel by panel, that show a mode which its snapshot does not trust."""
    panels = [a for a in figure.axes if a.get_xlabel() == "step of the snapshot"]
    found = []
    for axes, data in zip(panels, snapshots):
        state = data["state"].values.T  # (mode, snapshot)
        for mesh in (c for c in axes.collections if isinstance(c, QuadMesh)):
            edge = np.round(mesh.get_coordinates()[:, 0, 1] - 0.5).astype(int)
            shown = ~np.ma.getmaskarray(mesh.get_array()).reshape(edge.size - 1, -1)
            for band, snapshot in zip(*np.nonzero(shown)):
                if (state[edge[band]:edge[band + 1], snapshot] != TRUSTED).any():
                    found.append(f"snapshot {snapshot + 1}, modes {edge[band] + 1} to {edge[band + 1]}")
        for line in (k for k in axes.lines if k.get_gid() == "depth"):
            for x, y in zip(line.get_xdata(), line.get_ydata()):
                if np.isfinite(y) and state[int(y) - 1, int(x) - 1] != TRUSTED:
                    found.append(f"depth at snapshot {x}: mode {y:g}")
    return found
