"""How deep the loss decrease reaches during training, and where in the spectrum the gradient lies."""

from typing import Dict, List, Optional, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch

from ..reach import Series, decrease_share, depth, modes_of, over_seeds, trusted_power
from ..reader import Run
from ..states import NULL_BY_RANK, TRUSTED, UNTRUSTED, runs
from ..sweep import choose
from . import style
from .panels import draw_curve, figure_with_legend, has_values, line_entry, log_scale, range_of
from .reach import about, seeds_words, stack_series, start_words
from .style import Plot

PANELS = 3
BANDS = 260  # rows of a heat map; more modes are averaged over bands of equal width on the logarithmic axis
DECADES = 10  # of a heat map's colours
NEAR = 30  # a floor so many times below the deepest line is named, not drawn
UNKNOWN = dict(facecolor="#E3E3E3", edgecolor=style.UNTRUSTED, hatch="////")
NOTHING = dict(facecolor="white", edgecolor="#BBBBBB", hatch="...")
DEPTHS = ("depth_half_mode", "depth_90_mode", "depth_half_relative", "depth_90_relative")
NINETY = (0, (5, 1.6))


def depths(run: Run, found: List[Series]) -> Optional[Plot]:
    """Modes that hold half and 90 % of the current decrease: index above, λ/λ₁ below, a column a size."""
    usable = [s for s in found if has_values([over_seeds(run, s, DEPTHS)], *DEPTHS)]
    if not usable:
        return None
    shown = choose(usable, PANELS)
    tables = [over_seeds(run, s, (*DEPTHS, "floor_relative", "trusted")) for s in shown]
    count = [len(run.reach_snapshots(s.points[0])["mode"]) if modes_of(run.reach_snapshots(s.points[0])) is not None else 0
             for s in shown]
    deep = np.concatenate(range_of(tables, *DEPTHS[2:]))
    cut = np.nanmin(deep) / NEAR if np.isfinite(deep).any() else np.nan
    hatched = any((t["trusted_low"] < c).any() or (t["floor_relative_high"] > cut).any() for t, c in zip(tables, count))
    entries = [line_entry("half of the decrease lies above"), line_entry("90 % of the decrease lies above", ls=NINETY)]
    entries += [(Patch(**UNKNOWN, lw=0), "not trusted, or null by rank")] * hatched
    figure, axes = figure_with_legend(2, len(shown), 3.3, entries)
    steps = [t["step"] for t in tables]
    deepest = max([float(np.nanmax(np.concatenate([v, [1.0]]))) for v in range_of(tables, *DEPTHS[:2], "trusted")] + count)
    for place, (s, table) in enumerate(zip(shown, tables)):
        upper, lower = axes[:, place]
        for name, line in zip(DEPTHS, ("-", NINETY) * 2):
            draw_curve(upper if name.endswith("mode") else lower, table["step"], table, name, s.colour, ls=line, lw=1.8,
                       marker="o", ms=2.4, gid="depth")
        _, bottom = log_scale(upper.yaxis, [np.array([1.0, deepest])], inverted=True)
        least, _ = log_scale(lower.yaxis, range_of(tables, *DEPTHS[2:], "floor_relative") + [np.ones(1)], low=cut)
        for ax in (upper, lower):
            log_scale(ax.xaxis, steps, margin=0.03)
        grey(upper, table["step"], np.where(table["trusted_low"] < max(count[place], 1), table["trusted_low"] + 0.5, np.nan),
             bottom)
        grey(lower, table["step"], table["floor_relative_high"], least)
        floors = table["floor_relative_high"][np.isfinite(table["floor_relative_high"])]
        if floors.size and floors.max() < least:
            lower.annotate(f"trusted floor {floors.max():.0e}, below the axis", (0.03, 0.03), xycoords="axes fraction",
                           fontsize=8.5)
        style.panel_title(upper, s.label if len(found) > 1 else "", s.colour, "")
        lower.set_xlabel("step")
    axes[0, 0].set_ylabel("depth: mode j (deeper is lower)")
    axes[1, 0].set_ylabel("depth: λ/λ₁ (dimensionless)")
    caption = (
        "Solid: half of the current loss decrease λ(u·g)² comes from modes above the line; dashed: 90 %. Counted among "
        "trusted modes only; hatched: below the trusted floor, or null by rank. A line that runs along the hatched region is held up "
        "by it, and would go deeper without. " + seeds_words(shown) + start_words(tables)
        + (f"Columns show {len(shown)} of {len(usable)} models. " if len(shown) < len(usable) else "")
    )
    every = [over_seeds(run, s, (*DEPTHS, "floor_relative", "trusted")) for s in found]
    return Plot("reach_depth", "Depth of the loss decrease during training", caption, figure, stack_series(found, every))


def grey(ax: Axes, x: np.ndarray, edge: np.ndarray, end: float) -> None:
    """Hatches what lies between a floor and the end of the axis."""
    good = np.isfinite(x) & (x > 0) & np.isfinite(edge)
    if good.any():
        ax.fill_between(x[good], edge[good], end, **UNKNOWN, lw=0, zorder=0.5)
        ax.plot(x[good], edge[good], color=style.UNTRUSTED, lw=0.9, zorder=0.6)


def measure(run: Run, found: List[Series]) -> Optional[Plot]:
    """Heat map of μ_g: share of ‖g‖² a mode, over snapshots; the first seed of each model."""
    usable = [s for s in found if trusted_power(run.reach_snapshots(s.points[0])) is not None]
    if not usable:
        return None
    shown = choose(usable, PANELS)
    maps = [heat_map(run, s) for s in shown]
    states = {int(v) for m in maps for v in np.unique(m["closed"])}
    entries = [line_entry("half of the decrease lies above", "white", path_effects=_halo()),
               line_entry("90 % of the decrease lies above", "white", NINETY, path_effects=_halo())]
    entries += [(Patch(**UNKNOWN, lw=0), "untrusted modes")] * (UNTRUSTED in states)
    entries += [(Patch(**NOTHING, lw=0), "null by rank")] * (NULL_BY_RANK in states)
    figure, axes = figure_with_legend(1, len(shown), 4.9, entries)
    values = np.concatenate([m["power"][np.isfinite(m["power"]) & (m["power"] > 0)] for m in maps] + [np.zeros(0)])
    top = float(values.max()) if values.size else 1.0
    low = max(float(values.min()) if values.size else 0.1, top * 10.0**-DECADES)
    norm, mesh = LogNorm(min(low, 0.5 * top), top), None
    for ax, s, found_map in zip(axes[0], shown, maps):
        mesh = _draw_map(ax, found_map, norm)
        style.panel_title(ax, s.label if len(found) > 1 else "", s.colour, "")
        data = run.reach_snapshots(s.points[0])
        for part, line in (("half", "-"), ("90", NINETY)):
            ax.plot(np.arange(1, data.sizes["snapshot"] + 1), depth(data, part), color="white", ls=line, lw=1.5, gid="depth",
                    path_effects=_halo(), zorder=4)
    axes[0, 0].set_ylabel("mode j (deeper is lower)")
    figure.colorbar(mesh, ax=list(axes[0]), label="share of ‖g‖² in the mode (dimensionless)", pad=0.01, aspect=32)
    banded = any(m["edge"].size - 1 < m["modes"] for m in maps)
    caption = (
        "μ_g: how the squared loss gradient in function space spreads over the eigenvectors of the kernel, snapshot by "
        "snapshot"
        + (", averaged over narrow bands of modes" if banded else "") + ". Training empties the modes from the top. Hatched: "
        "modes that are not trusted, whose eigenvectors rounding has mixed; their numbers are in the CSV only. "
        + ("First seed of each model. " if max(len(s.points) for s in shown) > 1 else "")
        + f"Colours end {DECADES} decades below the largest share. "
        + (f"Panels show {len(shown)} of {len(usable)} models. " if len(shown) < len(usable) else "")
    )
    return Plot("reach_measure", "Where the gradient lies: the spectral measure over training", caption, figure,
                style.stack([measure_table(run, s) for s in shown]))


def _halo() -> List:
    from matplotlib import patheffects

    return [patheffects.Stroke(linewidth=3.0, foreground="#222222"), patheffects.Normal()]


def heat_map(run: Run, series: Series) -> Dict[str, np.ndarray]:
    """power over (band, snapshot), NaN wherever the band holds a mode that is not trusted; what closes the others.

    edge holds the borders of the bands in modes; closed is TRUSTED where power is shown, else the state that forbids it.
    """
    data = run.reach_snapshots(series.points[0])
    power, state = trusted_power(data).T, modes_of(data)[1].T
    first = bands(power.shape[0])
    total = np.add.reduceat(power, first, axis=0)  # a mode that is not trusted is NaN, and so is its band
    width = np.diff(np.append(first, power.shape[0]))[:, None]
    untrusted = np.maximum.reduceat(state == UNTRUSTED, first, axis=0)
    null = np.maximum.reduceat(state == NULL_BY_RANK, first, axis=0)
    closed = np.where(untrusted, UNTRUSTED, np.where(null, NULL_BY_RANK, TRUSTED))
    return {"power": total / width, "closed": closed, "edge": np.append(first, power.shape[0]) + 0.5,
            "modes": np.int64(power.shape[0]), "step": np.asarray(data["step"].values)}


def bands(count: int) -> np.ndarray:
    """Index at which each band begins: one mode a band, log-uniform bands once there are too many."""
    if count <= BANDS:
        return np.arange(count)
    return np.unique(np.round(np.geomspace(1, count + 1, BANDS + 1)).astype(np.int64))[:-1] - 1


def _draw_map(ax: Axes, found: Dict[str, np.ndarray], norm: LogNorm):
    power, edge = found["power"], found["edge"]
    x = np.arange(power.shape[1] + 1) + 0.5
    shown = np.ma.masked_invalid(np.where(power > 0, np.maximum(power, norm.vmin), np.where(power == 0, norm.vmin, np.nan)))
    mesh = ax.pcolormesh(x, edge, shown, norm=norm, cmap="viridis", rasterized=True, zorder=1)
    for state, look in ((UNTRUSTED, UNKNOWN), (NULL_BY_RANK, NOTHING)):
        boxes = _boxes(found["closed"] == state, x, edge)
        if boxes:
            ax.add_collection(PolyCollection(boxes, lw=0, zorder=2, **look), autolim=False)
    ax.set_xlim(x[0], x[-1])
    ax.set_yscale("log")
    ax.set_ylim(edge[-1], edge[0])
    style.log_axis(ax.yaxis, 1, edge[-1])
    ax.grid(False)
    place = np.unique(np.round(np.linspace(0, power.shape[1] - 1, min(power.shape[1], 6))).astype(int))
    ax.set_xticks(place + 1, [step_text(found["step"][k]) for k in place])
    ax.set_xlabel("step of the snapshot")
    return mesh


def step_text(step: float) -> str:
    """0, 512, 16k, 1.05M"""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if step >= 10 * size or (unit == "M" and step >= size):
            return f"{step / size:.3g}{unit}"
    return f"{step:g}"


def _boxes(closed: np.ndarray, x: np.ndarray, edge: np.ndarray) -> List[List[Tuple[float, float]]]:
    """One rectangle a stretch of bands; neighbouring snapshots with the same stretches share theirs."""
    boxes, start = [], 0
    for k in range(1, closed.shape[1] + 1):
        if k < closed.shape[1] and np.array_equal(closed[:, k], closed[:, start]):
            continue
        for a, b in runs(closed[:, start]):
            boxes.append([(x[start], edge[a]), (x[k], edge[a]), (x[k], edge[b]), (x[start], edge[b])])
        start = k
    return boxes


def measure_table(run: Run, series: Series) -> Dict[str, np.ndarray]:
    """Every mode of every snapshot of every seed, its state included; the decrease's share over trusted modes only."""
    tables = []
    for point in series.points:
        data = run.reach_snapshots(point)
        found = modes_of(data)
        if found is None:
            continue
        value, state, power = found
        snapshots, modes = value.shape
        tables.append({
            **about(series, value.size), "point": np.full(value.size, point),
            "step": np.repeat(data["step"].values, modes), "mode": np.tile(data["mode"].values, snapshots),
            "eigenvalue": value.ravel(), "state": state.ravel(), "gradient_power": power.ravel(),
            "decrease_share": decrease_share(data).ravel()})
    return style.stack(tables)
