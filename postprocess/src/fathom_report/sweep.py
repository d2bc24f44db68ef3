"""Points of a sweep put together: a configuration is what its seeds share."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

import numpy as np

from .figures.style import LINESTYLES, PALETTE
from .reader import Run, plain

SEED = "run.seed"
SHORT = {
    "kernel.degree": "p", "data.alpha": "α", "kernel.features": "d", "data.dim": "v", "data.n": "n",
    "kernel.depth": "depth", "run.seed": "seed", "kernel.weight_variance": "σw²", "kernel.bias_variance": "σb²",
}
NAMELESS = ("kernel.type", "kernel.activation", "data.source", "solver.backend")


@dataclass
class Configuration:
    """One setting of the swept keys other than the seed, with the points (1-based) that share it."""

    keys: Dict[str, Any]
    label: str
    points: List[int] = field(default_factory=list)
    colour: Any = PALETTE[0]
    linestyle: Any = "-"

    @property
    def seeds(self) -> str:
        return f"{len(self.points)} seeds" if len(self.points) > 1 else "1 seed"


def short_value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def key_text(key: str, value: Any) -> str:
    if key in NAMELESS:
        return short_value(value)
    return f"{SHORT.get(key, key.split('.')[-1])} = {short_value(value)}"


def configurations(run: Run) -> List[Configuration]:
    """In the order of the sweep, coloured: by degree where it is swept, else by the first swept key."""
    found: Dict[Tuple, Configuration] = {}
    for point in range(1, run.point_count + 1):
        keys = {k: v for k, v in run.point_keys(point).items() if k != SEED}
        name = tuple((k, str(v)) for k, v in keys.items())
        if name not in found:
            text = ", ".join(key_text(k, v) for k, v in keys.items())
            found[name] = Configuration(keys, text or _single_label(run))
        found[name].points.append(point)
    result = list(found.values())
    _colour(result, run)
    return result


def choose(items: List, limit: int) -> List:
    """At most limit of the items, evenly spread, first and last included."""
    if len(items) <= limit:
        return list(items)
    return [items[i] for i in np.unique(np.round(np.linspace(0, len(items) - 1, limit)).astype(int))]


def swept_text(run: Run) -> str:
    keys = list(dict.fromkeys(k for p in range(1, run.point_count + 1) for k in run.point_keys(p)))
    return ", ".join(keys)


def _single_label(run: Run) -> str:
    if run.is_sweep and any(SEED in run.point_keys(p) for p in range(1, run.point_count + 1)):
        return "all seeds"
    return "spectrum"


def _colour(items: List[Configuration], run: Run) -> None:
    keys = list(dict.fromkeys(k for c in items for k in c.keys))
    values = {k: list(dict.fromkeys(str(c.keys.get(k)) for c in items)) for k in keys}
    varied = sorted((k for k in keys if len(values[k]) > 1), key=lambda k: k != "kernel.degree")
    if not varied:
        first = run.spectrum(1)
        degree = 1 if first is None else plain(first.attrs.get("degree", 1))
        for item in items:
            item.colour = degree_colour(degree)
        return
    by_colour, by_line = varied[0], varied[1] if len(varied) == 2 else None
    two = by_line is not None and len(values[by_colour]) <= len(PALETTE) and len(values[by_line]) <= len(LINESTYLES)
    for number, item in enumerate(items):
        place, count = number, len(items)
        if two or len(varied) == 1:
            place, count = values[by_colour].index(str(item.keys.get(by_colour))), len(values[by_colour])
        if by_colour == "kernel.degree" and (two or len(varied) == 1):
            item.colour = degree_colour(item.keys[by_colour])
        else:
            item.colour = PALETTE[place] if count <= len(PALETTE) else _ordered(place, count)
        if two:
            item.linestyle = LINESTYLES[values[by_line].index(str(item.keys.get(by_line)))]


def degree_colour(degree: Any) -> str:
    return PALETTE[(int(degree) - 1) % len(PALETTE)] if str(degree).lstrip("-").isdigit() else PALETTE[0]


def _ordered(place: int, count: int):
    from matplotlib import colormaps

    return colormaps["viridis"](0.85 * place / max(count - 1, 1))
