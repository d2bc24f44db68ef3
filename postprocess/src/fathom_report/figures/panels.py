"""Panels above one legend that lies over no data, and lines with the range of their seeds."""

from typing import Any, Dict, List, Sequence, Tuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from . import style
from .modes import draw_line

Entry = Tuple[Any, str]  # handle and label
LETTERS = 150  # of the legend's type that fit the width of a picture
LINE = 0.21  # inches a line of the legend
NARROW = 4.0
ROOM = 0.11  # of an axis, for a word below a line
CHI = r"χ$_\mathrm{pos}$"


def figure_with_legend(rows: int, columns: int, height: float, entries: Sequence[Entry],
                       widths: Sequence[float] = ()) -> Tuple[Figure, np.ndarray]:
    """rows × columns axes of height inches a row, and below them the legend over the whole width."""
    columns_of = max(1, min(len(entries), LETTERS // (max((len(e[1]) for e in entries), default=1) + 8)))
    low = LINE * -(-len(entries) // columns_of) + 0.12
    figure = plt.figure(figsize=(style.WIDTH, height * rows + low))
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[height] * rows + [low],
                               width_ratios=list(widths) or [1.0] * columns)
    axes = np.array([[figure.add_subplot(grid[r, c]) for c in range(columns)] for r in range(rows)])
    below = figure.add_subplot(grid[rows, :])
    below.set_axis_off()
    if entries:
        handles, labels = zip(*entries)
        below.legend(handles, labels, loc="center", ncol=columns_of, borderaxespad=0.0, handlelength=2.6)
    return figure, axes


def line_entry(words: str, colour: Any = style.INK, ls: Any = "-", lw: float = 2.0, **options: Any) -> Entry:
    return Line2D([], [], color=colour, ls=ls, lw=lw, **options), words


def series_entries(found: List) -> List[Entry]:
    """One entry a series; none where there is only one."""
    return [line_entry(s.label, s.colour, s.linestyle) for s in found] if len(found) > 1 else []


def draw_curve(axes: Axes, x: np.ndarray, table: Dict[str, np.ndarray], name: str, colour: Any, band: bool = True,
               **options: Any) -> None:
    """The mean of a table from over_seeds as a line, smallest to largest seed as a band; broken where it has no value."""
    good = np.isfinite(x) & (x > 0) & np.isfinite(table[name])
    x, y = np.where(good, x, np.nan), np.where(good, table[name], np.nan)
    if band and (table["seeds"] > 1).any():
        axes.fill_between(x, np.where(good, table[f"{name}_low"], np.nan), np.where(good, table[f"{name}_high"], np.nan),
                          color=colour, alpha=0.18, lw=0)
    draw_line(axes, x, y, color=colour, **options)


def log_scale(axis, values: Sequence[np.ndarray], inverted: bool = False, low: float = np.nan, high: float = np.nan,
              margin: float = 0.05) -> Tuple[float, float]:
    """A logarithmic axis that holds all positive values, cut to low and high where these are given; returns its ends.

    Values that lie within a factor of NARROW get a linear axis along y, which such values can be read from.
    """
    flat = np.concatenate([np.ravel(v) for v in values]) if len(values) else np.array([])
    flat = flat[np.isfinite(flat) & (flat > 0)]
    least, most = (flat.min(), flat.max()) if flat.size else (0.1, 1.0)
    least, most = max(least, low) if np.isfinite(low) else least, min(most, high) if np.isfinite(high) else most
    axes, horizontal = axis.axes, axis.axis_name == "x"
    if not horizontal and most < NARROW * least:
        pad = 1.6 * margin * (most - least) if most - least > 1e-9 * most else 0.02 * most
        least, most = least - pad, most + pad
        axes.set_ylim(*((most, least) if inverted else (least, most)))
        return least, most
    span = max(np.log10(most / least), 0.3)
    centre = 0.5 * (np.log10(most) + np.log10(least))
    least, most = 10 ** (centre - (0.5 + margin) * span), 10 ** (centre + (0.5 + margin) * span)
    (axes.set_xscale if horizontal else axes.set_yscale)("log")
    (axes.set_xlim if horizontal else axes.set_ylim)(*((most, least) if inverted else (least, most)))
    style.log_axis(axis, least, most)
    if not horizontal and most < 12 * least:
        axis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)))
    if np.log10(most / least) <= 2.0 and (least < 1e-3 or most > 1e5):
        axis.set_major_formatter(FuncFormatter(_power_text))
    return least, most


def _power_text(value: float, _=None) -> str:
    """2×10⁻⁵, which log_axis would write as 2e-05."""
    power = int(np.floor(np.log10(value) + 1e-9))
    return rf"${value / 10.0**power:.3g}\times10^{{{power}}}$"


def draw_optimum(axes: Axes, best: float) -> None:
    """A known optimum as a dashed line, if it lies in the picture or so near below that the axis can be drawn out to it."""
    low, high = axes.get_ylim()
    place = (np.log(best / low) / np.log(high / low) if axes.get_yscale() == "log" and best > 0
             else (best - low) / (high - low))
    if not -0.5 < place < 1.0:
        return
    axes.axhline(best, color=style.INK, lw=0.9, ls=(0, (6, 3)), zorder=1)
    axes.annotate("optimum L*", (0.015, best), xycoords=("axes fraction", "data"), xytext=(0, -3), va="top",
                  textcoords="offset points", fontsize=8.5)
    if place < ROOM:
        axes.set_ylim(best * (best / high) ** ROOM if axes.get_yscale() == "log" else best - ROOM * (high - best), high)


def range_of(tables: Sequence[Dict[str, np.ndarray]], *names: str) -> List[np.ndarray]:
    """Means and ranges of columns, for the limits of an axis."""
    return [t[f"{n}{suffix}"] for t in tables for n in names for suffix in ("", "_low", "_high") if f"{n}{suffix}" in t]


def has_values(tables: Sequence[Dict[str, np.ndarray]], *names: str) -> bool:
    return any(np.isfinite(t[n]).any() for t in tables for n in names if n in t)
