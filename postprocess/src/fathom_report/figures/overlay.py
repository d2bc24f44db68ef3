"""All configurations of a sweep in one picture."""

from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..reader import Run
from ..states import TRUSTED
from ..sweep import Configuration, choose, key_text
from . import style
from .modes import broken_line, draw_line
from .style import Plot

LINES = 60  # configurations drawn
LEGEND = 14  # entries of a legend
INSIDE = 6  # entries that fit inside the axes


def overlay(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """λ/λ₁ against mode: geometric mean over seeds, with the range of the seeds. None for one configuration."""
    if len(items) < 2:
        return None
    shown = choose(items, LINES)
    figure, grid = style.new_figure(1, 1, 5.0)
    ax = grid[0, 0]
    tables, smallest, longest = [], 1.0, 2
    for item in shown:
        table = across_seeds(run, item)
        tables.append(table)
        mode, mean = table["mode"], table["relative_mean"]
        longest = max(longest, len(mode))
        every = np.isfinite(mean)
        x, low = broken_line(mode, table["relative_low"], every)
        ax.fill_between(x, low, broken_line(mode, table["relative_high"], every)[1], color=item.colour, alpha=0.18, lw=0)
        draw_line(ax, *broken_line(mode, mean, every), color=item.colour, ls=item.linestyle,
                  lw=1.7 if len(shown) <= 12 else 1.0)
        if np.isfinite(mean).any():
            smallest = min(smallest, float(np.nanmin(table["relative_low"])))
    style.mode_axis(ax, longest)
    ax.set_yscale("log")
    if not any(np.isfinite(t["relative_mean"]).any() for t in tables):
        ax.set_ylim(0.1, 1.0)
        style.empty(ax, "no configuration has a mode that all of its seeds trust")
    style.log_axis(ax.yaxis, smallest, 1.0)
    ax.set_ylabel("relative eigenvalue λ / λ₁ (dimensionless)")
    legend(ax, shown)
    seeds = max(len(c.points) for c in shown)
    caption = (
        "A line a configuration, over modes that every seed trusts; lines end where trust ends. "
        + (f"Line: geometric mean over up to {seeds} seeds; band: smallest to largest seed. " if seeds > 1 else "")
        + (f"Drawn: {len(shown)} of {len(items)} configurations, evenly chosen. " if len(shown) < len(items) else "")
    )
    return Plot("overlay", "The sweep in one picture, relative to the largest eigenvalue", caption, figure,
                style.stack(tables))


def across_seeds(run: Run, item: Configuration) -> Dict[str, Any]:
    """Geometric mean and range of λ/λ₁ over the seeds, NaN wherever one seed does not trust the mode."""
    spectra = [run.spectrum(p) for p in item.points]
    count = min(s.sizes["mode"] for s in spectra)
    rows = np.full((len(spectra), count), np.nan)
    for row, data in zip(rows, spectra):
        value, state = data["eigenvalue"].values[:count], data["state"].values[:count]
        good = (state == TRUSTED) & (value > 0)
        if good.any() and good[0]:
            row[good] = value[good] / value[0]
    logs = np.log(rows)  # NaN in one seed makes the mode NaN
    return {
        "configuration": np.full(count, item.label, dtype=object), "mode": np.arange(1, count + 1),
        "seeds": np.full(count, len(spectra)), "relative_mean": np.exp(logs.mean(axis=0)),
        "relative_low": rows.min(axis=0), "relative_high": rows.max(axis=0),
    }


def legend(ax: Axes, items: List[Configuration], **options) -> None:
    """One entry a configuration; long lists are sampled evenly and say so; two swept keys are told apart."""
    entries = _two_keys(items) if len(items) > LEGEND else None
    if entries is None:
        named = choose(items, LEGEND)
        entries = [(Line2D([], [], color=c.colour, ls=c.linestyle, lw=2), c.label) for c in named]
        if len(named) < len(items):
            entries.append((Line2D([], [], ls=""), f"… {len(items)} in all, in this order"))
    if len(entries) > INSIDE:
        options.update(loc="center left", bbox_to_anchor=(1.01, 0.5))
    handles, labels = zip(*entries)
    ax.legend(handles, labels, **options)


def _two_keys(items: List[Configuration]) -> Optional[List[Tuple[Line2D, str]]]:
    keys = list(dict.fromkeys(k for c in items for k in c.keys))
    styles = {str(c.linestyle) for c in items}
    if len(styles) < 2:
        return None
    entries: List[Tuple[Line2D, str]] = []
    for key in keys:
        values = list(dict.fromkeys(c.keys.get(key) for c in items))
        if len(values) < 2:
            continue
        for value in values:
            chosen = [c for c in items if c.keys.get(key) == value]
            coloured = len({str(c.colour) for c in chosen}) == 1
            colour, line = (chosen[0].colour, "-") if coloured else (style.INK, chosen[0].linestyle)
            entries.append((Line2D([], [], color=colour, ls=line, lw=2), key_text(key, value)))
    return entries
