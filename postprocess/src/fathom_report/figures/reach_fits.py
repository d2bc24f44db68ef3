"""Laws of loss against parameters, data and compute, as the run has fitted them."""

from typing import Any, Dict, List, Optional

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from ..loss_fits import VARIABLES, LossFit, band, diverged, misfit, points, stored_fit, why_no_fit
from ..reach import Series
from ..reader import Run
from . import style
from .modes import draw_line
from .panels import draw_optimum, figure_with_legend, line_entry, log_scale
from .reach import COMPUTE, loss_scale
from .reach_modes import step_text
from .style import Plot

AXES = {"parameters": "parameters N", "data": "samples seen D = C/(6 N)", "compute": COMPUTE.replace("compute", "compute C =")}
LETTER = {"parameters": "N", "data": "D", "compute": "C"}
BAND = dict(color=style.INK, alpha=0.16, lw=0)
ONE_OPTIMUM = 1e-9  # relative
POOR = 0.3  # in files without the run's own word: a law that lies further off its points describes them not
REACH_DOWN = 0.3  # a law is followed down to so much of the least loss


def fits(run: Run, found: List[Series]) -> Optional[Plot]:
    """A panel a variable: the runs, the fitted law where there is one, and the laws that its interval allows."""
    tables = {v: points(run, found, v) for v in VARIABLES}
    if len({v for v in tables["compute"]["size"] if np.isfinite(v)}) < 2:
        return None
    laws = {v: stored_fit(run, v) for v in VARIABLES}
    best = one_optimum(tables["compute"])
    offs = {v: off_its_points(laws[v], tables[v]) for v in VARIABLES}
    failed = {v: law is not None and not describes(law, offs[v]) for v, law in laws.items()}
    laws = {v: None if failed[v] else law for v, law in laws.items()}
    bands = {v: allowed(laws[v], tables[v]) for v in VARIABLES}
    entries = [line_entry(s.label, s.colour, "", marker=_marker(s), ms=5.5) for s in found]
    entries += [line_entry("fit of the run, L = E + A x$^{-a}$")] * any(law is not None for law in laws.values())
    entries += [(Patch(**BAND), "laws with a in its interval")] * any("low" in b for b in bands.values())
    entries += [line_entry("snapshots that are not fitted", style.UNTRUSTED, lw=1.0, alpha=0.6)]
    figure, axes = figure_with_legend(1, len(VARIABLES), 4.2, entries)
    for ax, variable in zip(axes[0], VARIABLES):
        _panel(ax, variable, found, tables[variable], bands[variable], best)
        known = tables[variable]["optimum"]
        if best is None and known.size and np.isfinite(known).all():
            draw_optimum(ax, float(known.mean()))
        _head(ax, LETTER[variable], laws[variable], offs[variable],
              no_such_law(offs[variable]) if failed[variable] else why_no_fit(run, found, variable))
    lost = sum(diverged(run, p) for s in found for p in s.points)
    hidden = sum(int((t["loss"] - (best or 0.0) < ax.get_ylim()[0]).sum()) for t, ax in zip(tables.values(), axes[0]))
    apart = [v for v in VARIABLES if laws[v] is not None and "low" not in bands[v]]
    caption = (
        "Marks: what a fit goes through. Left: every training at its own end. Middle: the snapshots of the largest models. Right: "
        "of each seed those snapshots that none with as little compute undercuts. "
        + (f"Drawn is the loss above the optimum L* = {best:.6g}. " if best is not None else "")
        + optimum_sentence(tables["compute"], best)
        + ("E is fitted too and knows of no optimum" + (": where E and L* differ the line bends. " if best is not None else ". ")
           + "Misfit: root mean square of what the law lies off the marks, over their losses. "
           "Band: every law whose exponent lies in its interval, E and A fitted anew to the same points. "
           if any(law is not None for law in laws.values()) else "") + intervals_sentence(laws)
        + (f"{hidden} values lie below the axes. " if hidden else "")
        + ("".join(f"No band against {v}: the marks do not give back the stored law. " for v in apart))
        + (f"Left out: {lost} training{'s' if lost > 1 else ''} that diverged. " if lost else "")
    )
    return Plot("reach_fits", "Laws of the loss: parameters, data, compute", caption, figure, _csv(tables, laws))


def one_optimum(table: Dict[str, np.ndarray]) -> Optional[float]:
    """The known optimum that all runs share and all losses lie above, else None: the fits are of losses of all runs."""
    best = table["optimum"]
    if not best.size or not np.isfinite(best).all() or np.ptp(best) > ONE_OPTIMUM * np.abs(best).max():
        return None
    return float(best[0]) if (table["loss"] > best).all() else None


def optimum_sentence(table: Dict[str, np.ndarray], best: Optional[float]) -> str:
    """Why the loss is drawn and not its excess, where optima are known."""
    known = table["optimum"][np.isfinite(table["optimum"])]
    if best is not None or known.size < table["optimum"].size:
        return ""
    span = f"{known.min():.4g}" + (f" … {known.max():.4g}" if np.ptp(known) > ONE_OPTIMUM * np.abs(known).max() else "")
    return (f"The optimum L* (dashed: its mean) is {span}; as it differs by seed or some loss undercuts it, losses are drawn, "
            "not what lies above it. ")


def off_its_points(law: Optional[LossFit], table: Dict[str, np.ndarray]) -> float:
    """As the run says it, else what the stored law lies off the points that it was fitted to."""
    rows = table["fitted"]
    if law is not None and law.misfit is not None:
        return law.misfit
    return np.nan if law is None or not rows.any() else misfit(law, table["x"][rows], table["loss"][rows])


def describes(law: LossFit, off: float) -> bool:
    """Whether the law is one of its points, whatever the interval of its exponent says."""
    return not off > POOR if law.describes is None else law.describes


def no_such_law(off: float) -> str:
    return f"no law E + A x$^{{-a}}$: the nearest one\nmisses these losses by {100 * off:.2g} %"


def allowed(law: Optional[LossFit], table: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """x, loss and, where the points give back the law, low and high; empty without a law."""
    rows = table["fitted"]
    if law is None or not rows.any():
        return {}
    x = np.geomspace(table["x"][rows].min(), table["x"][rows].max(), 200)
    curve = {"x": x, "loss": law.loss(x)}
    ends = band(law, table["x"][rows], table["loss"][rows], x)
    return curve if ends is None else {**curve, "low": ends[0], "high": ends[1]}


def _panel(ax: Axes, variable: str, found: List[Series], table: Dict[str, np.ndarray], curve: Dict[str, np.ndarray],
           best: Optional[float]) -> None:
    shift = 0.0 if best is None else best
    for s in found:
        for point in s.points:
            rows = table["point"] == point
            if not table["fitted"][rows].all():
                draw_line(ax, table["x"][rows], table["loss"][rows] - shift, color=s.colour, lw=0.8, alpha=0.45, zorder=1)
        rows = table["fitted"] & np.isin(table["point"], s.points)
        ax.plot(table["x"][rows], table["loss"][rows] - shift, color=s.colour, ls="", marker=_marker(s), ms=4.6, mec="white",
                mew=0.4, zorder=3)
    if curve:
        y = {k: np.where(v > shift, v - shift, np.nan) for k, v in curve.items() if k != "x"}
        if "low" in y:
            bottom = np.nan_to_num(y["low"], nan=np.finfo(float).tiny)
            ax.fill_between(curve["x"], bottom, y["high"], **BAND, zorder=2)
        draw_line(ax, curve["x"], y["loss"], color=style.INK, lw=1.5, zorder=4)
    least, most = log_scale(ax.xaxis, [table["x"]], margin=0.05)
    if 1e4 < most < 100 * least:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: step_text(v)))
    values = table["loss"] - shift
    law = curve["loss"] - shift if curve else np.zeros(0)
    loss_scale(ax, [values, law[law > REACH_DOWN * values.min(initial=np.inf)]])
    ax.set_xlabel(AXES[variable])
    ax.set_ylabel("loss L (units of the loss)" if best is None else "excess loss L − L* (units of the loss)")


def _marker(series: Series) -> str:
    """Sizes are told apart by colour, optimisers by shape."""
    return dict(zip(map(str, style.LINESTYLES), "osD^")).get(str(series.linestyle), "o")


def _head(ax: Axes, letter: str, law: Optional[LossFit], off: float, why: str) -> None:
    """The exponent with its interval above the panel, where no data lie; or why there is none."""
    if law is None:
        ax.set_title(why, fontsize=8.5, color=style.COMPARATOR)
        return
    handle, _ = line_entry("", lw=1.5)
    words = (rf"L = E + A {letter}$^{{-a}}$,  a = {interval_text(law.exponent)}" "\n"
             f"E = {interval_text(law.floor)},  misfit {100 * off:.2g} %")
    ax.legend([handle], [words], loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2, handlelength=1.6)


def interval_text(number: Any) -> str:
    """0.52 [0.40, 0.64]"""
    value, low, high = (f"{v:.3g}".replace("-", "−") for v in number)
    return value + (f" [{low}, {high}]" if np.isfinite(number[1:]).all() else ", no interval")


def intervals_sentence(laws: Dict[str, Optional[LossFit]]) -> str:
    """Intervals: C by …; the methods as the run states them, each once."""
    said: Dict[str, List[str]] = {}
    for variable, law in laws.items():
        if law is not None and law.method:
            said.setdefault(law.method, []).append(LETTER[variable])
    return f"Intervals: {'; '.join(', '.join(v) + ' by ' + k for k, v in said.items())}. " if said else ""


def _csv(tables: Dict[str, Dict[str, np.ndarray]], laws: Dict[str, Optional[LossFit]]) -> Dict[str, np.ndarray]:
    """Every point with the law at its place."""
    rows = []
    for variable, table in tables.items():
        law = laws[variable]
        rows.append({"against": np.full(table["x"].size, variable, dtype=object), **table,
                     "fitted": table["fitted"].astype(int),
                     "law": np.full(table["x"].size, np.nan) if law is None else law.loss(table["x"])})
    return style.stack(rows)
