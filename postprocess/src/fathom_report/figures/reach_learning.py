"""What feature learning adds to a frozen kernel, and what the optimiser does to reach."""

from typing import Any, Dict, List, Optional

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reach import Series, optimum, over_seeds
from ..reader import Run
from ..sweep import choose
from . import style
from .modes import draw_line
from .panels import CHI, draw_curve, figure_with_legend, has_values, line_entry, log_scale, range_of, series_entries
from .reach import COMPUTE, about, loss_scale, seeds_words, stack_series, start_words
from .style import Plot

PANELS = 3
ROWS = 3
SIDE = (("loss", "loss"), ("chi_pos_trusted", f"{CHI}, trusted part"), ("depth_90_relative", "depth λ/λ₁ of 90 %"))
COOL = (5, 2, 0, 7, 3, 6)  # colours of the house that no size has


def frozen(run: Run, found: List[Series]) -> Optional[Plot]:
    """The run itself and its continuations with a frozen kernel; last panel: how much higher these end."""
    usable = [s for s in found if any(run.frozen(p) is not None and run.frozen(p)["loss"].size for p in s.points)]
    if not usable:
        return None
    shown = choose(usable, PANELS)
    starts = sorted({float(v) for s in shown for v in _first(run, s)["frozen_start"].values})
    colours = {start: _start_colour(k, len(starts)) for k, start in enumerate(starts)}
    ends = [end_table(run, s) for s in usable]
    entries = [line_entry("learning features", lw=2.4)]
    entries += [line_entry(f"kernel frozen at step {start:g}", colours[start], (0, (5, 1.6))) for start in starts[:10]]
    entries += series_entries(usable) if len(usable) > 1 else []
    figure, axes = figure_with_legend(*_shape(len(shown) + 1), 3.8, entries)
    axes = axes.ravel()
    for ax in axes[len(shown) + 1:]:
        ax.set_visible(False)
    excess = all(_above_optimum(run, s) for s in shown)
    values: List[np.ndarray] = []
    for ax, s in zip(axes, shown):
        values += _continuations(ax, _first(run, s), optimum(run, s.points[0]) if excess else 0.0, colours)
        style.panel_title(ax, s.label if len(found) > 1 else "", s.colour, "")
        ax.set_ylabel("excess loss L − L* (units of the loss)" if excess else "loss L (units of the loss)")
    for ax in axes[: len(shown)]:
        loss_scale(ax, values)
    _ends(axes[len(shown)], usable, ends)
    caption = (
        "Thick: the loss of the run itself. Dashed: the same run continued with the kernel frozen at a step (mark), by "
        "gradient flow in function space for the same training time. Last panel: frozen over learning at the end; above the "
        "dashed line feature learning has gone past the frozen kernel. "
        + ("Curves: first seed of each model. " if max(len(s.points) for s in shown) > 1 else "")
        + (f"Panels show {len(shown)} of {len(usable)} models. " if len(shown) < len(usable) else "")
    )
    return Plot("reach_frozen", "Feature learning against a frozen kernel", caption, figure,
                style.stack([frozen_table(run, s) for s in usable]))


def _first(run: Run, series: Series) -> xr.Dataset:
    return next(run.frozen(p) for p in series.points if run.frozen(p) is not None)


def _shape(count: int) -> Any:
    return (1, count) if count <= 3 else (2, 2)


def _start_colour(place: int, count: int) -> Any:
    return style.PALETTE[COOL[place]] if count <= 6 else _viridis(place / max(count - 1, 1))


def _viridis(share: float) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](0.85 * share)


def _learning(data: xr.Dataset) -> Optional[np.ndarray]:
    """The run's own loss over (frozen_start, frozen_time), whichever way it is stored."""
    if "learning_loss" not in data:
        return None
    value = np.asarray(data["learning_loss"].values, float)
    return np.broadcast_to(value, data["loss"].shape)


def _above_optimum(run: Run, series: Series) -> bool:
    best, data = optimum(run, series.points[0]), _first(run, series)
    values = [data["loss"].values] + ([_learning(data)] if _learning(data) is not None else [])
    return best is not None and all((v[np.isfinite(v)] > best).all() for v in values)


def _continuations(ax: Axes, data: xr.Dataset, best: float, colours: Dict[float, Any]) -> List[np.ndarray]:
    time = np.asarray(data["frozen_time"].values, float)
    loss, learning, values = np.asarray(data["loss"].values, float) - best, _learning(data), []
    if learning is not None:
        for row in np.unique(learning, axis=0) - best:
            x, y = _positive(time, row)
            draw_line(ax, x, y, color=style.INK, lw=2.4, zorder=2)
            values.append(y)
    for start, row in zip(data["frozen_start"].values, loss):
        x, y = _positive(time, row)
        colour = colours[float(start)]
        draw_line(ax, x, y, color=colour, ls=(0, (5, 1.6)), lw=1.6, zorder=3)
        first = np.flatnonzero(np.isfinite(y))[:1]
        ax.plot(x[first], y[first], ls="", marker="o", ms=4.5, color=colour, zorder=4)
        values.append(y)
    log_scale(ax.xaxis, [time], margin=0.03)
    ax.set_xlabel("training time (sum of learning rates)")
    return values


def _positive(x: np.ndarray, y: np.ndarray):
    good = (x > 0) & np.isfinite(y) & (y > 0)
    return np.where(good, x, np.nan), np.where(good, y, np.nan)


def end_table(run: Run, series: Series) -> Dict[str, np.ndarray]:
    """Frozen over learning loss (above the optimum where it is known) at each start's last common time, over the seeds."""
    rows: Dict[float, List[float]] = {}
    for point in series.points:
        data = run.frozen(point)
        learning = None if data is None else _learning(data)
        if learning is None:
            continue
        loss, best = np.asarray(data["loss"].values, float), optimum(run, point) or 0.0
        for start, a, b in zip(data["frozen_start"].values, loss - best, learning - best):
            both = np.flatnonzero(np.isfinite(a) & np.isfinite(b))
            good = both.size and a[both[-1]] > 0 and b[both[-1]] > 0
            rows.setdefault(float(start), []).append(a[both[-1]] / b[both[-1]] if good else np.nan)
    starts = np.array(sorted(rows))
    values = [np.array(rows[s]) for s in starts]
    return {"frozen_start": starts, "seeds": np.array([v.size for v in values], dtype=int),
            "ratio": np.array([np.exp(np.log(v).mean()) for v in values]),
            "ratio_low": np.array([v.min() for v in values]), "ratio_high": np.array([v.max() for v in values])}


def _ends(ax: Axes, usable: List[Series], ends: List[Dict[str, np.ndarray]]) -> None:
    by_size = len(usable) > 1 and max(t["frozen_start"].size for t in ends) == 1
    for s, table in zip(usable, ends):
        x = np.maximum(table["frozen_start"], 0.5)  # a kernel frozen at step 0 has a place too
        if by_size:
            x = np.full(x.size, float(s.size))
        if x.size:
            draw_curve(ax, x, table, "ratio", s.colour, ls=s.linestyle, marker="o", ms=4)
    ax.axhline(1.0, color=style.COMPARATOR, lw=0.9, ls=(0, (6, 3)), zorder=1)
    log_scale(ax.yaxis, range_of(ends, "ratio") + [np.array([0.8, 1.25])])
    ax.set_ylabel("frozen loss / learning loss\nat the end (dimensionless)")
    if by_size:  # one start: it is the sizes that differ
        log_scale(ax.xaxis, [np.array([float(s.size) for s in usable])], margin=0.08)
        ax.set_xticks([float(s.size) for s in usable], [f"{s.size:g}" for s in usable])
        ax.set_xlabel(f"size, kernel frozen at step {min(t['frozen_start'].min() for t in ends if t['frozen_start'].size):g}")
        return
    log_scale(ax.xaxis, [np.maximum(t["frozen_start"], 0.5) for t in ends], margin=0.08)
    if any((t["frozen_start"] < 0.5).any() for t in ends):
        ax.annotate("leftmost: frozen at step 0", (0.02, 0.02), xycoords="axes fraction", fontsize=8.5)
    ax.set_xlabel("step at which the kernel was frozen")


def frozen_table(run: Run, series: Series) -> Dict[str, np.ndarray]:
    """Both losses at every time of every start of every seed; rows of the padding are left out."""
    tables = []
    for point in series.points:
        data = run.frozen(point)
        if data is None:
            continue
        loss, learning = np.asarray(data["loss"].values, float), _learning(data)
        start, time = np.nonzero(np.isfinite(loss))
        table = {**about(series, start.size), "point": np.full(start.size, point),
                 "frozen_start": data["frozen_start"].values[start], "frozen_time": data["frozen_time"].values[time],
                 "loss": loss[start, time]}
        table["learning_loss"] = np.full(start.size, np.nan) if learning is None else learning[start, time]
        tables.append(table)
    return style.stack(tables)


def optimisers(run: Run, found: List[Series]) -> Optional[Plot]:
    """Loss, χ_pos and depth against compute, a line an optimiser, a row a size."""
    names = list(dict.fromkeys(s.optimiser for s in found))
    sizes = [v for v in dict.fromkeys(s.size for s in found) if len({s.optimiser for s in found if s.size == v}) > 1]
    if len(names) < 2 or not sizes:
        return None
    shown = choose(sizes, ROWS)
    columns = ("loss", "excess_loss", *(k for k, _ in SIDE[1:]))
    every = {s.label: over_seeds(run, s, columns) for s in found}
    excess = all(has_values([t], "excess_loss") for t in every.values())
    panels = [("excess_loss" if k == "loss" and excess else k, ("excess " if k == "loss" and excess else "") + words)
              for k, words in SIDE]
    panels = [(k, words) for k, words in panels if has_values(list(every.values()), k)]
    colours = {name: style.PALETTE[k % len(style.PALETTE)] for k, name in enumerate(names)}
    figure, axes = figure_with_legend(len(shown), len(panels), 3.3, [line_entry(n, colours[n]) for n in names])
    for size, line in zip(shown, axes):
        own = [s for s in found if s.size == size]
        for ax, (key, words) in zip(line, panels):
            for s in own:
                table = every[s.label]
                draw_curve(ax, table["compute"], table, key, colours[s.optimiser], lw=1.8, marker="o", ms=2.4)
            log_scale(ax.xaxis, [t["compute"] for t in every.values()], margin=0.03)
            (loss_scale(ax, range_of(list(every.values()), key)) if key.endswith("loss")
             else log_scale(ax.yaxis, range_of(list(every.values()), key)))
            ax.set_ylabel(words + (" (units of the loss)" if key.endswith("loss") else " (dimensionless)"))
            ax.set_xlabel(COMPUTE)
        if len(sizes) > 1:
            style.panel_title(line[0], f"{own[0].size_name} {size:g}", style.INK, "")
    caption = ("The same model under each optimiser at the same compute; axes are the same in every row. Depth: the relative "
               "eigenvalue above which 90 % of the current decrease lies, among trusted modes; lower is deeper. "
               + seeds_words(found) + start_words(list(every.values()))
               + (f"Rows show {len(shown)} of {len(sizes)} sizes. " if len(shown) < len(sizes) else ""))
    return Plot("reach_optimisers", "Optimisers side by side", caption, figure,
                stack_series(found, list(every.values())))
