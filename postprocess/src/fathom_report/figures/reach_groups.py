"""How groups of samples help or hinder one another: the loss decrease between every two of them."""

from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import FuncNorm
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter

from ..reach import Series
from ..reader import Run
from ..sweep import SEED
from . import style
from .panels import line_entry
from .reach import about
from .reach_modes import step_text
from .style import Plot

MOMENTS = (("decrease_first", "first snapshot", 0), ("decrease_last", "last snapshot", -1))
ANNOTATED = 12  # with more groups no cell holds a number
TICKS = 24
CORNER = 0.3  # of a cell, that marks interference
CORNER_MARK = Path([(-1, 1), (1, 1), (1, -1), (-1, 1)])
RED = "#8B0A1A"


def between_groups(run: Run, found: List[Series]) -> Optional[Plot]:
    """δL(A, B) over its sum at the first and the last snapshot; in a sweep of the largest size, first seed."""
    chosen = _largest(run, found)
    if chosen is None:
        return None
    series, point = chosen
    names, word = tick_names([str(n) for n in run.between_groups(point)["name"].values])
    shares = {key: share(np.asarray(run.between_groups(point)[key].values, float)) for key, _, _ in MOMENTS}
    figure, axes = style.new_figure(1, 2, 4.9)
    step = run.reach_snapshots(point)["step"].values
    for ax, (key, words, place) in zip(axes[0], MOMENTS):
        style.panel_title(ax, f"{words}, step {step_text(float(step[place]))}" if step.size else words, style.INK,
                          f"total decrease {shares[key][0]:.3g}")
    for ax, (key, _, _) in zip(axes[0], MOMENTS):
        cells = shares[key][1]
        if cells is None:
            style.empty(ax, "no decrease to share out")
            ax.set(xticks=[], yticks=[])
            continue
        _draw(ax, cells, names)
        ax.set_xlabel(f"whose loss falls: {word} B")
        ax.set_ylabel(f"whose step it is: {word} A")
    handle, label = line_entry("negative: the two interfere", RED, "", marker=CORNER_MARK, ms=7, mew=0)
    if any(cells is not None and (cells < 0).any() for _, cells in shares.values()):
        axes[0, 0].legend([handle], [label], loc="upper left", bbox_to_anchor=(-0.02, -0.1), handletextpad=0.2)
    seed = run.point_keys(point).get(SEED)
    which = ", ".join([series.label] * (len(found) > 1) + ([] if seed is None else [f"seed {seed:g}"]))
    caption = (
        "δL(A, B) = g_A · Θ g_B over its sum over all pairs, which is the whole loss decrease: what a step on the samples of "
        "A takes off the loss of B. Symmetric; blue: they help one another, red and marked: they interfere. Each panel has "
        "its own scale; colours go by the square root, so that what lies off the diagonal is seen. "
        + "".join(strongest(words, shares[key][1], names, word) for key, words, _ in MOMENTS)
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
    corner = CORNER * min(1.0, count / ANNOTATED)  # of one size on the page
    edge = np.arange(count + 1) - 0.5
    norm = FuncNorm((lambda v: np.sign(v) * np.sqrt(np.abs(v)), lambda v: np.sign(v) * v**2), -most, most)
    mesh = ax.pcolormesh(edge, edge, cells, cmap="RdBu", norm=norm, rasterized=True)
    corners = [[(j + 0.5 - corner, i - 0.5), (j + 0.5, i - 0.5), (j + 0.5, i - 0.5 + corner)]
               for i, j in zip(*np.nonzero(cells < 0))]
    if corners:
        ax.add_collection(PolyCollection(corners, lw=0, zorder=2, facecolor=RED, gid="interference"), autolim=False)
    if count <= ANNOTATED:
        _annotate(ax, cells, most)
    place = np.arange(0, count, -(-count // TICKS))
    wide = max(map(len, names)) > 3
    ax.set_xticks(place, [names[k] for k in place], rotation=40 if wide and count > 4 else 0)
    ax.set_yticks(place, [names[k] for k in place])
    ax.set_ylim(count - 0.5, -0.5)
    ax.grid(False)
    bar, top = ax.figure.colorbar(mesh, ax=ax, label="share of the total decrease (%)", pad=0.02, aspect=32), most_tick(most)
    bar.set_ticks([-top, -top / 4, 0, top / 4, top])
    bar.ax.minorticks_off()
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("-", "−")))


def _annotate(ax: Axes, cells: np.ndarray, most: float) -> None:
    size = 9.5 if len(cells) <= 6 else 7.5 if len(cells) <= 9 else 6.2
    for (i, j), value in np.ndenumerate(cells):
        ink = "white" if abs(value) > 0.4 * most else style.INK
        ax.text(j, i, percent(value), ha="center", va="center", fontsize=size, color=ink, zorder=3)


def most_tick(most: float) -> float:
    """The largest of 1, 2, 4 and 8 times a power of ten that an axis of this length holds."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(k for k in (1, 2, 4, 8) if k * power <= most) * power)


def percent(value: float) -> str:
    """Two digits without an exponent: 12, 1.2, −0.12, 0.01; what rounds to nothing keeps its sign alone, −0."""
    places = max(0, min(2, 1 - int(f"{value:.1e}".split("e")[1])))
    text = f"{value:.{places}f}"
    return (text if float(text) else "-0" if value < 0 else "0").replace("-", "−")


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
