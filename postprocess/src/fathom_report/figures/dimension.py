"""Effective dimension, and the spectrum before against after the layer."""

from typing import List, Optional

import numpy as np

from .. import measures
from ..reader import Run
from ..sweep import Configuration, choose
from . import style
from .overlay import LINES, legend
from .modes import UNTRUSTED_GID, beyond_trust, draw_line, number, trusted_line
from .spectrum import panel_grid
from .style import Plot

PANELS = 3


def effective_dimension(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """N(κ) = Σ λ/(λ+κ) against the ridge κ relative to λ₁."""
    items = [c for c in items if run.effective_dimension(c.points[0]) is not None]
    if not items:
        return None
    shown = choose(items, LINES)
    figure, grid = style.new_figure(1, 1, 4.4)
    ax, tables, lows, tops, open_below = grid[0, 0], [], [], [], False
    for item in shown:
        for place, point in enumerate(item.points[:12]):
            data = run.effective_dimension(point)
            if data is None or not data.sizes.get("lambda"):
                continue
            ridge, value = data["lambda"].values, data["effective_dimension"].values
            floor = number(run.spectrum(point), "floor")
            largest = number(data, "lambda_max") or float(run.spectrum(point)["eigenvalue"].values[0])
            known, rest = measures.effective_dimension(run.spectrum(point), ridge * largest)
            settled = rest <= measures.TENTH * known
            width = dict(lw=1.7 if place == 0 else 0.6)
            draw_line(ax, ridge, np.where(settled, value, np.nan), color=item.colour, ls=item.linestyle, **width)
            if not settled.all():
                ax.plot(ridge, np.where(settled, np.nan, value), color=style.UNTRUSTED, ls=":", gid=UNTRUSTED_GID, **width)
                open_below = True
            tables.append({"point": np.full(ridge.size, point), "lambda": ridge, "effective_dimension": value,
                           "could_add": rest, "trusted": settled.astype(np.int8)})
            lows.append(ridge.min())
            tops.append(value[value > 0].max() if (value > 0).any() else 1.0)
            if place == 0 and len(shown) == 1 and floor and largest > 0 and floor / largest > ridge.min():
                ax.axvline(floor / largest, color=style.INK, lw=0.9, ls=(0, (6, 3)))
                ax.annotate("trusted floor", (floor / largest, 0.03), xycoords=("data", "axes fraction"), rotation=90,
                            xytext=(-4, 0), textcoords="offset points", ha="right", fontsize=8.5)
    if not tables:
        return None
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.invert_xaxis()
    style.log_axis(ax.xaxis, min(lows), 1.0)
    style.log_axis(ax.yaxis, 0.5, max(tops))
    ax.set_xlabel("ridge κ / λ₁ (dimensionless; falls to the right)")
    ax.set_ylabel("effective dimension N(κ) = Σ λ/(λ+κ)")
    if len(shown) > 1:
        legend(ax, shown)
    return Plot("effective_dimension", "Effective dimension against the ridge",
                "How many modes a ridge κ leaves in play: about the number of eigenvalues above κ. Trusted modes are summed. "
                + ("Grey and dotted: there the untrusted modes and those not computed could add more than a tenth, and the "
                   "line is a lower bound." if open_below else ""), figure, style.stack(tables))


def before_after(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Covariance spectra of the data and of the features, each relative to its largest eigenvalue."""
    items = [c for c in items if run.data_spectrum(c.points[0]) is not None]
    if not items:
        return None
    shown = choose(items, PANELS)
    figure, axes = panel_grid(len(shown), 4.2)
    tables, smallest = [], 1.0
    for ax, item in zip(axes, shown):
        longest = 2
        for data, name, colour, line in (
            (run.data_spectrum(item.points[0]), "before", style.INK, (0, (5, 1.6))),
            (run.spectrum(item.points[0]), "after", item.colour, "-"),
        ):
            value = data["eigenvalue"].values
            relative = data.assign(relative=("mode", value / value[0] if value.size and value[0] > 0 else value * np.nan))
            x, y = trusted_line(relative, "relative")
            exponent = number(data, "exponent")
            words = f"{name} the layer" + (f": exponent {exponent:.3g}" if exponent is not None else "")
            words += beyond_trust(data, number(data, "fit_low"), number(data, "fit_high"))
            draw_line(ax, x, y, color=colour, ls=line, label=words)
            _fit_line(ax, data, x, y, colour)
            if np.isfinite(y).any():
                smallest = min(smallest, float(np.nanmin(y)))
            longest = max(longest, data.sizes["mode"])
            tables.append({"point": np.full(value.size, item.points[0]), "side": np.full(value.size, name, dtype=object),
                           "mode": data["mode"].values, "eigenvalue": value, "error_bound": data["error_bound"].values,
                           "state": data["state"].values})
        style.mode_axis(ax, longest, "mode j (trusted modes only)")
        ax.set_yscale("log")
        if len(shown) > 1:
            style.panel_title(ax, item.label, item.colour, "")
        ax.legend(loc="lower left")
    for ax in axes:
        if not any(np.isfinite(np.asarray(line.get_ydata(), float)).any() for a in axes for line in a.lines):
            ax.set_ylim(0.1, 1.0)
            style.empty(ax, "no trusted mode")
        style.log_axis(ax.yaxis, smallest, 1.0)
    axes[0].set_ylabel("relative eigenvalue λ / λ₁ (dimensionless)")
    return Plot("before_after", "Covariance of the data before the layer, and of its features after it",
                "Each spectrum relative to its largest eigenvalue. Pale lines: the fitted power laws, over the modes that "
                "were fitted. A flatter line after the layer means that the layer spreads power into the tail.",
                figure, style.stack(tables))


def _fit_line(ax, data, x: np.ndarray, y: np.ndarray, colour) -> None:
    exponent, low, high = (number(data, k) for k in ("exponent", "fit_low", "fit_high"))
    inside = np.isfinite(y) & (x >= (low or 1)) & (x <= (high or 0))
    if exponent is None or inside.sum() < 2:
        return
    centre = np.exp(np.mean(np.log(y[inside]) + exponent * np.log(x[inside])))
    ends = np.array([x[inside][0], x[inside][-1]])
    ax.plot(ends, centre * ends**-exponent, color=colour, lw=6, alpha=0.22, solid_capstyle="butt")
