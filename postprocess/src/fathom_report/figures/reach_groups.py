"""How groups of samples help or hinder one another: the loss decrease between every two of them."""

from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from ..reach import Series
from ..reader import Run
from ..sweep import SEED
from . import style
from .panels import figure_with_legend
from .reach import about
from .reach_modes import step_text
from .style import Plot

MOMENTS = (("decrease_first", "first snapshot", 0), ("decrease_last", "last snapshot", -1))
ANNOTATED = 12  # with more groups no cell holds a number
TICKS = 24
INTERFERENCE = dict(facecolor="none", edgecolor="#7A1020", hatch="////")


def between_groups(run: Run, found: List[Series]) -> Optional[Plot]:
    """δL(A, B) over its sum at the first and the last snapshot; in a sweep of the largest size, first seed."""
    chosen = _largest(run, found)
    if chosen is None:
        return None
    series, point = chosen
    names, word = tick_names([str(n) for n in run.between_groups(point)["name"].values])
    shares = {key: share(np.asarray(run.between_groups(point)[key].values, float)) for key, _, _ in MOMENTS}
    entries = [(Patch(**INTERFERENCE, lw=0), "negative: the two interfere")]
    figure, axes = figure_with_legend(1, 2, 4.9, entries)
    step = run.reach_snapshots(point)["step"].values
    for ax, (key, words, place) in zip(axes[0], MOMENTS):
        total, cells = shares[key]
        style.panel_title(ax, f"{words}, step {step_text(float(step[place]))}" if step.size else words, style.INK,
                          f"total decrease {total:.3g}")
        if cells is None:
            style.empty(ax, "no decrease to share out")
            ax.set_axis_off()
            continue
        _draw(ax, cells, names)
        ax.set_xlabel(f"whose loss falls: {word} B")
        ax.set_ylabel(f"whose step it is: {word} A")
    seed = run.point_keys(point).get(SEED)
    which = ", ".join([series.label] * (len(found) > 1) + [f"seed {seed}"] * (seed is not None))
    caption = (
        "δL(A, B) = g_A · Θ g_B over its sum over all pairs, which is the whole loss decrease: what a step on the samples of "
        "A takes off the loss of B. Symmetric; blue: they help one another, red and hatched: they interfere. Each panel has "
        "its own scale. " + "".join(strongest(words, shares[key][1], names, word) for key, words, _ in MOMENTS)
        + (f"Shown: {which}. " if which else "")
    )
    return Plot("reach_groups", "Between groups of samples: help and interference", caption, figure, groups_table(run, found))


def _largest(run: Run, found: List[Series]) -> Optional[Tuple[Series, int]]:
    """The largest size that holds the form between two groups or more, and its first seed that does."""
    for s in sorted(found, key=lambda s: -s.size if np.isfinite(s.size) else np.inf):
        for p in s.points:
            data = run.between_groups(p)
            if data is not None and data.sizes["group"] > 1:
                return s, p
    return None


def share(decrease: np.ndarray) -> Tuple[float, Optional[np.ndarray]]:
    """(sum over all pairs, each pair's share of it in percent); no shares where nothing decreases."""
    total = float(decrease.sum())
    return total, 100 * decrease / total if np.isfinite(total) and total > 0 else None


def tick_names(names: Sequence[str]) -> Tuple[List[str], str]:
    """"class 0", "class 1" → 0, 1 and the word that they share, else the names and "group"."""
    words = {n.split(" ", 1)[0] for n in names}
    if len(words) == 1 and all(" " in n for n in names):
        return [n.split(" ", 1)[1] for n in names], words.pop()
    return list(names), "group"


def _draw(ax: Axes, cells: np.ndarray, names: List[str]) -> None:
    count, most = len(names), float(np.abs(cells).max())
    edge = np.arange(count + 1) - 0.5
    mesh = ax.pcolormesh(edge, edge, cells, cmap="RdBu", vmin=-most, vmax=most, rasterized=True)
    boxes = [[(j - 0.5, i - 0.5), (j + 0.5, i - 0.5), (j + 0.5, i + 0.5), (j - 0.5, i + 0.5)]
             for i, j in zip(*np.nonzero(cells < 0))]
    if boxes:
        ax.add_collection(PolyCollection(boxes, lw=0, zorder=2, **INTERFERENCE), autolim=False)
    if count <= ANNOTATED:
        _annotate(ax, cells, most)
    place = np.arange(0, count, -(-count // TICKS))
    wide = max(map(len, names)) > 3
    ax.set_xticks(place, [names[k] for k in place], rotation=40 if wide and count > 4 else 0)
    ax.set_yticks(place, [names[k] for k in place])
    ax.set_ylim(count - 0.5, -0.5)
    ax.set_aspect("equal")
    ax.grid(False)
    ax.figure.colorbar(mesh, ax=ax, label="share of the total decrease (%)", pad=0.02, shrink=0.82, aspect=26)


def _annotate(ax: Axes, cells: np.ndarray, most: float) -> None:
    size = 9.5 if len(cells) <= 6 else 7.5 if len(cells) <= 9 else 6.2
    for (i, j), value in np.ndenumerate(cells):
        box = dict(boxstyle="round,pad=0.12", fc="white", ec="none", alpha=0.8) if value < 0 else None
        ink = "white" if value > 0.62 * most else style.INK
        ax.text(j, i, percent(value), ha="center", va="center", fontsize=size, color=ink, bbox=box, zorder=3)


def percent(value: float) -> str:
    """Two digits without an exponent: 12, 1.2, −0.12, 0.01; what rounds to nothing is 0."""
    places = max(0, min(2, 1 - int(np.floor(np.log10(abs(value)) + 1e-9)))) if value else 0
    text = f"{value:.{places}f}"
    return "0" if not float(text) else text.replace("-", "−")


def strongest(words: str, cells: Optional[np.ndarray], names: List[str], word: str) -> str:
    """At the last snapshot 4 of 45 pairs interfere, class 3 and 5 most: −2.1 % each way."""
    if cells is None:
        return ""
    first, second = np.triu_indices(len(names), 1)
    value = cells[first, second]
    count = int((value < 0).sum())
    said = f"At the {words} {count} of {value.size} pair{'s' if value.size > 1 else ''} interfere{'s' if count == 1 else ''}"
    worst = int(np.argmin(value))
    return said + (f", {word} {names[first[worst]]} and {names[second[worst]]} most ({percent(value[worst])} % each way). "
                   if count else ". ")


def groups_table(run: Run, found: List[Series]) -> Dict[str, np.ndarray]:
    """Every pair of every training, at both snapshots."""
    tables = []
    for s in found:
        for p in s.points:
            data = run.between_groups(p)
            if data is None:
                continue
            names = np.array([str(n) for n in data["name"].values], dtype=object)
            row = {**about(s, names.size**2), "point": np.full(names.size**2, p), "group": np.repeat(names, names.size),
                   "other_group": np.tile(names, names.size)}
            row.update({key: np.asarray(data[key].values, float).ravel() for key, _, _ in MOMENTS})
            tables.append(row)
    return style.stack(tables)
