"""Time and memory."""

from typing import Dict, Optional

import numpy as np

from ..reader import Run
from . import style
from .style import Plot

MEMORY = (("matrix_bytes", "matrix"), ("predicted_peak_bytes", "peak, predicted"), ("measured_peak_bytes", "peak, measured"))


def timing(run: Run) -> Optional[Plot]:
    """A bar a phase: mean over ranks, whisker from the quickest to the slowest rank."""
    data = run.timing
    if data is None or not data.sizes.get("phase"):
        return None
    names = [str(n) for n in data["name"].values]
    low, mean, high = (np.asarray(data[k].values, float) for k in ("min", "mean", "max"))
    rate = np.asarray(data["gflops"].values, float) if "gflops" in data else np.full(len(names), np.nan)
    place = np.arange(len(names))[::-1]
    figure, grid = style.new_figure(1, 1, 1.0 + 0.34 * len(names))
    ax = grid[0, 0]
    ax.barh(place, mean, height=0.62, color=style.PALETTE[5])
    ax.errorbar(mean, place, xerr=[np.maximum(mean - low, 0), np.maximum(high - mean, 0)], fmt="none", ecolor=style.INK,
                elinewidth=1, capsize=3)
    top = max(float(np.nanmax(high)), 1e-9)
    for y, value, end, flops in zip(place, mean, high, rate):
        words = f"{value:.3g} s" + (f", {flops:.3g} GFLOP/s" if np.isfinite(flops) and flops > 0 else "")
        ax.text(max(end, value) + 0.012 * top, y, words, va="center", fontsize=8.5)
    ax.set_yticks(place, names)
    ax.set_xlim(0, 1.28 * top)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("wall time (s)")
    caption = "Bar: mean over ranks; whisker: quickest to slowest rank, which is the imbalance."
    table = {"phase": names, "min_s": low, "mean_s": mean, "max_s": high, "gflops": rate}
    return Plot("timing", "Where the time went", caption, figure, table)


def memory(run: Run) -> Optional[Plot]:
    """Bytes a rank: the matrix, the peak that the plan predicted, and the peak the system counted."""
    stored: Dict[str, float] = run.memory
    found = [(text, float(stored[key])) for key, text in MEMORY if isinstance(stored.get(key), (int, float))]
    if not found:
        return None
    names, values = [f[0] for f in found], np.array([f[1] for f in found])
    unit, size = next((u for u in (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10)) if values.max() >= u[1]), ("B", 1))
    place = np.arange(len(names))[::-1]
    figure, grid = style.new_figure(1, 1, 1.0 + 0.36 * len(names))
    ax = grid[0, 0]
    colours = {"matrix": style.PALETTE[5], "peak, predicted": style.PALETTE[4], "peak, measured": style.PALETTE[0]}
    ax.barh(place, values / size, height=0.6, color=[colours[n] for n in names])
    for y, value in zip(place, values):
        ax.text((value + 0.012 * values.max()) / size, y, f"{value / size:.3g} {unit}", va="center", fontsize=8.5)
    ax.set_yticks(place, names)
    ax.set_xlim(0, 1.2 * max(values.max() / size, 1e-9))
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(f"memory of the largest rank ({unit})")
    caption = "Per rank, the largest of all ranks. "
    predicted, measured = stored.get("predicted_peak_bytes"), stored.get("measured_peak_bytes")
    if predicted and measured:
        caption += f"Measured over predicted: {measured / predicted:.2f}."
    return Plot("memory", "Memory, predicted and measured", caption, figure, {"what": names, "bytes": values})
