"""Loss, spectral position and the unreachable part of the gradient against compute, one line a size."""

from typing import Dict, List, Optional

import numpy as np
from matplotlib.axes import Axes

from ..reach import Series, equal_compute, optimum, over_seeds
from ..reader import Run
from ..sweep import choose
from . import style
from .modes import draw_line
from .panels import (CHI, draw_curve, draw_optimum, figure_with_legend, has_values, line_entry, log_scale, range_of,
                     series_entries)
from .style import Plot

LINES = 24  # series drawn
COMPUTE = "compute 6 N D (flop)"
RAW_DECADES = 6  # the raw scalar is drawn so many decades below the least trusted one
LINEAR_SHARE = 3.0  # shares beyond it are drawn on a logarithmic axis
LOSS_DECADES = 12  # of a loss that falls to rounding
RAW_LINE = (0, (4, 2))
SEEDS = "Line: mean over the seeds (geometric); band: smallest to largest seed. "


def loss(run: Run, found: List[Series]) -> Optional[Plot]:
    """Left: loss (its excess, where the optimum is known) at the snapshots against compute. Right: loss of the batch."""
    shown = choose(found, LINES)
    tables = [over_seeds(run, s, ("loss", "excess_loss")) for s in shown]
    if not has_values(tables, "loss"):
        return None
    name = "excess_loss" if all(has_values([t], "excess_loss") for t in tables) else "loss"
    batch = [run.training(s.points[0]) for s in shown]
    both = any(b is not None for b in batch)
    entries = series_entries(shown) + equal_entry(run, found)
    figure, axes = figure_with_legend(1, 2 if both else 1, 4.4, entries)
    ax = axes[0, 0]
    for s, table in zip(shown, tables):
        draw_curve(ax, table["compute"], table, name, s.colour, ls=s.linestyle, marker="o", ms=2.6)
    compute_axis(ax, tables)
    loss_scale(ax, range_of(tables, name))
    ax.set_ylabel("excess loss L − L* (units of the loss)" if name == "excess_loss" else "loss L (units of the loss)")
    draw_equal(ax, run, found)
    if both:
        _training(axes[0, 1], run, shown)
    best = {optimum(run, s.points[0]) for s in shown} - {None}
    caption = (
        ("Left: loss at the snapshots" + (", above its known optimum" if name == "excess_loss" else "") + ", against compute. "
         if both else "") + seeds_words(shown)
        + ("Right: loss of the batch at every stored step, first seed. " if both else "")
        + (f"The optimum L* is {best.pop():.6g}. " if len(best) == 1 else "") + start_words(tables) + left_out(shown, found)
    )
    return Plot("reach_loss", "Loss against compute", caption, figure, stack_series(shown, tables))


def _training(ax: Axes, run: Run, shown: List[Series]) -> None:
    values, steps, floor = [], [], set()
    for s in shown:
        data = run.training(s.points[0])
        if data is None or not data.sizes["step"]:
            continue
        thinned = style.thin(data.sizes["step"], 500)
        x, y = np.asarray(data["step"].values, float)[thinned], np.asarray(data["loss"].values, float)[thinned]
        good = (x > 0) & (y > 0)
        draw_line(ax, np.where(good, x, np.nan), np.where(good, y, np.nan), color=s.colour, ls=s.linestyle, lw=0.9)
        values.append(y[good])
        steps.append(x[good])
        floor.add(optimum(run, s.points[0]))
    log_scale(ax.xaxis, steps)
    loss_scale(ax, values)
    if len(floor) == 1 and None not in floor:
        draw_optimum(ax, floor.pop())
    ax.set_xlabel("step")
    ax.set_ylabel("loss of the batch (units of the loss)")


def position(run: Run, found: List[Series]) -> Optional[Plot]:
    """χ_pos: of the trusted part of the gradient solid, raw thin and dashed, between its two levels."""
    shown = choose(found, LINES)
    names = ("chi_pos", "chi_pos_trusted", "null_level", "top_level")
    tables = [over_seeds(run, s, names) for s in shown]
    if not has_values(tables, "chi_pos", "chi_pos_trusted"):
        return None
    several = any(s.linestyle != "-" for s in shown)
    entries = series_entries(shown) + [line_entry(f"{CHI} of the trusted part")] * has_values(tables, "chi_pos_trusted")
    entries += [line_entry(f"{CHI} raw (thin)", ls="-" if several else RAW_LINE, lw=0.9)]
    entries += [line_entry("top mode alone, λ₁/tr Θ", ls=(0, (1, 2)), lw=1.0)] * has_values(tables, "top_level")
    null = line_entry(r"no preference (null), 1/N$_\mathrm{out}$", style.COMPARATOR, (0, (7, 3)), 1.1)
    entries += [null] * has_values(tables, "null_level")
    figure, axes = figure_with_legend(1, 1, 4.9, entries + equal_entry(run, found))
    ax = axes[0, 0]
    for s, table in zip(shown, tables):
        x = table["compute"]
        draw_curve(ax, x, table, "chi_pos", s.colour, band=False, ls=s.linestyle if several else RAW_LINE, lw=0.9)
        draw_curve(ax, x, table, "chi_pos_trusted", s.colour, ls=s.linestyle, lw=1.9, zorder=3)
        draw_curve(ax, x, table, "top_level", s.colour, band=False, ls=(0, (1, 2)), lw=1.0, alpha=0.8)
    nulls = np.unique(np.round([v for t in tables for v in t["null_level"] if np.isfinite(v)], 15))
    for level in nulls[:: max(1, nulls.size // 6)]:
        ax.axhline(level, color=style.COMPARATOR, lw=1.1, ls=(0, (7, 3)), zorder=1)
    kept = range_of(tables, "chi_pos_trusted", "top_level", "null_level")
    least = np.nanmin(np.concatenate(kept)) if has_values(tables, "chi_pos_trusted") else np.nan
    bottom, _ = log_scale(ax.yaxis, kept + range_of(tables, "chi_pos"), low=least * 10.0**-RAW_DECADES)
    compute_axis(ax, tables)
    draw_equal(ax, run, found)
    ax.set_ylabel(f"spectral position {CHI} (dimensionless)")
    hidden = sum(int((t["chi_pos"] < bottom).sum()) for t in tables)
    caption = (
        "χ_pos = Σ (λ/tr Θ)(u·g)²/‖g‖²: where in the spectrum the loss gradient lies. Thick: with the gradient projected on "
        "the trusted modes, in both places where it stands. Thin: raw; it also falls, for ever, where the gradient that is "
        "left lies outside the trusted modes, which is no depth. " + seeds_words(shown)
        + (f"{hidden} raw values lie below the axis. " if hidden else "") + start_words(tables) + left_out(shown, found)
    )
    return Plot("reach_position", "Spectral position against compute", caption, figure, stack_series(shown, tables))


def unreachable(run: Run, found: List[Series]) -> Optional[Plot]:
    """Share of the gradient outside the trusted modes."""
    return _share(run, found, "unreachable_fraction", "reach_unreachable", "The unreachable part of the gradient",
                  "unreachable fraction ‖P g‖²/‖g‖²\n(dimensionless)",
                  "Share of ‖g‖² that lies outside the trusted modes: no step along the kernel's trusted directions changes "
                  "it. Where it nears 1, the raw χ_pos says nothing about depth. ")


def noise(run: Run, found: List[Series]) -> Optional[Plot]:
    """Share of the decrease that label noise takes, where it is known."""
    return _share(run, found, "noise_share", "reach_noise", "Learning against memorising",
                  "decrease by the noise's part of g alone\nover the whole decrease (dimensionless)",
                  "The gradient splits into a part of the signal and a part of the known label noise, and the decrease of the "
                  "loss into both their squares and a cross term, which sum to 1. Line: the noise's square. Near 0 the signal is "
                  "learned. Above 1 (dashed) the noise has been memorised in part: what is fitted of it stands in the signal's "
                  "part with the opposite sign, and the cross term cancels the two. ")


def _share(run: Run, found: List[Series], name: str, stem: str, title: str, label: str, words: str) -> Optional[Plot]:
    shown = choose(found, LINES)
    tables = [over_seeds(run, s, (name,), geometric=False) for s in shown]
    if not has_values(tables, name):
        return None
    figure, axes = figure_with_legend(1, 1, 4.2, series_entries(shown) + equal_entry(run, found))
    ax = axes[0, 0]
    for s, table in zip(shown, tables):
        draw_curve(ax, table["compute"], table, name, s.colour, ls=s.linestyle, marker="o", ms=2.6)
    values = np.concatenate(range_of(tables, name))
    if np.nanmax(values) > LINEAR_SHARE and np.nanmin(values) >= 0:
        log_scale(ax.yaxis, [values[values > 0]])
        ax.axhline(1.0, color=style.COMPARATOR, lw=1.1, ls=(0, (7, 3)), zorder=1)
    else:
        ax.set_ylim(min(-0.03, 1.05 * np.nanmin(values)), max(1.03, 1.05 * np.nanmax(values)))
    compute_axis(ax, tables)
    draw_equal(ax, run, found)
    ax.set_ylabel(label)
    caption = words + seeds_words(shown).replace(" (geometric)", "") + start_words(tables) + left_out(shown, found)
    return Plot(stem, title, caption, figure, stack_series(shown, tables))


# Shared by the other pictures of a training


def stack_series(shown: List[Series], tables: List[Dict[str, np.ndarray]]) -> Dict[str, np.ndarray]:
    """The tables one under the other, each row led by its series."""
    return style.stack([{**about(s, len(t["step"])), **t} for s, t in zip(shown, tables)])


def about(series: Series, rows: int) -> Dict[str, np.ndarray]:
    return {"series": np.full(rows, series.label, dtype=object), "size": np.full(rows, series.size),
            "optimiser": np.full(rows, series.optimiser, dtype=object)}


def compute_axis(ax: Axes, tables: List[Dict[str, np.ndarray]]) -> None:
    log_scale(ax.xaxis, [t["compute"] for t in tables], margin=0.03)
    ax.set_xlabel(COMPUTE)


def loss_scale(ax: Axes, values: List[np.ndarray]) -> None:
    top = max((float(np.nanmax(v)) for v in values if np.isfinite(v).any()), default=1.0)
    log_scale(ax.yaxis, values, low=top * 10.0**-LOSS_DECADES)


def equal_entry(run: Run, found: List[Series]) -> List:
    return [line_entry("equal compute, where sizes are compared", style.INK, (0, (1, 1.5)), 1.0)] if len(found) > 1 else []


def draw_equal(ax: Axes, run: Run, found: List[Series]) -> None:
    """Where models are compared; nothing with one model."""
    wanted = equal_compute(run, found)
    if len(found) > 1 and wanted > 0:
        ax.axvline(wanted, color=style.INK, lw=1.0, ls=(0, (1, 1.5)), zorder=1)


def seeds_words(shown: List[Series]) -> str:
    return SEEDS if max(len(s.points) for s in shown) > 1 else ""


def start_words(tables: List[Dict[str, np.ndarray]]) -> str:
    """A logarithmic axis has no place for step 0."""
    start = any((t["step"] <= 0).any() for t in tables)
    return "Step 0 has no place on a logarithmic axis; the CSV holds it. " if start else ""


def left_out(shown: List, found: List) -> str:
    return f"Drawn: {len(shown)} of {len(found)} models, evenly chosen. " if len(shown) < len(found) else ""

