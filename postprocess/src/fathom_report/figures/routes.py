"""The Gram route and the deeper one that replaced it, with their floors and their errors."""

from typing import Dict, List, Optional, Tuple

import numpy as np
from matplotlib.axes import Axes

from ..measures import total_bound
from ..reader import Run
from ..routes import Route, routes_of
from ..states import TRUSTED, UNTRUSTED
from ..sweep import Configuration, choose
from . import style
from .modes import (MARKS, UNTRUSTED_GID, at_modes, below_axis, broken_line, count_of, count_undrawn, draw_floor, draw_line,
                    draw_untrusted, legend, noise_of, of_all, trusted_line)
from .style import Plot

ROWS = 3
TENTH = 0.1  # a mode is trusted below this relative error bound
NOISE_MARKS = (("o", "x"), ("D", "+"), ("s", "1"), ("^", "2"))  # above and below zero, a pair a route
# Floors are labelled at either side of a panel: the legend stands below it, where it hides none of them.
BELOW = dict(loc="upper left", bbox_to_anchor=(0.0, -0.13), borderaxespad=0.0)


def replaced(run: Run, items: List[Configuration]) -> List[Configuration]:
    """Configurations whose first point holds more than one route."""
    return [c for c in items if len(routes_of(run, c.points[0])) > 1]


def route_plot(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Left: the spectrum by every route. Right: relative error bound by every route. A row a configuration."""
    items = replaced(run, items)
    if not items:
        return None
    shown = choose(items, ROWS)
    figure, axes = style.new_figure(len(shown), 2, 5.9 * len(shown), gridspec_kw={"width_ratios": [1.35, 1]})
    sentences, hidden = [], 0
    for item, pair in zip(shown, axes):
        found = routes_of(run, item.points[0])
        hidden += _spectra(pair[0], found, item.colour)
        _errors(pair[1], found, item.colour)
        if len(shown) > 1:
            style.panel_title(pair[0], item.label, item.colour, "")
        sentences += [(f"{item.label}: " if len(shown) > 1 else "") + r.sentence() for r in found]
    left_out = f" Rows show {len(shown)} of {len(items)} configurations." if len(shown) < len(items) else ""
    caption = (
        "Left: the spectrum as each route finds it; lines: trusted modes; hollow and grey: untrusted ones, which nothing "
        "joins; dashed: where the trust of each route ends. Right: error bound over the value, mode by mode; a mode is "
        "trusted below one tenth. Dots: how far the replaced route's value lies from the kept one, which both bounds "
        "together must cover. "
        + ". ".join(sentences) + "."
        + (f" {hidden} untrusted values next to a change of sign lie below the axis." if hidden else "") + left_out
    )
    tables = [route_table(run, p) for c in items for p in c.points]
    return Plot("routes", "How deep each route sees", caption, figure, style.stack(tables))


def route_table(run: Run, point: int) -> Dict[str, np.ndarray]:
    """Every mode of every route of a point."""
    tables = []
    for route in routes_of(run, point):
        count = route.data.sizes["mode"]
        tables.append({"point": np.full(count, point), "route": np.full(count, route.name, dtype=object),
                       "levels": np.full(count, route.levels or 0),
                       **{k: route.data[k].values for k in ("mode", "eigenvalue", "error_bound", "state")}})
    return style.stack(tables)


def _look(place: int, found: List[Route], colour) -> Dict:
    """The kept route narrow in the configuration's colour, replaced ones broad and pale beneath it."""
    if place == len(found) - 1:
        return dict(color=colour, lw=2.0, zorder=4)
    return dict(color=style.INK, lw=6.0, alpha=0.28, zorder=3)


def _spectra(ax: Axes, found: List[Route], colour) -> int:
    """Returns how many untrusted values the axis leaves out."""
    values, longest = [], 2
    for place, route in enumerate(found):
        state, count = route.data["state"].values, route.data.sizes["mode"]
        longest = max(longest, count)
        above, below = NOISE_MARKS[min(place, len(NOISE_MARKS) - 1)]
        draw_untrusted(ax, route.data, f"{route.text}: ", above, below)
        x, y = trusted_line(route.data, "eigenvalue")
        label = f"{route.text}: trusted ({count_of(state, TRUSTED)} of {of_all(route.data)})"
        look = _look(place, found, colour)
        if y.size:
            draw_line(ax, x, y, label=label, **look)
            bound = at_modes(route.data, "error_bound", x)
            ax.fill_between(x, y - bound, y + bound, color=look["color"], alpha=0.3, lw=0)
        count_undrawn(ax, route.data, f"{route.text}: ")
        values += [y[np.isfinite(y)], noise_of(route.data), np.array([route.floor or np.nan])]
    values = np.concatenate(values)
    values = values[np.isfinite(values) & (values > 0)]
    ax.set_yscale("log")
    if values.size:
        span = max(np.log10(values.max() / values.min()), 1.0)
        bottom, top = values.min() * 10 ** (-0.06 * span), values.max() * 10 ** (0.06 * span)
        ax.set_ylim(bottom, top)
        style.log_axis(ax.yaxis, bottom, top)
    else:
        ax.set_ylim(0.1, 1.0)
        style.empty(ax, "no mode that a logarithmic axis can show")
    for place, route in enumerate(found):
        if route.floor is not None:
            last = place == len(found) - 1
            words = "trusted floor" if route.count(UNTRUSTED) else "all trusted, down to"
            draw_floor(ax, route.floor, f"{route.text}: {words}", colour if last else style.INK, right=not last)
    style.mode_axis(ax, longest)
    ax.set_ylabel("eigenvalue λ (dimensionless)")
    legend(ax, fontsize=8, **BELOW)
    return sum(below_axis(route.data, ax.get_ylim()[0]) for route in found)


def _errors(ax: Axes, found: List[Route], colour) -> None:
    longest, lowest = 2, TENTH
    for place, route in enumerate(found):
        mode, ratio, state = relative_bound(route)
        longest = max(longest, len(mode))
        x, y = broken_line(mode, ratio, (state == TRUSTED) & (ratio > 0))
        if y.size:
            draw_line(ax, x, y, label=f"{route.text}: bound / λ", **_look(place, found, colour))
            lowest = min(lowest, float(np.nanmin(y)))
        drawn = style.thin(len(mode), MARKS)
        drawn = drawn[(state[drawn] == UNTRUSTED) & np.isfinite(ratio[drawn])]
        if drawn.size:
            ax.plot(mode[drawn], ratio[drawn], ls="", marker=NOISE_MARKS[min(place, 3)][0], ms=3.0, mfc="none",
                    mec=style.UNTRUSTED, mew=0.6, gid=UNTRUSTED_GID, label=f"{route.text}: bound / |λ|, untrusted")
    mode, apart = difference(found[0], found[-1])
    drawn = style.thin(len(mode), MARKS)
    drawn = drawn[apart[drawn] > 0]
    if drawn.size:
        ax.plot(mode[drawn], apart[drawn], ls="", marker=".", ms=4, color=style.INK, zorder=5,
                label=f"|{found[0].text} − {found[-1].text}| / λ")
        lowest = min(lowest, float(apart[drawn].min()))
    ax.axhline(TENTH, color=style.INK, lw=0.9, ls=(0, (6, 3)))
    ax.annotate("trusted below", (0.015, TENTH), xycoords=("axes fraction", "data"), xytext=(0, -3), va="top",
                textcoords="offset points", fontsize=8.5, color=style.INK)
    ax.set_yscale("log")
    low, high = max(lowest, 1e-18) / 5, 1e4
    ax.set_ylim(low, high)
    style.log_axis(ax.yaxis, low, high)
    style.mode_axis(ax, longest, "mode j")
    ax.set_ylabel("relative error (dimensionless)")
    legend(ax, fontsize=8, **BELOW)


def relative_bound(route: Route) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mode, error bound (that of the input's representation included) over |λ| (NaN where λ = 0), state."""
    value, bound = np.asarray(route.data["eigenvalue"].values, float), total_bound(route.data)
    ratio = np.full(value.size, np.nan)
    np.divide(bound, np.abs(value), out=ratio, where=value != 0)
    return route.data["mode"].values, ratio, route.data["state"].values


def disagreements(first: Route, deep: Route) -> int:
    """Modes that both routes trust and whose values lie further apart than both bounds together: one of them is wrong."""
    count = min(first.data.sizes["mode"], deep.data.sizes["mode"])
    both = np.all([r.data["state"].values[:count] == TRUSTED for r in (first, deep)], axis=0)
    value, other = (np.asarray(r.data["eigenvalue"].values[:count], float) for r in (first, deep))
    allowed = total_bound(first.data)[:count] + total_bound(deep.data)[:count]
    return int((both & (np.abs(value - other) > allowed)).sum())


def difference(first: Route, deep: Route) -> Tuple[np.ndarray, np.ndarray]:
    """Modes that the deep route trusts, and |first − deep| over the deep value there."""
    count = min(first.data.sizes["mode"], deep.data.sizes["mode"])
    good = deep.data["state"].values[:count] == TRUSTED
    value, other = (np.asarray(r.data["eigenvalue"].values[:count], float)[good] for r in (deep, first))
    return deep.data["mode"].values[:count][good], np.abs(other - value) / value
