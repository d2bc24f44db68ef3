"""Densities by stochastic Lanczos quadrature: counts, effective dimension, nodes; each with its interval."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .. import measures
from ..reader import Run
from ..sweep import Configuration
from . import style
from .modes import UNTRUSTED_GID, legend, number
from .spectrum import panel_grid, panels
from .style import Plot

EPSILON = 2.0**-53
NODES = 4000  # marks drawn in a panel


def rounding_floor(data: xr.Dataset) -> float:
    """Below it products with the matrix are rounding noise: the attribute floor, else √n ε times the largest node."""
    stored = number(data, "floor")
    if stored is not None and stored > 0:
        return stored
    known = np.concatenate([np.ravel(data[k].values) for k in ("node", "threshold") if k in data] + [[0.0]])
    return np.sqrt(number(data, "n") or 1.0) * EPSILON * float(known[np.isfinite(known)].max())


def counts(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Number of eigenvalues above a threshold."""
    return _curves(run, items, "threshold", "count", _dense_count, "density", "How many eigenvalues lie above a threshold",
                   "threshold t (dimensionless; falls to the right)", "eigenvalues above t")


def dimensions(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Effective dimension over the ridge."""
    return _curves(run, items, "lambda", "effective_dimension", _dense_dimension, "density_dimension",
                   "Effective dimension, estimated", "ridge κ (dimensionless; falls to the right)",
                   "effective dimension tr K (K + κ)⁻¹")


def with_density(run: Run, items: List[Configuration], name: str) -> List[Configuration]:
    found = [(c, run.density(c.points[0])) for c in items]
    return [c for c, data in found if data is not None and name in data and data[name].size]


def _dense_count(spectrum: xr.Dataset, threshold: np.ndarray) -> np.ndarray:
    return measures.count_above(spectrum, threshold)


def _dense_dimension(spectrum: xr.Dataset, ridge: np.ndarray) -> np.ndarray:
    known, rest = measures.effective_dimension(spectrum, ridge)
    return np.where(rest <= measures.TENTH * known, known, np.nan)


def _curves(run: Run, items: List[Configuration], scale: str, name: str, dense: Callable, stem: str, title: str,
            x_label: str, y_label: str) -> Optional[Plot]:
    items = with_density(run, items, name)
    if not items:
        return None
    shown = panels(items)
    figure, axes = panel_grid(len(shown))
    tables, heights = [], [np.array([])]
    for item, ax in zip(shown, axes):
        data, spectrum = run.density(item.points[0]), run.spectrum(item.points[0])
        x, y = _curve(ax, data, scale, name, item.colour)
        heights += [y, _dense(ax, spectrum, dense, x)]
        _fall_to_the_right(ax, x)
        style.panel_title(ax, item.label if len(shown) > 1 else "", item.colour,
                          exponent_text(data) if name == "count" else "")
        ax.set_xlabel(x_label if len(shown) == 1 else x_label.split(" (")[0])
    _common_height(axes, np.concatenate(heights), 0.3)
    for item in items:
        tables += [curve_table(run, p, scale, name, dense) for p in item.points if run.density(p) is not None]
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel(y_label + " (dimensionless)" if len(shown) == 1 else y_label)
    legend(axes[0])
    has_dense = any(np.isfinite(t["dense"]).any() for t in tables)
    caption = (
        "Line: stochastic Lanczos quadrature, band: the interval that the run states, 95 % unless it says "
        "otherwise, for the spread of the probes and the resolution of the quadrature. "
        + ("Dashed: the same from the computed spectrum, as far as its error bounds settle it to a tenth. "
           if has_dense else "")
        + ("Grey and dotted: there products with the matrix are rounding noise, and the estimate says nothing. "
           if any((t["trusted"] == 0).any() for t in tables) else "")
        + _probes(run.density(shown[0].points[0]))
        + (f" Panels show {len(shown)} of {len(items)} configurations." if len(shown) < len(items) else "")
    )
    return Plot(stem, title, caption, figure, style.stack(tables))


def _curve(ax: Axes, data: xr.Dataset, scale: str, name: str, colour) -> Tuple[np.ndarray, np.ndarray]:
    """Draws estimate and interval, told apart at the rounding floor; returns (x, positive y) that the axes should hold."""
    x, value, low, high = interval(data, scale, name)
    floor = rounding_floor(data)
    good = x >= floor
    ax.fill_between(np.where(good, x, np.nan), np.maximum(low, 1e-3), high, color=colour, alpha=0.22, lw=0,
                    label=f"{100 * (number(data, 'confidence') or 0.95):g} % interval")
    ax.plot(np.where(good, x, np.nan), np.where(value > 0, value, np.nan), color=colour, lw=1.8, marker="o",
            ms=3 if x.size <= 80 else 0, label="estimate", gid="estimate")
    if not good.all():
        ax.plot(np.where(good, np.nan, x), np.where(value > 0, value, np.nan), color=style.UNTRUSTED, lw=1.2, ls=":",
                marker="o", ms=3, mfc="none", mew=0.7, label="estimate, untrusted", gid=UNTRUSTED_GID)
        _floor(ax, floor)
    positive = value > 0
    return x, np.concatenate([value[positive], high[positive & good]])


def interval(data: xr.Dataset, scale: str, name: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scale, value and its stored 95 % interval, falling scale; NaN bounds where none is stored."""
    x = np.asarray(data[scale].values, float)
    short = [np.asarray(data[k].values, float) if k in data else np.full(x.size, np.nan)
             for k in (name, f"{name}_low", f"{name}_high")]
    order = np.argsort(-x, kind="stable")
    return (x[order], *(v[order] for v in short))


def _dense(ax: Axes, spectrum: Optional[xr.Dataset], dense: Callable, x: np.ndarray) -> np.ndarray:
    """Draws what the computed spectrum says, where it says something; returns it."""
    x = x[x > 0]
    if spectrum is None or not spectrum.sizes["mode"] or not x.size:
        return np.array([])
    x = np.geomspace(x.max(), x.min(), 400)
    y = dense(spectrum, x)
    if (y > 0).any():
        ax.plot(x, np.where(y > 0, y, np.nan), color=style.INK, lw=1.1, ls=(0, (5, 1.6)), zorder=4,
                label="computed spectrum", gid="dense")
    return y


def _fall_to_the_right(ax: Axes, x: np.ndarray) -> None:
    ax.set_xscale("log")
    x = x[x > 0]
    if x.size:
        ax.set_xlim(x.max() * 1.6, x.min() / 1.6)
        style.log_axis(ax.xaxis, x.min(), x.max())


def _common_height(axes: Sequence[Axes], y: np.ndarray, least: float) -> None:
    """One range for all panels, which share the axis; what lies below least is cut."""
    y = y[np.isfinite(y) & (y > 0)]
    if not y.size:
        return
    low, high = max(y.min(), least) / 1.6, y.max() * 1.6
    for ax in axes:
        ax.set_yscale("log")
        ax.set_ylim(low, high)
        style.log_axis(ax.yaxis, low, high)


def _floor(ax: Axes, floor: float) -> None:
    ax.axvline(floor, color=style.INK, lw=0.9, ls=(0, (6, 3)))
    ax.annotate(f"rounding floor {floor:.1e}", (floor, 0.02), xycoords=("data", "axes fraction"), rotation=90,
                xytext=(-4, 0), textcoords="offset points", ha="right", va="bottom", fontsize=8.5, color=style.INK)


def curve_table(run: Run, point: int, scale: str, name: str, dense: Callable) -> Dict[str, np.ndarray]:
    """The estimate as stored, whether it lies above the rounding floor, and what the computed spectrum says (or NaN)."""
    data, spectrum = run.density(point), run.spectrum(point)
    x, value, low, high = interval(data, scale, name)
    error = f"{name}_standard_error"
    order = np.argsort(-np.asarray(data[scale].values, float), kind="stable")
    return {
        "point": np.full(x.size, point), scale: x, name: value, f"{name}_low": low, f"{name}_high": high,
        error: np.asarray(data[error].values, float)[order] if error in data else np.full(x.size, np.nan),
        **({f"{name}_resolution": np.asarray(data[f"{name}_resolution"].values, float)[order]}
           if f"{name}_resolution" in data else {}),
        "trusted": (x >= rounding_floor(data)).astype(np.int8),
        "dense": dense(spectrum, x) if spectrum is not None else np.full(x.size, np.nan),
    }


def nodes(run: Run, items: List[Configuration]) -> Optional[Plot]:
    """Nodes of the Gauss quadratures against how many eigenvalues each stands for."""
    items = with_density(run, items, "node")
    if not items:
        return None
    shown = panels(items)
    figure, axes = panel_grid(len(shown))
    heights = []
    for item, ax in zip(shown, axes):
        heights.append(_nodes(ax, run.density(item.points[0]), item.colour))
        style.panel_title(ax, item.label if len(shown) > 1 else "", item.colour, "")
        if len(shown) <= 3:
            legend(ax)
    _common_height(axes, np.concatenate(heights), 1e-6)
    for ax in axes[:: min(3, len(shown))]:
        ax.set_ylabel("eigenvalues it stands for: n · weight")
    tables = [node_table(run.density(p), p) for c in items for p in c.points if run.density(p) is not None]
    caption = ("A mark a node and probe. Where the probes agree on a node, Lanczos has found an eigenvalue, and the weights "
               "scatter about one; further down a node stands for many. Hollow and grey: nodes below the rounding floor, "
               "or negative (at their absolute value), which are noise.")
    return Plot("density_nodes", "Nodes of the quadrature", caption, figure, style.stack(tables))


def _nodes(ax: Axes, data: xr.Dataset, colour) -> np.ndarray:
    """Draws the nodes; returns the heights that the axis should hold."""
    table = node_table(data, 1)
    node, stands, good = table["node"], table["eigenvalues"], table["trusted"] == 1
    thin = np.unique(np.round(np.linspace(0, node.size - 1, min(node.size, NODES))).astype(int))
    for mask, marks, words in (
        (good, dict(marker="o", ms=3.4, mec="none", color=colour, alpha=0.6, gid="node"), "nodes"),
        (~good & (node > 0), dict(marker="o", ms=3.2, mfc="none", mec=style.UNTRUSTED, mew=0.7, gid=UNTRUSTED_GID),
         "untrusted"),
        (node < 0, dict(marker="x", ms=3.2, mec=style.UNTRUSTED, mew=0.7, gid=UNTRUSTED_GID),
         "untrusted and negative, at |node|"),
    ):
        drawn = thin[mask[thin] & (stands[thin] > 0)]
        if drawn.size:
            ax.plot(np.abs(node[drawn]), stands[drawn], ls="", label=f"{words} ({int(mask.sum())})", **marks)
    floor, size = rounding_floor(data), np.abs(node)
    _fall_to_the_right(ax, size[size >= 1e-4 * floor])
    if (size < floor).any():
        _floor(ax, floor)
    ax.set_xlabel("node λ (dimensionless; falls to the right)")
    return stands[stands >= np.percentile(stands, 2)] if stands.size else stands


def node_table(data: xr.Dataset, point: int) -> Dict[str, np.ndarray]:
    """Every node; a probe that ended early leaves none for its later steps. Weights of a probe share n eigenvalues."""
    node, weight = (np.asarray(data[k].values, float) for k in ("node", "weight"))
    probe, step = np.nonzero(np.isfinite(node) & np.isfinite(weight))
    order, total = number(data, "n") or 1.0, np.nansum(weight, axis=1, keepdims=True)
    stands = order * weight / np.where(total > 0, total, 1.0)
    return {"point": np.full(probe.size, point), "probe": probe + 1, "step": step + 1, "node": node[probe, step],
            "weight": weight[probe, step], "eigenvalues": stands[probe, step],
            "trusted": (node[probe, step] >= rounding_floor(data)).astype(np.int8)}


def exponent_text(data: xr.Dataset) -> str:
    """tail exponent 1.52 [1.44, 1.60]"""
    exponent, low, high = (number(data, k) for k in ("exponent", "exponent_low", "exponent_high"))
    if exponent is None:
        return ""
    return f"tail exponent {exponent:.3g}" + (f" [{low:.3g}, {high:.3g}]" if None not in (low, high) else "")


def _probes(data: xr.Dataset) -> str:
    probes, steps, n = (number(data, k) for k in ("probes", "steps", "n"))
    if None in (probes, steps):
        return ""
    return f"{probes:.0f} probes of {steps:.0f} steps" + (f", n = {n:.0f}." if n else ".")
