"""How the spectrum stands to the law: the ratio, and the local slope."""

from typing import Dict, List, Optional, Tuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..reader import Run
from ..states import TRUSTED
from ..sweep import Configuration
from . import style
from .modes import beyond_trust, draw_line, legend, number, trusted_line
from .spectrum import panel_grid, panels
from .style import Plot

RATIOS = (("law_ratio", "λ / law", None, 2.6), ("comparator_ratio", "λ / chaos comparator", style.INK, 1.0))


def ratio(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """λ over law and over comparator; the theorem's window shaded. None where the study has neither."""
    items = [c for c in items if any(name in run.spectrum(c.points[0]) for name, *_ in RATIOS)]
    if not items:
        return None
    shown = panels(items)
    figure, axes = panel_grid(len(shown))
    tables, values = [], []
    for ax, item in zip(axes, shown):
        data = run.spectrum(item.points[0])
        remark = window(ax, number(data, "law_window_end"))
        style.panel_title(ax, item.label if len(shown) > 1 else "", item.colour, remark)
        ax.axhline(1.0, color=style.COMPARATOR, lw=0.8, ls=":")
        for name, text, colour, width in RATIOS:
            for place, point in enumerate(item.points[:12]):
                seed = run.spectrum(point)
                if name not in seed:
                    continue
                x, y = trusted_line(seed, name)
                values.append(y)
                draw_line(ax, x, y, color=colour or item.colour, lw=width if place == 0 else 0.6,
                          alpha=1 if place == 0 else 0.4, label=text if place == 0 else None)
                if place == 0 and not y.size:
                    style.empty(ax, "no trusted mode")
        style.mode_axis(ax, data.sizes["mode"], "mode j (trusted modes only)")
        tables += [_table(run, p, [r[0] for r in RATIOS]) for p in item.points]
    low, high = _limits(values)
    for ax in axes:
        ax.set_yscale("log")
        ax.set_ylim(low, high)
        style.log_axis(ax.yaxis, low, high)
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel("ratio (dimensionless)")
    legend(axes[0])
    if not any("law_ratio" in run.spectrum(c.points[0]) for c in shown):
        return Plot("ratio", "Ratio to the chaos comparator",
                    "The comparator has no constant to fit: a flat ratio near 1 says that it describes the spectrum. "
                    "For this activation the theorem states no law.", figure, style.stack(tables))
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
    shown = panels(items)
    figure, axes = panel_grid(len(shown), 3.4)
    tables, values, marks = [], [], []
    for ax, item in zip(axes, shown):
        data = run.spectrum(item.points[0])
        for place, point in enumerate(item.points[:12]):
            x, y = trusted_line(run.spectrum(point), "local_slope", positive=False)
            values.append(y[(x >= 2) & (x <= data.sizes["mode"] / 2)] if y.size > 8 else y)
            draw_line(ax, x, y, color=item.colour, lw=1.7 if place == 0 else 0.6, alpha=1 if place == 0 else 0.4,
                      label="local slope" if place == 0 else None)
        if not any(v.size for v in values[-min(len(item.points), 12):]):
            style.empty(ax, "no trusted mode")
        found, remark = _slope_marks(ax, data, run.fits)
        marks += found
        style.panel_title(ax, item.label if len(shown) > 1 else "", item.colour, remark)
        style.mode_axis(ax, data.sizes["mode"], "mode j (trusted modes only)")
        tables += [_table(run, p, ["local_slope"]) for p in item.points]
    finite = np.concatenate([v[np.isfinite(v)] for v in values] + [np.array(marks)])
    if finite.size:
        low, high = finite.min(), finite.max()
        pad = 0.12 * (high - low) + max(0.25 - (high - low) / 2, 0)  # at least half a unit: rounding is no feature
        axes[0].set_ylim(low - pad, high + pad)
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel("d ln λ / d ln j (dimensionless)")
    legend(axes[0])
    with_law = any(law_applies(run.spectrum(c.points[0])) for c in shown)
    with_fit = with_law or any(number(run.spectrum(c.points[0]), "exponent") is not None for c in shown)
    caption = ("Slope of ln λ on ln j in a sliding window; a power law is a level line. "
               + ("Dashed: −α, the exponent of the law for j → ∞. " if with_law else "")
               + ("Bar: minus the fitted exponent, over the modes that were fitted. " if with_fit else "")
               + "A slope that still drifts over the fitted modes makes the fitted exponent depend on its range. "
               "The axis is set by modes 2 … n/2; the fall over the last modes may leave the picture (the CSV holds it).")
    return Plot("slope", "Local slope of the spectrum", caption, figure, style.stack(tables))


def window(ax: Axes, end: Optional[float]) -> str:
    """Shades modes 1 … end, up to half way (on the log axis) to the first mode outside."""
    if end is not None and end >= 1:
        ax.axvspan(0.5, np.sqrt(end * (end + 1)), color=style.WINDOW, lw=0, zorder=0, label="window of the theorem")
        return f"window j ≤ {end:.0f}"
    return ""


def law_applies(data: xr.Dataset) -> bool:
    """The theorem states a law for this spectrum."""
    return "alpha" in data.attrs and number(data, "law_applies") != 0


def fitted(data: xr.Dataset, fits: Optional[xr.Dataset]) -> Dict[str, Optional[float]]:
    """The fit of a spectrum: over all of its seeds where /fits has it, else that of the spectrum alone."""
    names = ("exponent", "fit_low", "fit_high", "exponent_low", "exponent_high")
    known = data.attrs.keys() & (set() if fits is None else set(fits.data_vars))
    keys = [k for k in ("alpha", "degree", "features", "dim", "activation") if k in known]
    if keys:
        same = np.all([fits[k].values == data.attrs[k] for k in keys], axis=0)
        if same.sum() == 1:
            row = fits.isel(fit=int(np.flatnonzero(same)[0]))
            return {k: float(row[k]) if k in row and np.isfinite(float(row[k])) else None for k in names}
    return {k: number(data, k) for k in names}


def _slope_marks(ax: Axes, data: xr.Dataset, fits: Optional[xr.Dataset]) -> Tuple[List[float], str]:
    """Draws −α and the fitted exponent; returns where they lie, and words on the fit."""
    marks, words = [], ""
    alpha, fit = number(data, "alpha") if law_applies(data) else None, fitted(data, fits)
    exponent, low, high = fit["exponent"], fit["fit_low"], fit["fit_high"]
    if alpha is not None:
        ax.axhline(-alpha, color=style.LAW, ls="--", lw=1.2, zorder=1, label="−α")
        marks.append(-alpha)
    if None not in (exponent, low, high):
        ax.plot([low, high], [-exponent] * 2, color=style.INK, lw=5, alpha=0.3, solid_capstyle="butt", zorder=1,
                label="− fitted exponent")
        words = f"α = {alpha:g}; " if alpha is not None and ax.figure.axes[1:] == [] else ""
        words += f"fit {exponent:.3f}, j = {low:.0f} … {high:.0f}" + beyond_trust(data, low, high)
        marks.append(-exponent)
    return marks, words


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
