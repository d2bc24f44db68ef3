"""The spectrum with its law, its comparator and the floor below which nothing is known."""

from typing import Dict, List, Optional, Tuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reader import Run
from ..routes import Route, routes_of
from ..states import NULL_BY_RANK, TRUSTED, UNTRUSTED as STATE_UNTRUSTED
from ..sweep import Configuration, choose
from . import style
from .modes import (at_modes, below_axis, count_of, count_undrawn, draw_floor, draw_line, draw_untrusted, legend, noise_of,
                    number, of_all, trusted_line)
from .style import Plot

PANELS, FEWER = 12, 6  # more configurations than PANELS: only FEWER of them, evenly chosen
COUNTED = 3  # up to so many panels, legends count the modes of every state
DOTS = 12  # modes that get a dot on their line


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
    for item, ax in zip(shown, axes):
        limits.append(_panel(ax, run, item, len(shown) <= COUNTED))
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
        remark = _floor(ax, routes_of(run, item.points[0])[-1], bottom)
        style.panel_title(ax, item.label if len(shown) > 1 else "", item.colour, remark)
        if ax is axes[0] or ax.get_legend_handles_labels()[1] != axes[0].get_legend_handles_labels()[1]:
            legend(ax)
    left_out = f" Panels show {len(shown)} of {len(items)} configurations." if len(shown) < len(items) else ""
    caption = (
        "Solid: trusted modes (error bound below a tenth of the value), with the band of the error bound. "
        "Hollow and grey: untrusted modes; rounding decides them, so no line joins them. "
        + ("Thin lines: the other seeds. " if max(len(c.points) for c in shown) > 1 else "")
        + count_sentence(run, shown, bottom) + left_out
    )
    return Plot("spectrum", "Spectrum" + _against(run.spectrum(shown[0].points[0])), caption, figure, style.stack(tables))


def spectrum_table(run: Run, point: int) -> Dict[str, np.ndarray]:
    """What /spectrum holds for a point, every mode of it, and the route that found it."""
    data = run.spectrum(point)
    count = data.sizes["mode"]
    table = {"point": np.full(count, point), "route": np.full(count, routes_of(run, point)[-1].name, dtype=object),
             "mode": data["mode"].values}
    for name in ("eigenvalue", "error_bound", "state", "residual_ratio", "law", "law_ratio", "comparator",
                 "comparator_ratio", "local_slope"):
        if name in data:
            table[name] = data[name].values
    return table


def count_sentence(run: Run, items: List[Configuration], bottom: float) -> str:
    """How many modes have which state: what the picture, whose axis ends at bottom, cannot show."""
    total = dict.fromkeys((TRUSTED, STATE_UNTRUSTED, NULL_BY_RANK), 0)
    modes = negative = hidden = 0
    for item in items:
        data = run.spectrum(item.points[0])
        state = data["state"].values
        modes += state.size
        negative += int((data["eigenvalue"].values < 0).sum())
        hidden += below_axis(data, bottom)
        for value in total:
            total[value] += int((state == value).sum())
    words = f"{total[TRUSTED]} of {modes} modes are trusted"
    words += f", {total[STATE_UNTRUSTED]} are not" if total[STATE_UNTRUSTED] else ""
    words += f", {total[NULL_BY_RANK]} are zero by rank and not drawn" if total[NULL_BY_RANK] else ""
    words += f"; {negative} computed values are negative (drawn at |λ| as crosses)" if negative else ""
    words += f"; {hidden} untrusted values lie below the axis" if hidden else ""
    return words + (" (first seeds)." if max(len(c.points) for c in items) > 1 else ".")


def _against(data: xr.Dataset) -> str:
    names = [w for k, w in (("law", "the law"), ("comparator", "the chaos comparator")) if k in data]
    return (" against " + " and ".join(names) if names else "") + ", down to its trusted floor"


def _panel(ax: Axes, run: Run, item: Configuration, counted: bool) -> Tuple[float, float]:
    """Draws a configuration; returns the range of values that its axis should hold."""
    data = run.spectrum(item.points[0])
    count, state = data.sizes["mode"], data["state"].values
    for point in item.points[1:12]:
        draw_line(ax, *trusted_line(run.spectrum(point), "eigenvalue"), color=item.colour, lw=0.7, alpha=0.45)
    draw_untrusted(ax, data, counted=counted)
    x, y = trusted_line(data, "eigenvalue")
    bound = at_modes(data, "error_bound", x)
    ax.fill_between(x, y - bound, y + bound, color=item.colour, alpha=0.3, lw=0)
    name = "trusted modes" + (f" ({count_of(state, TRUSTED)} of {of_all(data)})" if counted else "")
    name += f", {item.seeds}" if len(item.points) > 1 else ""
    if y.size:
        draw_line(ax, x, y, color=item.colour, lw=2.0, zorder=3, label=name)
        first_modes = x <= DOTS  # where a line between modes is long, the dots say what was computed
        ax.plot(x[first_modes], y[first_modes], ls="", marker="o", ms=3.6, color=item.colour, zorder=3)
    else:
        style.empty(ax, "no trusted mode")
    noise = noise_of(data)
    extremes = [y, noise, np.array([number(data, "floor") or np.nan] if noise.size else [])]
    extremes += _references(ax, data, int(np.nanmax(x)) if y.size else 0)
    if counted:
        count_undrawn(ax, data)
    style.mode_axis(ax, count, "mode j (1 = largest eigenvalue)" if len(ax.figure.axes) == 1 else "mode j")
    finite = np.concatenate([e[np.isfinite(e) & (e > 0)] for e in extremes])
    return (float(finite.min()), float(finite.max())) if finite.size else (1e-16, 1.0)


def _references(ax: Axes, data: xr.Dataset, last: int) -> List[np.ndarray]:
    """Law and comparator, over all modes; their largest values within the trusted modes."""
    found, mode = [], data["mode"].values
    drawn = style.thin(len(mode))
    for variable, text, options in (
        ("law", "law", dict(color=style.LAW, ls="--", lw=1.2, zorder=4)),
        ("comparator", "chaos comparator", dict(color=style.COMPARATOR, ls=":", lw=1.7, zorder=4)),
    ):
        if variable in data:
            line = np.asarray(data[variable].values, float)
            line = np.where(line > 0, line, np.nan)
            ax.plot(mode[drawn], line[drawn], label=text, **options)
            if last and np.isfinite(line).any():
                found.append(np.array([np.nanmax(line[:last])]))
    return found


def _floor(ax: Axes, route: Route, bottom: float) -> str:
    """Draws the floor where the picture reaches it; else says where it lies. Names the route where it is a deep one."""
    name = "" if route.name == "gram" else route.text + ": "
    floor, smallest = route.floor, route.smallest_trusted
    if floor is None:
        return name.rstrip(": ")
    if not route.count(STATE_UNTRUSTED) and smallest is not None and floor >= smallest:
        return f"{name}all trusted, down to {smallest:.1e}"
    if floor >= bottom:
        draw_floor(ax, floor, f"{name}trusted floor")
        return ""
    return f"{name}trusted floor {floor:.1e}, below the axis"
