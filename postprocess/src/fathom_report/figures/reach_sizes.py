"""Reach against the size of the model, why the raw scalar misleads about it, and whether the routes to χ_pos agree."""

from typing import Any, Dict, List, Optional

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reach import Series, equal_compute, optimum, over_seeds, seeds_at_compute, quantity
from ..reader import Run, plain
from ..sweep import choose
from . import style
from .modes import number
from .panels import CHI, draw_optimum, figure_with_legend, has_values, line_entry, log_scale, range_of, series_entries
from .reach import COMPUTE, LINES, about, left_out
from .style import Plot

REACH = (("mode", "reach: mode j (deeper is lower)"), ("relative_eigenvalue", "reach: λ/λ₁ (dimensionless)"),
         ("final_loss", "final loss (units of the loss)"))
RAW, TRUSTED_PART = f"{CHI} raw", f"{CHI} of the trusted part"
MISLEADS = 0.1  # with more of the gradient out of reach the raw scalar is no measure of depth
NAMED, RANGE = 6, 1e-18  # models whose routes are drawn; a scalar below this is drawn at no axis


def sizes(run: Run, found: List[Series]) -> Optional[Plot]:
    """Index, λ/λ₁ and final loss at equal compute against size, with the run's intervals."""
    data = run.reach()
    if data is None or not data.sizes["size"]:
        return None
    panels = [(k, label) for k, label in REACH if k in data and np.isfinite(np.asarray(data[k].values, float)).any()]
    if not panels:
        return None
    groups = _groups(data)
    entries = [line_entry(name, colour, marker="o", ms=4) for name, _, colour in groups] if len(groups) > 1 else []
    slope = number(data, "slope")
    drawn = slope is not None and len(groups) == 1 and "mode" in dict(panels)
    if drawn:
        entries.append(line_entry(slope_text(data), style.INK, lw=6, alpha=0.2))
    figure, axes = figure_with_legend(1, len(panels), 4.0, entries)
    size, name = np.asarray(data["size"].values, float), found[0].size_name if found else "size"
    for ax, (key, label) in zip(axes[0], panels):
        spans = [interval(data, key)]
        for _, rows, colour in groups:
            _with_bars(ax, size[rows], *(v[rows] for v in spans[0]), colour)
        log_scale(ax.xaxis, [size], margin=0.12)
        log_scale(ax.yaxis, list(spans[0]), inverted=key == "mode", margin=0.12)
        if len(np.unique(size)) <= 8:
            ax.set_xticks(np.unique(size), [f"{v:g}" for v in np.unique(size)])
        if key == "mode" and drawn:
            _slope_line(ax, size, spans[0][0], slope)
        ax.set_xlabel(f"size: {name}")
        ax.set_ylabel(label)
    best = {optimum(run, s.points[0]) for s in found}
    if len(best) == 1 and None not in best and panels[-1][0] == "final_loss":
        draw_optimum(axes[0, -1], best.pop())
    share, compute, seeds = (number(data, k) for k in ("share", "compute", "seeds"))
    caption = (
        "Reach: the depth " + (f"above which {100 * share:g} % of the loss decrease came, " if share is not None else "")
        + "sustained, among trusted modes"
        + (f", at the equal compute of {compute:.3g} flop" if compute is not None else "") + ". Bars: the run's intervals"
        + (f" over {seeds:.0f} seeds" if seeds is not None else "") + ". "
    )
    return Plot("reach_size", "Reach against size", caption, figure, reach_table(data))


def _groups(data: xr.Dataset) -> List:
    """(name, rows, colour): all rows, or those of each optimiser where the table tells them apart."""
    if "optimiser" not in data or data["optimiser"].dims != ("size",):
        return [("", np.arange(data.sizes["size"]), style.PALETTE[0])]
    names = [str(plain(v)) for v in data["optimiser"].values]
    return [(name, np.array([k for k, v in enumerate(names) if v == name]), style.PALETTE[place % len(style.PALETTE)])
            for place, name in enumerate(dict.fromkeys(names))]


def interval(data: xr.Dataset, name: str) -> List[np.ndarray]:
    """Value, low and high over size; without an interval all three are the value."""
    value = np.asarray(data[name].values, float)
    ends = [np.asarray(data[name + k].values, float) if name + k in data else value for k in ("_low", "_high")]
    return [value, *(np.where(np.isfinite(e), e, value) for e in ends)]


def _with_bars(ax: Axes, x: np.ndarray, value: np.ndarray, low: np.ndarray, high: np.ndarray, colour: Any) -> None:
    order = np.argsort(x)
    x, value, low, high = x[order], value[order], low[order], high[order]
    ax.errorbar(x, value, yerr=[np.maximum(value - low, 0), np.maximum(high - value, 0)], color=colour, marker="o", ms=4.5,
                lw=1.6, elinewidth=1.2, capsize=3.5)


def _slope_line(ax: Axes, size: np.ndarray, value: np.ndarray, slope: float) -> None:
    good = np.isfinite(value) & (value > 0) & (size > 0)
    if good.sum() < 2:
        return
    ends = np.geomspace(size[good].min(), size[good].max(), 50)
    centre = np.exp(np.mean(np.log(value[good]) - slope * np.log(size[good])))
    ax.plot(ends, centre * ends**slope, color=style.INK, lw=6, alpha=0.2, solid_capstyle="butt", zorder=1)


def slope_text(data: xr.Dataset) -> str:
    """fit: mode ∝ size^0.52 [0.40, 0.64]"""
    slope, low, high = (number(data, k) for k in ("slope", "slope_low", "slope_high"))
    return f"fit: mode ∝ size^{slope:.2f}" + (f" [{low:.2f}, {high:.2f}]" if None not in (low, high) else "")


def reach_table(data: xr.Dataset) -> Dict[str, np.ndarray]:
    """Everything that /reach holds over size."""
    table = {"size": data["size"].values}
    table.update({str(k): v.values for k, v in data.data_vars.items() if v.dims == ("size",)})
    return table


def raw_against_trusted(run: Run, found: List[Series]) -> Optional[Plot]:
    """Left: raw against trusted χ_pos through training. Right: both, and the unreachable fraction, at equal compute."""
    names = ("chi_pos", "chi_pos_trusted")
    tables = [over_seeds(run, s, names) for s in found]
    usable = [(s, t) for s, t in zip(found, tables) if has_values([t], "chi_pos_trusted")]
    if len({s.size for s, _ in usable}) < 2:
        return None
    shown = choose(usable, LINES)
    entries = series_entries([s for s, _ in shown])
    entries += [line_entry(TRUSTED_PART, marker="o", ms=5),
                line_entry(RAW, ls=(0, (4, 2)), lw=1.2, marker="o", ms=5, mfc="white")]
    figure, axes = figure_with_legend(1, 3, 4.1, entries, (1.25, 1, 1))
    left, middle, right = axes[0]
    values = np.concatenate(range_of([t for _, t in shown], "chi_pos_trusted"))
    least, most = np.nanmin(values[values > 0]), np.nanmax(values)
    for s, t in shown:
        both = (t["chi_pos"] > 0) & (t["chi_pos_trusted"] > 0)
        left.plot(np.where(both, t["chi_pos_trusted"], np.nan), np.where(both, t["chi_pos"], np.nan), color=s.colour,
                  ls=s.linestyle, marker="o", ms=2.6)
    left.plot([least / 10, most * 10], [least / 10, most * 10], color=style.COMPARATOR, lw=0.9, ls=(0, (6, 3)), zorder=1)
    log_scale(left.xaxis, [np.array([least, most])])
    log_scale(left.yaxis, [t["chi_pos"] for _, t in shown], low=least * 1e-4)
    left.annotate("dashed: raw = trusted", (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8.5,
                  color=style.COMPARATOR)
    left.set_xlabel(f"{TRUSTED_PART} (dimensionless)")
    left.set_ylabel(f"{RAW} (dimensionless)")
    table = at_equal_compute(run, [s for s, _ in usable])
    _levels(middle, table, found)
    _unreachable(right, table, found)
    misleads = bool((table["unreachable_fraction"] > MISLEADS).any())
    caption = (
        "Left: a point a snapshot (mean over the seeds), training runs from the upper right. On the dashed line both numbers "
        "agree; below it the raw scalar falls because the gradient that is left cannot be reached, not because the model "
        f"learns deeper. Middle and right: at the equal compute of {table['compute'][0]:.3g} flop. "
        + ("Whoever reads depth from the raw scalar puts the models with the largest unreachable fraction deepest. "
           if misleads else "Here the two agree: little of the gradient is out of reach. ")
        + (f"Drawn: {len(shown)} of {len(usable)} models. " if len(shown) < len(usable) else "")
    )
    title = "Why the raw scalar misleads" if misleads else "The raw scalar and the trusted one"
    return Plot("reach_raw", title, caption, figure, table)


def at_equal_compute(run: Run, found: List[Series]) -> Dict[str, np.ndarray]:
    """Raw and trusted χ_pos (geometric) and the unreachable fraction (arithmetic mean), with the range of the seeds."""
    compute, rows = equal_compute(run, found), []
    for s in found:
        row = {"series": s.label, "size": s.size, "optimiser": s.optimiser, "compute": compute, "seeds": len(s.points)}
        for name, mean in (("chi_pos", _geometric), ("chi_pos_trusted", _geometric), ("unreachable_fraction", np.mean)):
            values = seeds_at_compute(run, s, name, compute)
            whole = values.size == len(s.points)
            row[name] = float(mean(values)) if whole else np.nan
            row[f"{name}_low"], row[f"{name}_high"] = (values.min(), values.max()) if whole else (np.nan, np.nan)
        rows.append(row)
    return {k: np.array([r[k] for r in rows], dtype=object if isinstance(rows[0][k], str) else float) for k in rows[0]}


def _geometric(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else np.nan


def _by_optimiser(table: Dict[str, np.ndarray]):
    for place, name in enumerate(dict.fromkeys(table["optimiser"])):
        yield np.flatnonzero(table["optimiser"] == name), place


def _levels(ax: Axes, table: Dict[str, np.ndarray], found: List[Series]) -> None:
    kept = table["chi_pos_trusted"][table["chi_pos_trusted"] > 0]
    for rows, _ in _by_optimiser(table):
        x = table["size"][rows]
        ax.plot(x, table["chi_pos_trusted"][rows], color=style.INK, marker="o", ms=5, lw=1.6)
        ax.plot(x, table["chi_pos"][rows], color=style.INK, marker="o", ms=5, mfc="white", lw=1.2, ls=(0, (4, 2)))
        if len(set(table["optimiser"])) > 1:
            ax.annotate(table["optimiser"][rows[0]], (x[-1], table["chi_pos_trusted"][rows[-1]]), xytext=(6, 0),
                        textcoords="offset points", va="center", fontsize=8.5)
        for name in ("chi_pos_trusted", "chi_pos"):
            ax.vlines(x, table[f"{name}_low"][rows], table[f"{name}_high"][rows], color=style.INK, lw=1.1, zorder=1)
    low = kept.min() * 1e-6 if kept.size else np.nan
    bottom, _ = log_scale(ax.yaxis, range_of([table], "chi_pos", "chi_pos_trusted"), low=low)
    hidden = int((table["chi_pos"] < bottom).sum())
    if hidden:
        ax.annotate(f"{hidden} raw value{'s' if hidden > 1 else ''}\nbelow the axis", (0.97, 0.02), xycoords="axes fraction",
                    fontsize=8.5, va="bottom", ha="right")
    _size_axis(ax, table["size"], found)
    ax.set_ylabel(f"{CHI} (dimensionless)")


def _unreachable(ax: Axes, table: Dict[str, np.ndarray], found: List[Series]) -> None:
    name = "unreachable_fraction"
    for rows, _ in _by_optimiser(table):
        x = table["size"][rows]
        ax.plot(x, table[name][rows], color=style.PALETTE[1], marker="o", ms=5, lw=1.6)
        ax.vlines(x, table[f"{name}_low"][rows], table[f"{name}_high"][rows], color=style.PALETTE[1], lw=1.1)
    ax.set_ylim(-0.03, 1.03)
    _size_axis(ax, table["size"], found)
    ax.set_ylabel("unreachable fraction (dimensionless)")


def _size_axis(ax: Axes, size: np.ndarray, found: List[Series]) -> None:
    log_scale(ax.xaxis, [size], margin=0.1)
    if len(np.unique(size)) <= 8:
        ax.set_xticks(np.unique(size), [f"{v:g}" for v in np.unique(size)])
    ax.set_xlabel(f"size: {found[0].size_name}")


def routes(run: Run, found: List[Series]) -> Optional[Plot]:
    """χ_pos by the dense spectrum, by Lanczos from the residual and from per-sample gradients; left values, right errors."""
    usable = [s for s in found if any(np.isfinite(t[k]).any() for t in [route_table(run, s)]
                                      for k in ("chi_pos_lanczos", "chi_pos_gradients"))]
    if not usable:
        return None
    shown = choose(usable, NAMED)
    tables = [route_table(run, s) for s in shown]
    entries = series_entries(shown) + [line_entry("dense"), line_entry("Lanczos", ls="", marker="D", ms=4.5, mfc="none"),
                                       line_entry("gradients, ± standard error", ls="", marker="o", ms=4)]
    figure, axes = figure_with_legend(1, 2, 4.4, entries)
    left, right = axes[0]
    for s, t in zip(shown, tables):
        first = t["point"] == s.points[0]
        x = np.where(t["compute"] > 0, t["compute"], np.nan)
        left.plot(x[first], t["chi_pos"][first], color=s.colour, ls=s.linestyle, lw=1.2)
        left.plot(x[first], t["chi_pos_lanczos"][first], color=s.colour, ls="", marker="D", ms=4.5, mfc="none", mew=0.9)
        left.errorbar(x[first], t["chi_pos_gradients"][first], yerr=np.nan_to_num(t["standard_error"][first]),
                      color=s.colour, ls="", marker="o", ms=2.8, elinewidth=0.9)
        right.plot(x, t["lanczos_apart"], color=s.colour, ls="", marker="D", ms=4.2, mfc="none", mew=0.8)
        right.plot(x, t["gradients_apart"], color=s.colour, ls="", marker="o", ms=3.2)
    names = ("chi_pos", "chi_pos_lanczos", "chi_pos_gradients")
    log_scale(left.yaxis, [t[k] for t in tables for k in names], low=RANGE)
    log_scale(right.yaxis, [t[k] for t in tables for k in ("lanczos_apart", "gradients_apart")], low=1e-18)
    for ax in (left, right):
        log_scale(ax.xaxis, [t["compute"] for t in tables], margin=0.03)
        ax.set_xlabel(COMPUTE)
    left.set_ylabel(f"{RAW} (dimensionless)")
    right.set_ylabel("|route − dense| / dense (dimensionless)")
    caption = ("Left: the raw χ_pos by three routes, first seeds. Right: how far Lanczos (diamonds) and gradients (dots) lie "
               "from the dense kernel, all seeds. " + agreement_sentence([route_table(run, s) for s in usable])
               + left_out(shown, usable))
    return Plot("reach_routes", "Three routes to the spectral position", caption, figure,
                style.stack([route_table(run, s) for s in usable]))


def route_table(run: Run, series: Series) -> Dict[str, np.ndarray]:
    """χ_pos by every route, each snapshot of each seed, and the relative distances to the dense kernel."""
    tables = []
    for point in series.points:
        data = run.reach_snapshots(point)
        dense, lanczos, gradients, error = (quantity(data, k) for k in (
            "chi_pos", "chi_pos_lanczos", "chi_pos_gradients", "chi_pos_gradients_standard_error"))
        count = data.sizes["snapshot"]
        size = np.where(dense > 0, dense, np.nan)
        tables.append({**about(series, count), "point": np.full(count, point), "step": quantity(data, "step"),
                       "compute": quantity(data, "compute"), "chi_pos": dense, "chi_pos_lanczos": lanczos,
                       "chi_pos_gradients": gradients, "standard_error": error,
                       "lanczos_apart": np.abs(lanczos - dense) / size, "gradients_apart": np.abs(gradients - dense) / size})
    return style.stack(tables)


def agreement_sentence(tables: List[Dict[str, np.ndarray]]) -> str:
    """Largest distance of Lanczos; how many estimates from gradients lie within two standard errors."""
    table, words = style.stack(tables), ""
    apart = table["lanczos_apart"][np.isfinite(table["lanczos_apart"])]
    if apart.size:
        words += f"Largest relative distance of Lanczos: {apart.max():.1e}. "
    error = table["standard_error"]
    inside = np.abs(table["chi_pos_gradients"] - table["chi_pos"]) <= 2 * error
    counted = np.isfinite(table["chi_pos_gradients"]) & np.isfinite(table["chi_pos"]) & (error > 0)
    if counted.any():
        words += (f"{int((inside & counted).sum())} of {int(counted.sum())} estimates from gradients lie within two of their "
                  "standard errors; 95 % are expected. ")
    return words
