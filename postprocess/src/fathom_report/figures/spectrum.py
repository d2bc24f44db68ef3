"""The spectrum with its law, its comparator and the floor below which nothing is known."""

from typing import Dict, List, Optional, Tuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reader import Run, plain
from ..states import NULL_BY_RANK, TRUSTED, UNTRUSTED as STATE_UNTRUSTED, runs
from ..sweep import Configuration, choose
from . import style
from .style import Plot

PANELS, FEWER = 12, 6  # more configurations than PANELS: only FEWER of them, evenly chosen
DOTS = 12  # modes that get a dot on their line
MARKS = 160  # hollow marks drawn; more would run together into what looks like a line


def number(data: xr.Dataset, name: str) -> Optional[float]:
    """A numeric attribute of a group, None where it is absent or NaN."""
    value = plain(data.attrs.get(name, np.nan))
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def trusted_line(data: xr.Dataset, variable: str, positive: bool = True) -> Tuple[np.ndarray, np.ndarray]:
    """Mode and value over trusted modes, thinned, with a NaN wherever a mode that is not trusted lies between.

    This is the only way lines over modes are made: an untrusted mode is never part of one.
    """
    value = np.asarray(data[variable].values, float)
    mode = data["mode"].values
    keep = (data["state"].values == TRUSTED) & np.isfinite(value)
    if positive:
        keep &= value > 0
    x, y = [], []
    for start, stop in runs(keep):
        chosen = np.unique(np.concatenate(([start], style.thin(len(mode))[_inside(len(mode), start, stop)], [stop - 1])))
        x.append(np.append(mode[chosen].astype(float), np.nan))
        y.append(np.append(value[chosen], np.nan))
    if not x:
        return np.array([]), np.array([])
    return np.concatenate(x)[:-1], np.concatenate(y)[:-1]


def _inside(count: int, start: int, stop: int) -> np.ndarray:
    drawn = style.thin(count)
    return (drawn >= start) & (drawn < stop)


def draw_line(axes: Axes, x: np.ndarray, y: np.ndarray, **options) -> None:
    """A line; modes that stand alone, which a line cannot show, as dots of its colour."""
    axes.plot(x, y, **options)
    solid = np.isfinite(y)
    alone = solid & ~np.append(False, solid[:-1]) & ~np.append(solid[1:], False)
    if alone.any():
        axes.plot(x[alone], y[alone], ls="", marker="o", ms=3.2, color=options.get("color"),
                  zorder=options.get("zorder", 2))


def panel_grid(count: int, height: float = 3.7) -> Tuple:
    """Axes for count configurations: one wide panel, else up to three in a row."""
    columns = min(3, count)
    rows = -(-count // columns)
    figure, axes = style.new_figure(rows, columns, 4.6 if count == 1 else height * rows, sharey=True)
    for extra in axes.ravel()[count:]:
        extra.set_visible(False)
    return figure, axes.ravel()[:count]


def panels(items: List[Configuration]) -> List[Configuration]:
    """The configurations that get a panel of their own."""
    return items if len(items) <= PANELS else choose(items, FEWER)


def spectrum(run: Run, items: List[Configuration]) -> Plot:
    """Eigenvalue against mode, a panel a configuration, first seed in full and the others thin."""
    shown = panels(items)
    figure, axes = panel_grid(len(shown))
    tables, limits = [], []
    for place, (item, ax) in enumerate(zip(shown, axes)):
        limits.append(_panel(ax, run, item, place == 0))
        tables += [spectrum_table(run, p) for p in item.points]
    low, high = min(v[0] for v in limits), max(v[1] for v in limits)
    low, high = (low, high) if high > 2 * low else (low / 3, high * 3)
    span = np.log10(high / low)
    bottom, top = low * 10 ** (-0.05 * span), high * 10 ** (0.08 * span)
    for ax in axes:
        ax.set_yscale("log")
        ax.set_ylim(bottom, top)
        style.log_axis(ax.yaxis, bottom, top)
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel("eigenvalue λ (dimensionless)")
    for ax, item in zip(axes, shown):
        remark = _floor(ax, run.spectrum(item.points[0]), bottom)
        style.panel_title(ax, item.label if len(shown) > 1 else "", item.colour, remark)
        _legend(ax, axes[0])
    left_out = f" Panels show {len(shown)} of {len(items)} configurations." if len(shown) < len(items) else ""
    caption = (
        "Solid: trusted modes (error bound below a tenth of the value), with the band of the error bound. "
        "Hollow: modes below the trusted floor; rounding decides them, so no line joins them. "
        + ("Thin lines: the other seeds. " if max(len(c.points) for c in shown) > 1 else "")
        + count_sentence(run, shown) + left_out
    )
    return Plot("spectrum", "Spectrum" + _against(run.spectrum(shown[0].points[0])), caption, figure, style.stack(tables))


def spectrum_table(run: Run, point: int) -> Dict[str, np.ndarray]:
    """What /spectrum holds for a point, every mode of it."""
    data = run.spectrum(point)
    table = {"point": np.full(data.sizes["mode"], point), "mode": data["mode"].values}
    for name in ("eigenvalue", "error_bound", "state", "residual_ratio", "law", "law_ratio", "comparator",
                 "comparator_ratio", "local_slope"):
        if name in data:
            table[name] = data[name].values
    return table


def count_sentence(run: Run, items: List[Configuration]) -> str:
    """How many modes have which state: what the picture cannot show."""
    total = dict.fromkeys((TRUSTED, STATE_UNTRUSTED, NULL_BY_RANK), 0)
    modes = negative = 0
    for item in items:
        data = run.spectrum(item.points[0])
        state = data["state"].values
        modes += state.size
        negative += int((data["eigenvalue"].values < 0).sum())
        for value in total:
            total[value] += int((state == value).sum())
    words = f"{total[TRUSTED]} of {modes} modes are trusted"
    words += f", {total[STATE_UNTRUSTED]} are not" if total[STATE_UNTRUSTED] else ""
    words += f", {total[NULL_BY_RANK]} are zero by rank and not drawn" if total[NULL_BY_RANK] else ""
    words += f"; {negative} computed values are negative (drawn at |λ| as crosses)" if negative else ""
    return words + (" (first seeds)." if max(len(c.points) for c in items) > 1 else ".")


def _against(data: xr.Dataset) -> str:
    names = [w for k, w in (("law", "the law"), ("comparator", "the chaos comparator")) if k in data]
    return (" against " + " and ".join(names) if names else "") + ", down to its trusted floor"


def _panel(ax: Axes, run: Run, item: Configuration, first: bool) -> Tuple[float, float]:
    data = run.spectrum(item.points[0])
    count = data.sizes["mode"]
    drawn = style.thin(count)
    mode, value, state = (data[k].values for k in ("mode", "eigenvalue", "state"))
    for point in item.points[1:12]:
        draw_line(ax, *trusted_line(run.spectrum(point), "eigenvalue"), color=item.colour, lw=0.7, alpha=0.45)
    _untrusted(ax, mode, value, state, style.thin(count, MARKS))
    x, y = trusted_line(data, "eigenvalue")
    bound = _at(data, "error_bound", x)
    ax.fill_between(x, np.maximum(y - bound, 0.5 * y), y + bound, color=item.colour, alpha=0.3, lw=0)
    name = "trusted modes" + (f" ({item.seeds})" if len(item.points) > 1 else "")
    if y.size:
        draw_line(ax, x, y, color=item.colour, lw=2.0, zorder=3, label=name)
        first_modes = x <= DOTS  # where a line between modes is long, the dots say what was computed
        ax.plot(x[first_modes], y[first_modes], ls="", marker="o", ms=3.6, color=item.colour, zorder=3)
    extremes = [y]
    noise = np.abs(value[(state == STATE_UNTRUSTED) & (value != 0)])
    if noise.size:  # the few values next to a change of sign say nothing, and would take half of the axis
        extremes += [noise[noise >= np.percentile(noise, 5)], np.array([number(data, "floor") or np.nan])]
    for variable, text, options in (
        ("law", "law", dict(color=style.LAW, ls="--", lw=1.2, zorder=4)),
        ("comparator", "chaos comparator", dict(color=style.COMPARATOR, ls=":", lw=1.7, zorder=4)),
    ):
        if variable in data:
            line = np.asarray(data[variable].values, float)
            line = np.where(line > 0, line, np.nan)
            ax.plot(mode[drawn], line[drawn], label=text, **options)
            if y.size and np.isfinite(line).any():
                extremes.append(np.array([np.nanmax(line[: max(int(np.nanmax(x)), 1)])]))
    if not y.size:
        style.empty(ax, "no trusted mode")
    style.mode_axis(ax, count, "mode j (1 = largest eigenvalue)" if len(ax.figure.axes) == 1 else "mode j")
    finite = [e[np.isfinite(e) & (e > 0)] for e in extremes]
    finite = np.concatenate(finite)
    return (float(finite.min()), float(finite.max())) if finite.size else (1e-16, 1.0)


def _untrusted(ax: Axes, mode: np.ndarray, value: np.ndarray, state: np.ndarray, drawn: np.ndarray) -> None:
    below = state[drawn] == STATE_UNTRUSTED
    above, under = drawn[below & (value[drawn] > 0)], drawn[below & (value[drawn] < 0)]
    hollow = dict(ls="", mfc="none", mec=style.UNTRUSTED, mew=0.7, zorder=2)
    if above.size:
        ax.plot(mode[above], value[above], marker="o", ms=3.4, label="untrusted modes", **hollow)
    if under.size:
        ax.plot(mode[under], -value[under], marker="x", ms=3.2, label="untrusted, negative: |λ|", **hollow)


def _at(data: xr.Dataset, variable: str, mode: np.ndarray) -> np.ndarray:
    index = np.where(np.isfinite(mode), mode, 1).astype(np.int64) - int(data["mode"].values[0])
    return np.where(np.isfinite(mode), data[variable].values[index], np.nan)


def _legend(ax: Axes, first: Axes) -> None:
    """Trusted modes first; left out where it would repeat that of the first panel."""
    handles, labels = ax.get_legend_handles_labels()
    if ax is not first and labels == first.get_legend_handles_labels()[1]:
        return
    order = sorted(range(len(labels)), key=lambda k: not labels[k].startswith("trusted"))
    if order:
        ax.legend([handles[k] for k in order], [labels[k] for k in order], loc="best")


def _floor(ax: Axes, data: xr.Dataset, bottom: float) -> str:
    """Draws the floor where the picture reaches it; else says where it lies."""
    floor = number(data, "floor")
    if floor is None or floor <= 0:
        return ""
    if floor >= bottom:
        ax.axhline(floor, color=style.INK, lw=0.9, ls=(0, (6, 3)), zorder=1)
        ax.annotate(f"trusted floor {floor:.1e}", (0.015, floor), xycoords=("axes fraction", "data"),
                    xytext=(0, 3), textcoords="offset points", fontsize=8.5, color=style.INK)
        return ""
    return f"trusted floor {floor:.1e}, below the axis"
