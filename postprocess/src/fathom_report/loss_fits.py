"""The run's laws L = E + A x^−a of loss against parameters, data and compute, and the points they were fitted to."""

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

import numpy as np

from .reach import Series, column, optimum
from .reader import Run, plain
from .sweep import SEED

VARIABLES = ("parameters", "data", "compute")
LEAST_SIZES = 4  # from so many sizes on the run fits a law over parameters
SAME = 1e-6  # relative: a law fitted anew to the right points agrees with the stored one far better
EXPONENTS = 65  # of the interval, for the band


@dataclass(frozen=True)
class LossFit:
    """value, low and high of each number."""

    floor: Tuple[float, float, float]  # E
    amplitude: Tuple[float, float, float]  # A, in units of loss · x^a
    exponent: Tuple[float, float, float]  # a
    method: str  # how the run made the intervals
    misfit: Optional[float] = None  # what the law lies off its points, relative; of files that say it
    describes: Optional[bool] = None  # the run's own word on whether it is their law

    def loss(self, x: np.ndarray) -> np.ndarray:
        return self.floor[0] + self.amplitude[0] * np.asarray(x, float) ** -self.exponent[0]


def stored_fit(run: Run, variable: str) -> Optional[LossFit]:
    """None where the run holds no fit of this variable."""
    data = run.loss_fit(variable)
    if data is None:
        return None
    numbers = [tuple(float(plain(data.attrs[name + end])) for end in ("", "_low", "_high"))
               for name in ("floor", "amplitude", "exponent")]
    misses, describes = plain(data.attrs.get("misfit")), plain(data.attrs.get("describes"))
    return LossFit(*numbers, str(plain(data.attrs.get("method", ""))), None if misses is None else float(misses),
                   None if describes is None else bool(describes))


def points(run: Run, found: List[Series], variable: str) -> Dict[str, np.ndarray]:
    """x, loss and optimum of every training that did not diverge; `fitted` says which points the run fits.

    parameters: each at its own end. data, D = C/(6 N), and compute: at the snapshots that have computed. Fitted are all
    ends; the largest models' snapshots; those that no other snapshot of their seed undercuts with as little compute.
    """
    tables = [_of_point(run, s, p, variable) for s in found for p in s.points if not diverged(run, p)]
    names = list(_of_point(run, found[0], found[0].points[0], variable))
    table = {name: np.concatenate([t[name] for t in tables] or [np.zeros(0)]) for name in names}
    proper = np.isfinite(table["x"]) & (table["x"] > 0) & np.isfinite(table["loss"]) & (table["loss"] > 0)
    table = {name: values[proper] for name, values in table.items()}
    table["fitted"] = np.ones(table["x"].size, bool)
    if variable == "data" and table["x"].size:
        table["fitted"] = table["size"] == table["size"].max()
    elif variable == "compute":
        table["fitted"] = lowest(table["x"], table["loss"], table["seed"])
    return table


def diverged(run: Run, point: int) -> bool:
    return "diverged_at" in run.point_attributes(point)


def _of_point(run: Run, series: Series, point: int, variable: str) -> Dict[str, np.ndarray]:
    data = run.reach_snapshots(point)
    parameters = plain(run.point_attributes(point).get("parameters", np.nan))
    compute, loss = column(data, "compute"), column(data, "loss")
    x = {"parameters": np.full(loss.size, float(parameters)), "data": compute / (6 * float(parameters)), "compute": compute}
    rows = slice(-1, None) if variable == "parameters" else slice(None)
    best = optimum(run, point)
    count = loss[rows].size
    return {"series": np.full(count, series.label, dtype=object), "size": np.full(count, series.size),
            "point": np.full(count, point), "seed": np.full(count, str(run.point_keys(point).get(SEED, "")), dtype=object),
            "x": x[variable][rows], "loss": loss[rows], "optimum": np.full(count, np.nan if best is None else best)}


def lowest(compute: np.ndarray, loss: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Which points lie below every point of their seed with less compute."""
    below = np.zeros(loss.size, bool)
    for name in dict.fromkeys(seed):
        rows = np.flatnonzero(seed == name)
        rows = rows[np.argsort(compute[rows], kind="stable")]
        before = np.concatenate(([np.inf], np.minimum.accumulate(loss[rows])[:-1])) if rows.size else np.zeros(0)
        below[rows] = loss[rows] < before
    return below


def law_through(x: np.ndarray, loss: np.ndarray, exponent: float) -> Tuple[float, float]:
    """(E, A) of least squares at one exponent, residuals relative to the loss, E ≥ 0: what the run fits by."""
    basis, weight = x**-exponent, (loss.min() / loss) ** 2
    basis_mean, loss_mean = np.average(basis, weights=weight), np.average(loss, weights=weight)
    apart = basis - basis_mean  # at small exponents the basis hardly differs from 1
    amplitude = (weight * apart * (loss - loss_mean)).sum() / (weight * apart**2).sum()
    floor = loss_mean - amplitude * basis_mean
    if floor < 0:
        return 0.0, float((weight * basis * loss).sum() / (weight * basis**2).sum())
    return float(floor), float(amplitude)


def misfit(fit: LossFit, x: np.ndarray, loss: np.ndarray) -> float:
    """Root mean square of what the law lies off the points, over their losses."""
    return float(np.sqrt(np.mean((fit.loss(x) / loss - 1) ** 2)))


def band(fit: LossFit, x: np.ndarray, loss: np.ndarray, at: np.ndarray) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Lowest and highest loss at `at` of the laws whose exponent lies in its interval, E and A fitted to the points.

    The run stores an interval a number; any three numbers out of these would be no fit. None where the points are not
    those of the fit: they do not give back its floor and amplitude.
    """
    if x.size < 3:
        return None
    unit = float(x.min())  # of order 1: the powers of a compute span too many decades

    def curve(exponent: float) -> np.ndarray:
        floor, amplitude = law_through(x / unit, loss, exponent)
        return floor + amplitude * (at / unit) ** -exponent

    if not np.allclose(curve(fit.exponent[0]), fit.loss(at), rtol=SAME, atol=0):
        return None
    curves = np.array([curve(a) for a in np.append(np.geomspace(*fit.exponent[1:], EXPONENTS), fit.exponent[0])])
    return curves.min(axis=0), curves.max(axis=0)


def why_no_fit(run: Run, found: List[Series], variable: str) -> str:
    """Why the run holds no fit, as far as its file tells."""
    if run.reach() is None:
        return "no fit: the runs differ in more than\nsize and seed" if len({s.size for s in found}) < len(found) else \
            "no fit: the run compares no sizes"
    sizes = len({s.size for s in found if not all(diverged(run, p) for p in s.points)})
    if variable == "parameters" and sizes < LEAST_SIZES:
        return f"no fit: {sizes} sizes, a fit asks for {LEAST_SIZES}"
    return "no fit: these points fix no exponent\nwith an interval"
