"""Trainings put together: a series is one model size (and optimiser), over its seeds."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import xarray as xr

from .figures.style import LINESTYLES, PALETTE
from .reader import Run, plain
from .states import TRUSTED
from .sweep import configurations

VERDICTS = ("verdict_depth", "verdict_loss", "verdict_frozen")


@dataclass
class Series:
    """What the seeds of one model share."""

    label: str
    size: float  # NaN where the file does not state it
    size_name: str
    optimiser: str
    points: List[int] = field(default_factory=list)  # 1-based, one a seed
    colour: Any = PALETTE[0]
    linestyle: Any = "-"


def series_of(run: Run) -> List[Series]:
    """Every configuration that holds snapshots, by rising size; colour tells sizes apart, the line optimisers.

    With one size, colour tells optimisers apart.
    """
    found = []
    for item in configurations(run):
        points = [p for p in item.points if run.reach_snapshots(p) is not None]
        if not points:
            continue
        about = run.point_attributes(points[0])
        size = plain(about.get("size", np.nan))
        size = float(size) if isinstance(size, (int, float)) else np.nan
        found.append(Series(item.label, size, str(about.get("size_name", "size")), str(about.get("optimiser", "")), points))
    found.sort(key=lambda s: s.size if np.isfinite(s.size) else np.inf)  # stable: the order of the sweep within a size
    _name(found)
    _colour(found)
    return found


def _name(found: List[Series]) -> None:
    """"width 64", "adam" or "width 64, adam" where that tells all series apart; else their swept keys."""
    sizes, optimisers = ({getattr(s, k) for s in found} for k in ("size", "optimiser"))
    if any(not np.isfinite(s.size) for s in found):
        return
    names = []
    for s in found:
        words = [size_text(s)] if len(sizes) > 1 or len(optimisers) < 2 else []
        names.append(", ".join(words + ([s.optimiser] if len(optimisers) > 1 else [])))
    if len(set(names)) == len(names):
        for s, name in zip(found, names):
            s.label = name


def size_text(series: Series) -> str:
    """width 64, 400 features, 1234 parameters"""
    number = f"{series.size:.6g}"
    return f"{number} {series.size_name}" if series.size_name.endswith("s") else f"{series.size_name} {number}"


def _colour(found: List[Series]) -> None:
    sizes = list(dict.fromkeys(s.size for s in found))
    optimisers = list(dict.fromkeys(s.optimiser for s in found))
    if len(sizes) == len(found) or (len(sizes) > 1 and len(sizes) * len(optimisers) >= len(found)):
        for s in found:
            s.colour = size_colour(sizes.index(s.size), len(sizes))
            s.linestyle = LINESTYLES[optimisers.index(s.optimiser) % len(LINESTYLES)]
        return
    for place, s in enumerate(found):  # neither sizes nor optimisers tell them apart
        s.colour, s.linestyle = PALETTE[place % len(PALETTE)], LINESTYLES[place // len(PALETTE) % len(LINESTYLES)]


def size_colour(place: int, count: int) -> Any:
    """Dark for the smallest, bright for the largest size; one size has the house's first colour."""
    if count == 1:
        return PALETTE[0]
    from matplotlib import colormaps

    return colormaps["plasma"](0.82 * place / (count - 1))


def column(data: xr.Dataset, name: str) -> np.ndarray:
    """A variable over snapshot as doubles; NaN where the file does not hold it."""
    if name not in data:
        return np.full(data.sizes["snapshot"], np.nan)
    return np.asarray(data[name].values, float)


def modes_of(data: xr.Dataset) -> Optional[Tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(eigenvalue, state, gradient_power) over (snapshot, mode); None where no kernel was diagonalised."""
    if "eigenvalue" not in data or not data["eigenvalue"].size:
        return None
    return (np.asarray(data["eigenvalue"].values, float), data["state"].values,
            np.asarray(data["gradient_power"].values, float))


def trusted_power(data: xr.Dataset) -> Optional[np.ndarray]:
    """(u_k·g)²/‖g‖² over (snapshot, mode), NaN at every mode that is not trusted: all that pictures may show."""
    found = modes_of(data)
    return None if found is None else np.where(found[1] == TRUSTED, found[2], np.nan)


def decrease_share(data: xr.Dataset) -> Optional[np.ndarray]:
    """λ_k (u_k·g)² over its sum, over the trusted modes of each snapshot; NaN at all others."""
    power = trusted_power(data)
    if power is None:
        return None
    product = modes_of(data)[0] * power
    total = np.nansum(product, axis=1, keepdims=True)
    return np.divide(product, total, out=np.full(product.shape, np.nan), where=total > 0)


def depth(data: xr.Dataset, name: str) -> np.ndarray:
    """depth_half_mode … over snapshot, NaN where there is none or where the mode it names is not trusted."""
    mode = column(data, f"depth_{name}_mode")
    found = modes_of(data)
    good = np.isfinite(mode) & (mode >= 1)
    if found is not None:
        state = found[1]
        place = np.clip(np.where(good, mode, 1).astype(np.int64) - int(data["mode"].values[0]), 0, state.shape[1] - 1)
        good &= state[np.arange(len(mode)), place] == TRUSTED
    return np.where(good, mode, np.nan)


def quantity(data: xr.Dataset, name: str) -> np.ndarray:
    """A variable over snapshot, or one made of them; depths only where the mode they name is trusted."""
    for part in ("half", "90"):
        if name == f"depth_{part}_mode":
            return depth(data, part)
        if name == f"depth_{part}_relative":
            return np.where(np.isfinite(depth(data, part)), column(data, name), np.nan)
    return column(data, name)


def over_seeds(run: Run, series: Series, names: Tuple[str, ...], geometric: bool = True) -> Dict[str, np.ndarray]:
    """step, compute, and of every name the mean over the seeds with its range, over snapshots that every seed has.

    name, name_low and name_high: geometric mean (arithmetic unless geometric), smallest and largest seed; NaN where one
    seed has no value, for the geometric mean also where one is not positive.
    """
    data = [run.reach_snapshots(p) for p in series.points]
    steps = [np.asarray(d["step"].values) for d in data]
    common = steps[0]
    for other in steps[1:]:
        common = np.intersect1d(common, other)
    common = np.unique(common)
    rows = [np.array([np.flatnonzero(s == c)[0] for c in common], dtype=np.int64) for s in steps]
    out = {"step": common.astype(float), "seeds": np.full(common.size, len(data))}
    for name in ("compute", *names):
        values = np.array([quantity(d, name)[r] for d, r in zip(data, rows)]).reshape(len(data), common.size)
        proper = np.isfinite(values).all(axis=0)
        if geometric and name != "compute":
            proper &= (values > 0).all(axis=0)
        values = np.where(proper, values, np.nan)
        if geometric and name != "compute":
            mean = np.exp(np.log(values).mean(axis=0)) if len(data) > 1 else values[0]
        else:
            mean = values.mean(axis=0)
        out.update({name: mean, f"{name}_low": values.min(axis=0), f"{name}_high": values.max(axis=0)})
    return out


def equal_compute(run: Run, found: List[Series]) -> float:
    """The compute at which models are compared: the run's own, else the largest that every model reached."""
    stored = None if run.reach() is None else plain(run.reach().attrs.get("compute", np.nan))
    if isinstance(stored, (int, float)) and np.isfinite(stored) and stored > 0:
        return float(stored)
    ends = [float(np.nanmax(column(run.reach_snapshots(p), "compute"))) for s in found for p in s.points
            if run.reach_snapshots(p).sizes["snapshot"]]
    return min(ends, default=np.nan)


def at_compute(compute: np.ndarray, value: np.ndarray, wanted: float) -> float:
    """value at a compute, by a straight line between the two snapshots around it (on logarithms where all are positive)."""
    good = np.isfinite(compute) & np.isfinite(value) & (compute > 0)
    x, y = np.log(compute[good]), value[good]
    if not x.size or not wanted > 0 or not x.min() - 1e-9 <= np.log(wanted) <= x.max() + 1e-9:
        return np.nan
    order = np.argsort(x)
    if (y > 0).all():
        return float(np.exp(np.interp(np.log(wanted), x[order], np.log(y[order]))))
    return float(np.interp(np.log(wanted), x[order], y[order]))


def seeds_at_compute(run: Run, series: Series, name: str, wanted: float) -> np.ndarray:
    """The value of every seed at one compute, those without left out."""
    values = [at_compute(column(d, "compute"), quantity(d, name), wanted)
              for d in (run.reach_snapshots(p) for p in series.points)]
    return np.array([v for v in values if np.isfinite(v)])


def verdict_sentences(run: Run) -> List[str]:
    """What the run says about depth, loss and frozen kernels, in this order."""
    data = run.reach()
    if data is None:
        return []
    return [text for text in (str(plain(data.attrs.get(name, "")) or "").strip() for name in VERDICTS) if text]


def optimum(run: Run, point: int) -> Optional[float]:
    """The known optimum of the loss, None where it is unknown."""
    value = plain(run.point_attributes(point).get("best_loss", np.nan))
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None
