"""Panels above one legend that lies over no data, and lines with the range of their seeds."""

from typing import Any, Dict, List, Sequence, Tuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from . import style
from .modes import draw_line

Entry = Tuple[Any, str]  # handle and label
LETTERS = 150  # of the legend's type that fit the width of a picture
LINE = 0.21  # inches a line of the legend
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
    """A logarithmic axis that holds all positive values, cut to low and high where these are given."""
    flat = np.concatenate([np.ravel(v) for v in values]) if len(values) else np.array([])
    flat = flat[np.isfinite(flat) & (flat > 0)]
    least, most = (flat.min(), flat.max()) if flat.size else (0.1, 1.0)
    least, most = max(least, low) if np.isfinite(low) else least, min(most, high) if np.isfinite(high) else most
    span = max(np.log10(most / least), 0.3)
    centre = 0.5 * (np.log10(most) + np.log10(least))
    least, most = 10 ** (centre - (0.5 + margin) * span), 10 ** (centre + (0.5 + margin) * span)
    axes = axis.axes
    (axes.set_xscale if axis.axis_name == "x" else axes.set_yscale)("log")
    limits = (most, least) if inverted else (least, most)
    (axes.set_xlim if axis.axis_name == "x" else axes.set_ylim)(*limits)
    style.log_axis(axis, least, most)
    if most < 12 * least:  # one or two labels would be too few to read values by
        axis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if most > 2.5 * least else np.arange(1, 10, 0.25)))
    return least, most


def range_of(tables: Sequence[Dict[str, np.ndarray]], *names: str) -> List[np.ndarray]:
    """Means and ranges of columns, for the limits of an axis."""
    return [t[f"{n}{suffix}"] for t in tables for n in names for suffix in ("", "_low", "_high") if f"{n}{suffix}" in t]


def has_values(tables: Sequence[Dict[str, np.ndarray]], *names: str) -> bool:
    return any(np.isfinite(t[n]).any() for t in tables for n in names if n in t)
