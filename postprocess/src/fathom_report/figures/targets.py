"""How the power of targets spreads over the modes."""

from typing import Dict, List, Optional, Tuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reader import Run
from ..states import TRUSTED
from ..sweep import Configuration, choose
from . import style
from .modes import UNTRUSTED_GID, legend as mode_legend
from .overlay import LINES, legend
from .style import Plot

ROWS = 3
NAMED_TARGETS = 2 * len(style.PALETTE)


def targets(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Power per mode (left) and cumulative power per target (right), a row a configuration."""
    items = [c for c in items if run.targets(c.points[0]) is not None]
    if not items:
        return None
    shown = choose(items, ROWS)
    figure, axes = style.new_figure(len(shown), 2, 3.9 * len(shown), sharex=False)
    tables = []
    for row, (item, pair) in enumerate(zip(shown, axes)):
        data, state = _with_state(run, item.points[0])
        _power(pair[0], data, state, item.colour, row == 0)
        _cumulative(pair[1], data, state, row == 0)
        if len(shown) > 1:
            for ax in pair:
                style.panel_title(ax, item.label, item.colour, "")
        tables.append(_table(item.points[0], data, state))
    count = run.targets(shown[0].points[0]).sizes["target"]
    caption = (
        ("Left: power of a mode, averaged over the targets; steps: mean over a tenth of a decade of modes. " if count > 3
         else "Left: power of a mode for each target. ")
        + "Hollow: modes that are not trusted, whose eigenvectors rounding has mixed. Right: share of each target's power in "
        "the first j modes; dotted past the last trusted mode. A target that needs few modes is easy for this kernel."
    )
    return Plot("targets", "Where the targets' power lies", caption, figure, style.stack(tables))


def targets_overlay(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Cumulative power, averaged over targets, one line a configuration."""
    items = [c for c in items if run.targets(c.points[0]) is not None]
    if len(items) < 2:
        return None
    shown = choose(items, LINES)
    figure, grid = style.new_figure(1, 1, 4.6)
    ax, tables, longest = grid[0, 0], [], 2
    for item in shown:
        data, state = _with_state(run, item.points[0])
        mean = data["cumulative_power"].values.mean(axis=1)
        mode = data["mode"].values
        longest = max(longest, len(mode))
        end = _trusted_end(state)
        drawn = style.thin(len(mode))
        ax.plot(mode[drawn[drawn < end]], mean[drawn[drawn < end]], color=item.colour, ls=item.linestyle)
        tables.append({"configuration": np.full(len(mode), item.label, dtype=object), "mode": mode,
                       "trusted": (state == TRUSTED).astype(np.int8), "cumulative_power": mean})
    style.mode_axis(ax, longest)
    ax.set_ylim(0, max(1.02, ax.get_ylim()[1]))
    ax.set_ylabel("cumulative share of power,\nmean over targets (dimensionless)")
    legend(ax, shown)
    return Plot("targets_overlay", "Cumulative power of the targets, configuration by configuration",
                "A line a configuration, to its last trusted mode. Higher at the left: the kernel's leading modes hold "
                "more of what is to be learned.", figure, style.stack(tables))


def _with_state(run: Run, point: int) -> Tuple[xr.Dataset, np.ndarray]:
    data = run.targets(point)
    state = run.spectrum(point)["state"].values[: data.sizes["mode"]]
    return data, state


def _trusted_end(state: np.ndarray) -> int:
    """Length of the leading stretch of trusted modes."""
    bad = np.flatnonzero(state != TRUSTED)
    return int(bad[0]) if bad.size else state.size


def _power(ax: Axes, data: xr.Dataset, state: np.ndarray, alone, first: bool) -> None:
    power, mode = np.asarray(data["power"].values, float), data["mode"].values
    many = power.shape[1] > 3
    columns = power.mean(axis=1, keepdims=True) if many else power
    good, drawn, shown = state == TRUSTED, style.thin(len(mode)), []
    for k, column in enumerate(columns.T):
        colour = alone if many else style.PALETTE[k]
        inside = drawn[good[drawn] & (column[drawn] > 0)]
        outside = drawn[~good[drawn] & (column[drawn] > 0)]
        name = "mean over targets" if many else target_name(data, k)
        ax.plot(mode[outside], column[outside], ls="", marker="o", ms=3, mfc="none", mec=style.UNTRUSTED, mew=0.6,
                gid=UNTRUSTED_GID, label="modes not trusted" if k == 0 and outside.size else None)
        ax.plot(mode[inside], column[inside], ls="", marker="o", ms=3, mec="none", color=colour, alpha=0.55,
                label=name)
        if good.sum() > 30:
            ax.stairs(*_binned(mode[good], column[good]), color=colour, lw=1.6, baseline=None)
        shown.append(column[inside])
    style.mode_axis(ax, len(mode))
    ax.set_yscale("log")
    values = np.concatenate(shown)
    if values.size:
        low = max(values.min(), np.percentile(values, 2) / 30)
        ax.set_ylim(low / 2, values.max() * 2.5)
        style.log_axis(ax.yaxis, low, values.max())
    else:
        style.empty(ax, "no trusted mode")
    ax.set_ylabel("share of power in the mode (dimensionless)")
    if first:
        mode_legend(ax, loc="lower left")


def _cumulative(ax: Axes, data: xr.Dataset, state: np.ndarray, first: bool) -> None:
    value, mode = data["cumulative_power"].values, data["mode"].values
    count, end, drawn = value.shape[1], _trusted_end(state), style.thin(len(mode))
    inside, outside = drawn[drawn < end], drawn[drawn >= max(end - 1, 0)]
    if count > NAMED_TARGETS:
        ax.fill_between(mode[drawn], value.min(axis=1)[drawn], value.max(axis=1)[drawn], color=style.PALETTE[0],
                        alpha=0.2, lw=0, label=f"range of {count} targets")
        ax.plot(mode[inside], np.median(value, axis=1)[inside], color=style.PALETTE[0], label="median target")
    else:
        for k in range(count):
            colour = style.PALETTE[k % len(style.PALETTE)]
            line = style.LINESTYLES[k % 2 if count <= 4 else k // len(style.PALETTE)]  # few may lie on each other
            ax.plot(mode[inside], value[inside, k], color=colour, ls=line, lw=1.4, label=target_name(data, k))
            ax.plot(mode[outside], value[outside, k], color=colour, ls=":", lw=0.9)
    if end < len(mode):
        ax.axvline(max(end, 0.95), color=style.COMPARATOR, lw=0.9, ls=(0, (6, 3)))
        ax.annotate("last trusted mode", (max(end, 0.95), 0.02), xycoords=("data", "axes fraction"), rotation=90,
                    xytext=(-3, 0), textcoords="offset points", ha="right", va="bottom", fontsize=8, color=style.INK)
    style.mode_axis(ax, len(mode))
    top = float(np.nanmax(value)) if value.size else 1.0
    ax.set_ylim(0, 1.02 if top <= 1.01 else 1.02 * top)
    ax.set_ylabel("share of power in modes 1 … j" if top <= 1.01 else "power in modes 1 … j")
    if first:
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def target_name(data: xr.Dataset, place: int) -> str:
    value = data["target"].values[place] if "target" in data.coords else place + 1
    return str(value) if isinstance(value, str) else f"target {value}"


def _binned(mode: np.ndarray, value: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Mean power over bins of a tenth of a decade; a bin without modes joins the one before."""
    edges = [float(mode[0]) - 0.5]
    for edge in 10 ** np.arange(0, np.log10(mode[-1]) + 0.1, 0.1):
        if edge >= edges[-1] + 1:
            edges.append(np.floor(edge) + 0.5)
    edges[-1] = max(edges[-1], mode[-1] + 0.5)
    which = np.searchsorted(edges, mode) - 1
    total, count = np.bincount(which, value, len(edges) - 1), np.bincount(which, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    return np.where(mean > 0, mean, np.nan), np.maximum(edges, 0.9)


def _table(point: int, data: xr.Dataset, state: np.ndarray) -> Dict[str, np.ndarray]:
    modes, count = data["power"].shape
    table = {"point": np.full(modes * count, point), "mode": np.repeat(data["mode"].values, count),
             "target": np.tile([target_name(data, k) for k in range(count)], modes).astype(object),
             "trusted": np.repeat((state == TRUSTED).astype(np.int8), count)}
    table.update({k: data[k].values.ravel() for k in ("coefficient", "power", "cumulative_power") if k in data})
    return table
