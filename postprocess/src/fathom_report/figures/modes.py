"""How the modes of a spectrum are drawn: trusted ones as lines, others as hollow marks, floors as dashes."""

from typing import Optional, Tuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reader import plain
from ..states import NULL_BY_RANK, TRUSTED, UNTRUSTED, runs
from . import style

MARKS = 160  # hollow marks drawn; more would run together into what looks like a line


def number(data: xr.Dataset, name: str) -> Optional[float]:
    """A numeric attribute of a group, None where it is absent or NaN."""
    value = plain(data.attrs.get(name, np.nan))
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


UNTRUSTED_GID = "untrusted"  # artists that show untrusted modes carry it; a test looks at all others


def trusted_line(data: xr.Dataset, variable: str, positive: bool = True) -> Tuple[np.ndarray, np.ndarray]:
    """Mode and value over trusted modes, thinned, with a NaN wherever a mode that is not trusted lies between.

    This is the only way lines over modes are made: an untrusted mode is never part of one.
    """
    value = np.asarray(data[variable].values, float)
    mode = data["mode"].values
    keep = (data["state"].values == TRUSTED) & np.isfinite(value)
    if positive:
        keep &= value > 0
    return broken_line(mode, value, keep)


def broken_line(mode: np.ndarray, value: np.ndarray, keep: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Mode and value where keep holds, thinned, with a NaN at every gap, however the thinning falls."""
    thinned, x, y = style.thin(len(mode)), [], []
    for start, stop in runs(keep):
        chosen = np.unique(np.concatenate(([start], thinned[(thinned >= start) & (thinned < stop)], [stop - 1])))
        x.append(np.append(mode[chosen].astype(float), np.nan))
        y.append(np.append(value[chosen], np.nan))
    if not x:
        return np.array([]), np.array([])
    return np.concatenate(x)[:-1], np.concatenate(y)[:-1]


def draw_line(axes: Axes, x: np.ndarray, y: np.ndarray, **options) -> None:
    """A line; modes that stand alone, which a line cannot show, as dots of its colour."""
    axes.plot(x, y, **options)
    solid = np.isfinite(y)
    alone = solid & ~np.append(False, solid[:-1]) & ~np.append(solid[1:], False)
    if alone.any():
        axes.plot(x[alone], y[alone], ls="", marker="o", ms=3.2, color=options.get("color"),
                  zorder=options.get("zorder", 2), gid=options.get("gid"))


def at_modes(data: xr.Dataset, variable: str, mode: np.ndarray) -> np.ndarray:
    """A variable at the modes of a broken line, NaN in its gaps."""
    index = np.where(np.isfinite(mode), mode, 1).astype(np.int64) - int(data["mode"].values[0])
    return np.where(np.isfinite(mode), data[variable].values[index], np.nan)


def untrusted_in(data: xr.Dataset, low: Optional[float], high: Optional[float]) -> int:
    """Modes low … high that are not trusted: a fit over them is a fit to rounding noise."""
    if low is None or high is None:
        return 0
    mode = data["mode"].values
    return int(((mode >= low) & (mode <= high) & (data["state"].values != TRUSTED)).sum())


def beyond_trust(data: xr.Dataset, low: Optional[float], high: Optional[float]) -> str:
    """What a label of a fit over modes low … high must add; empty where all of them are trusted."""
    bad = untrusted_in(data, low, high)
    return f" ({bad} of these modes untrusted!)" if bad else ""


def count_of(state: np.ndarray, wanted: int) -> int:
    return int((state == wanted).sum())


def of_all(data: xr.Dataset) -> str:
    """"700", or "50 computed, n = 2000" where only the largest were."""
    count, n = data.sizes["mode"], number(data, "n")
    return f"{count} computed, n = {n:.0f}" if n is not None and n > count else str(count)


def draw_untrusted(axes: Axes, data: xr.Dataset, prefix: str = "", above: str = "o", below: str = "x",
                   size: float = 3.4, counted: bool = True) -> None:
    """Hollow and grey, joined by nothing; negative values at |λ| by another mark; the legend counts all of them."""
    mode, value, state = (data[k].values for k in ("mode", "eigenvalue", "state"))
    drawn = style.thin(len(mode), MARKS)
    noise = state == UNTRUSTED
    marks = dict(ls="", mfc="none", mec=style.UNTRUSTED, mew=0.7, zorder=2, gid=UNTRUSTED_GID)
    for mask, marker, words in ((value > 0, above, "untrusted"), (value < 0, below, "untrusted and negative, at |λ|")):
        if not (noise & mask).any():
            continue
        chosen = drawn[(noise & mask)[drawn]]
        chosen = chosen if chosen.size else np.flatnonzero(noise & mask)[:1]  # thinning must not hide a kind of mode
        axes.plot(mode[chosen], np.abs(value[chosen]), marker=marker, ms=size,
                  label=prefix + words + (f" ({int((noise & mask).sum())})" if counted else ""), **marks)


def count_undrawn(axes: Axes, data: xr.Dataset, prefix: str = "") -> None:
    """Legend entries for modes that a logarithmic axis cannot show."""
    value, state = data["eigenvalue"].values, data["state"].values
    for count, words in ((count_of(state, NULL_BY_RANK), "null by rank"),
                         (int(((state == UNTRUSTED) & (value == 0)).sum()), "untrusted and exactly 0")):
        if count:
            axes.plot([], [], ls="", label=f"{prefix}{words} ({count}, not drawn)")


def noise_of(data: xr.Dataset) -> np.ndarray:
    """|λ| of untrusted modes without the few next to a change of sign, which would take half of an axis."""
    value, state = data["eigenvalue"].values, data["state"].values
    noise = np.abs(value[(state == UNTRUSTED) & (value != 0)])
    return noise[noise >= np.percentile(noise, 5)] if noise.size else noise


def below_axis(data: xr.Dataset, bottom: float) -> int:
    """Untrusted values, neither zero nor within the picture: the few next to a change of sign."""
    value, state = np.abs(data["eigenvalue"].values), data["state"].values
    return int(((state == UNTRUSTED) & (value > 0) & (value < bottom)).sum())


def draw_floor(axes: Axes, floor: float, words: str, colour: str = style.INK, right: bool = False) -> None:
    axes.axhline(floor, color=colour, lw=0.9, ls=(0, (6, 3)), zorder=1)
    axes.annotate(f"{words} {floor:.1e}", (0.985 if right else 0.015, floor), xycoords=("axes fraction", "data"),
                  xytext=(0, 3), textcoords="offset points", va="bottom", ha="right" if right else "left", fontsize=8.5,
                  color=colour, bbox=dict(boxstyle="square,pad=0", fc="white", ec="none", alpha=0.75))


def legend(axes: Axes, **options) -> None:
    """Trusted modes first."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: "untrusted" in labels[k] or "trusted" not in labels[k])
    if order:
        axes.legend([handles[k] for k in order], [labels[k] for k in order], **{"loc": "best", **options})
