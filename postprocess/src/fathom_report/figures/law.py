"""How the spectrum stands to the law: the ratio, and the local slope."""

from typing import List, Optional

import numpy as np
from matplotlib.axes import Axes

from ..reader import Run
from ..states import TRUSTED
from ..sweep import Configuration, choose
from . import style
from .spectrum import PANELS, draw_line, number, panel_grid, trusted_line
from .style import Plot

RATIOS = (("law_ratio", "λ / law", None, "-", 1.8), ("comparator_ratio", "λ / chaos comparator", style.INK, "-", 1.1))


def ratio(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """λ over law and over comparator; the theorem's window shaded. None where the study has neither."""
    items = [c for c in items if any(name in run.spectrum(c.points[0]) for name, *_ in RATIOS)]
    if not items:
        return None
    shown = choose(items, PANELS)
    figure, axes = panel_grid(len(shown))
    tables, values = [], []
    for ax, item in zip(axes, shown):
        data = run.spectrum(item.points[0])
        window(ax, number(data, "law_window_end"), "theorem's window")
        ax.axhline(1.0, color=style.COMPARATOR, lw=0.8, ls=":")
        for name, text, colour, line, width in RATIOS:
            for place, point in enumerate(item.points[:12]):
                seed = run.spectrum(point)
                if name not in seed:
                    continue
                x, y = trusted_line(seed, name)
                values.append(y)
                draw_line(ax, x, y, color=colour or item.colour, ls=line, lw=width if place == 0 else 0.6,
                          alpha=1 if place == 0 else 0.4, label=text if place == 0 else None)
                if place == 0 and not y.size:
                    style.empty(ax, "no trusted mode")
        style.mode_axis(ax, data.sizes["mode"], "mode j (trusted modes only)")
        if len(shown) > 1:
            ax.set_title(item.label, color=item.colour, fontweight="bold")
        tables += [_table(run, p, [r[0] for r in RATIOS]) for p in item.points]
    low, high = _limits(values)
    for ax in axes:
        ax.set_yscale("log")
        ax.set_ylim(low, high)
        style.log_axis(ax.yaxis, low, high)
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel("ratio (dimensionless)")
    axes[0].legend(loc="best")
    caption = (
        "A spectrum that follows the law has a flat ratio; the law leaves its constant open, the comparator does not. "
        "Shaded: modes j ≤ d/log^(p+1) d, where the theorem speaks (its constant taken as 1). "
        "The law alone decides nothing where this window is a handful of modes."
    )
    return Plot("ratio", "Ratio to the law and to the chaos comparator", caption, figure, style.stack(tables))


def slope(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """d ln λ / d ln j against mode, with −α and the fitted exponent over its range."""
    items = [c for c in items if "local_slope" in run.spectrum(c.points[0])]
    if not items:
        return None
    shown = choose(items, PANELS)
    figure, axes = panel_grid(len(shown), 3.4)
    tables, values, marks = [], [], []
    for ax, item in zip(axes, shown):
        data = run.spectrum(item.points[0])
        for place, point in enumerate(item.points[:12]):
            x, y = trusted_line(run.spectrum(point), "local_slope", positive=False)
            values.append(y[1:] if y.size > 3 else y)
            draw_line(ax, x, y, color=item.colour, lw=1.7 if place == 0 else 0.6, alpha=1 if place == 0 else 0.4,
                      label="local slope" if place == 0 else None)
        if not any(v.size for v in values[-min(len(item.points), 12):]):
            style.empty(ax, "no trusted mode")
        marks += _slope_marks(ax, data)
        style.mode_axis(ax, data.sizes["mode"], "mode j (trusted modes only)")
        if len(shown) > 1:
            ax.set_title(item.label, color=item.colour, fontweight="bold")
        tables += [_table(run, p, ["local_slope"]) for p in item.points]
    finite = np.concatenate([v[np.isfinite(v)] for v in values] + [np.array(marks)])
    if finite.size:
        low, high = np.percentile(finite, [1, 99]) if finite.size > 50 else (finite.min(), finite.max())
        low, high = min([low] + marks), max([high] + marks)
        pad = 0.12 * max(high - low, 0.3)
        axes[0].set_ylim(low - pad, high + pad)
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel("d ln λ / d ln j (dimensionless)")
    axes[0].legend(loc="best")
    with_law = any("alpha" in run.spectrum(c.points[0]).attrs for c in shown)
    caption = ("Slope of ln λ on ln j in a sliding window; a power law is a level line. "
               + ("Dashed: −α, the exponent of the law for j → ∞. Bar: minus the fitted exponent, over the modes "
                  "that were fitted. " if with_law else "")
               + "A slope that still drifts over the fitted modes makes the fitted exponent depend on its range.")
    return Plot("slope", "Local slope of the spectrum", caption, figure, style.stack(tables))


def window(ax: Axes, end: Optional[float], label: str) -> None:
    """Shades modes 1 … end."""
    if end is not None and end >= 1:
        ax.axvspan(0.5, end, color=style.WINDOW, lw=0, zorder=0, label=f"{label}: j ≤ {end:.0f}")


def _slope_marks(ax: Axes, data) -> List[float]:
    marks = []
    alpha, exponent = number(data, "alpha"), number(data, "exponent")
    low, high = number(data, "fit_low"), number(data, "fit_high")
    if alpha is not None:
        ax.axhline(-alpha, color=style.LAW, ls="--", lw=1.2, zorder=1, label=f"−α = {-alpha:g}".replace("-", "−"))
        marks.append(-alpha)
    if None not in (exponent, low, high):
        ax.plot([low, high], [-exponent] * 2, color=style.INK, lw=4, alpha=0.35, solid_capstyle="butt", zorder=1,
                label=f"fit −{exponent:.3f} over j = {low:.0f} … {high:.0f}")
        marks.append(-exponent)
    return marks


def _table(run: Run, point: int, names: List[str]) -> dict:
    data = run.spectrum(point)
    table = {"point": np.full(data.sizes["mode"], point), "mode": data["mode"].values,
             "trusted": (data["state"].values == TRUSTED).astype(np.int8)}
    table.update({name: data[name].values for name in names if name in data})
    return table


def _limits(values: List[np.ndarray]) -> tuple:
    finite = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in values] or [np.array([])])
    if not finite.size:
        return 0.1, 10.0
    low, high = min(finite.min(), 1.0), max(finite.max(), 1.0)
    pad = 10 ** (0.08 * max(np.log10(high / low), 0.5))
    return low / pad, high * pad
