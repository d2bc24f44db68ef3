"""Run files of networks in training, by closed forms: gradient flow r_k(t) = r_k(0) exp(−λ_k t) on power-law kernels.

python3 make_reach.py KIND FOLDER
"""

import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from make_run import EPS, RunMaker, put_machine, put_quality

STEPS = np.unique(np.concatenate(([0], np.round(np.geomspace(1, 3e4, 22))))).astype(np.int64)
RATE = 0.5  # learning rate, so that time = RATE · step


class Flow:
    """A model in training: N_out samples, eigenvalues that may grow, residuals that follow them."""

    def __init__(self, size: int, seed: int, rows: int, exponent: float, rank: int, growth: float = 0.0, speed: float = 1.0,
                 noise: float = 0.0, rank_known: bool = True):
        rng = np.random.default_rng(1000 * seed + size)
        k = np.arange(1, rows + 1.0)
        scatter = np.exp(0.08 * rng.standard_normal(rows))
        self.start = np.sort(k**-exponent * scatter)[::-1]
        self.start[rank:] = 0.0
        self.rank, self.rank_known, self.growth, self.speed = rank, rank_known, growth, speed
        self.signal = k**-0.75 * rng.choice((-1, 1), rows) * np.exp(0.2 * rng.standard_normal(rows))
        self.noise = noise * rng.standard_normal(rows)
        self.size, self.rows, self.rng = size, rows, rng
        self.parameters = 25 * size

    def rate(self, time: float) -> np.ndarray:
        """Eigenvalues at a time: feature learning lifts the tail more than the head."""
        tail = np.arange(1, self.rows + 1.0) ** 0.35
        return self.start * (1 + self.growth * tail * np.log1p(time / 30))

    def integral(self, time: float) -> np.ndarray:
        tail = np.arange(1, self.rows + 1.0) ** 0.35
        s = time / 30
        return self.speed * self.start * (time + self.growth * tail * 30 * ((1 + s) * np.log1p(s) - s))

    def parts(self, time: float) -> Tuple[np.ndarray, np.ndarray]:
        decay = np.exp(-self.integral(time))
        return self.signal * decay, self.noise * decay

    def residual(self, time: float) -> np.ndarray:
        return sum(self.parts(time))

    def frozen_loss(self, start: float, time: float) -> float:
        r = self.residual(start) * np.exp(-self.speed * self.rate(start) * (time - start))
        return float((r**2).mean() / 2)

    def loss(self, time: float) -> float:
        return float((self.residual(time) ** 2).mean() / 2)

    def compute(self, step: np.ndarray) -> np.ndarray:
        return 6.0 * self.parameters * self.rows * step


def snapshot(flow: Flow, time: float, best: float) -> Dict[str, Any]:
    """Every number of one snapshot, as a dense solver would see it: eigenvalues below the floor are noise."""
    exact, r = flow.rate(time), flow.residual(time)
    floor = 30 * EPS * np.sqrt(flow.rows) * exact[0]
    value = exact + 0.2 * EPS * exact[0] * np.sqrt(flow.rows) * flow.rng.standard_normal(flow.rows)
    bound = np.full(flow.rows, floor / 10)
    state = (bound < 0.1 * value).astype(np.int8)
    if flow.rank_known:
        state[flow.rank:], value[flow.rank:] = 2, 0.0
    else:
        order = np.argsort(value[flow.rank:])[::-1]
        value[flow.rank:] = value[flow.rank:][order]
    power = r**2 / (r**2).sum()
    good = state == 1
    trace = exact.sum()
    share = np.cumsum(np.where(good, exact * power, 0))
    half, ninety = (int(np.searchsorted(share, q * share[-1]) + 1) for q in (0.5, 0.9))
    chi = float((exact * power).sum() / trace)
    gradients = chi * (1 + 0.03 * flow.rng.standard_normal())
    signal, noise = flow.parts(time)
    taken = (exact * (signal**2 + signal * noise)).sum() / (exact * r**2).sum()
    return {
        "loss": flow.loss(time) + best, "excess_loss": flow.loss(time), "chi_loss": float((r**2).sum()) / flow.rows**2,
        "chi_net": float(trace), "chi_pos": chi,
        "chi_pos_trusted": float((exact * power)[good].sum() / (trace * power[good].sum())),
        "unreachable_fraction": float(power[~good].sum()), "top_level": float(exact[0] / trace), "null_level": 1 / flow.rows,
        "depth_half_mode": float(half), "depth_90_mode": float(ninety),
        "depth_half_relative": float(value[half - 1] / value[0]),
        "depth_90_relative": float(value[ninety - 1] / value[0]), "floor_relative": float(floor / value[0]),
        "trusted": int(good.sum()), "largest": float(value[0]),
        "chi_pos_lanczos": chi * (1 + 1e-12 * flow.rng.standard_normal()), "chi_pos_gradients": gradients,
        "chi_pos_gradients_standard_error": 0.03 * chi, "signal_share": float(taken), "noise_share": float(1 - taken),
        "eigenvalue": value, "error_bound": bound, "state": state, "gradient_power": power,
    }


def put_point(maker: RunMaker, point: str, flow: Flow, name: str, steps: np.ndarray = STEPS, best: float = 0.0,
              starts: Sequence[int] = (), groups: Sequence[str] = (), without: Sequence[str] = (), **attributes: Any) -> List[Dict[str, Any]]:
    """training, reach_snapshots and, with starts or groups, frozen and between_groups; returns the snapshots."""
    rows = [snapshot(flow, RATE * s, best) for s in steps]
    group = maker.group(f"{point.rstrip('/')}/reach_snapshots").scale("snapshot", np.arange(1, len(steps) + 1))
    group.scale("mode", np.arange(1, flow.rows + 1))
    columns = {"step": steps, "time": RATE * steps, "compute": flow.compute(steps),
               **{k: np.array([r[k] for r in rows]) for k in rows[0]}}
    for key, data in columns.items():
        if key not in without:
            group.variable(key, data, *(("snapshot", "mode") if data.ndim == 2 else ("snapshot",)))
    every = np.unique(np.concatenate((np.arange(0, 50), np.round(np.geomspace(50, steps[-1], 400))))).astype(np.int64)
    batch = np.array([flow.loss(RATE * s) for s in every]) * np.exp(0.1 * flow.rng.standard_normal(every.size)) + best
    maker.group(f"{point.rstrip('/')}/training").scale("step", every).variable("loss", batch, "step")
    if len(starts):
        put_frozen(maker, point, flow, starts, steps, best)
    if len(groups):
        put_groups(maker, point, groups)
    stored = {"size": flow.size, "size_name": name, "parameters": flow.parameters, "n": flow.rows, "classes": 1,
              "rows": flow.rows, "optimiser": "sgd", **attributes}
    maker.group(point).attributes(**{k: v for k, v in stored.items() if k not in without})
    put_quality(maker, point)
    return rows


def put_frozen(maker: RunMaker, point: str, flow: Flow, starts: Sequence[int], steps: np.ndarray, best: float) -> None:
    time = RATE * np.geomspace(1, steps[-1], 60)
    loss = np.array([[flow.frozen_loss(RATE * s, t) + best if t >= RATE * s else np.nan for t in time] for s in starts])
    group = maker.group(f"{point.rstrip('/')}/frozen").scale("frozen_start", list(starts)).scale("frozen_time", time)
    group.variable("loss", loss, "frozen_start", "frozen_time")
    group.variable("learning_loss", [flow.loss(t) + best for t in time], "frozen_time")


def put_groups(maker: RunMaker, point: str, names: Sequence[str]) -> None:
    """G Θ Gᵀ of random parts of the gradient that pull against one another, ever more."""
    group = maker.group(f"{point.rstrip('/')}/between_groups")
    group.scale("group", np.arange(1, len(names) + 1)).scale("other_group", np.arange(1, len(names) + 1))
    group.variable("name", list(names), "group")
    for key, pull in (("decrease_first", 0.3), ("decrease_last", 0.95)):
        parts = np.random.default_rng(len(names)).standard_normal((len(names), 40))
        parts -= pull * parts.mean(axis=0)
        group.variable(key, parts @ parts.T, "group", "other_group")


def put_loss_fit(maker: RunMaker, variable: str, x: np.ndarray, loss: np.ndarray) -> None:
    """E + A x^−a by a grid of exponents, E ≥ 0, residuals over the loss; its intervals are ± 10 % and no bootstrap."""
    def solved(a: float) -> Tuple[float, float, float]:
        design = np.stack([1 / loss, x**-a / loss], axis=1)
        for columns in ([0, 1], [1]):
            found = np.zeros(2)
            found[columns] = np.linalg.lstsq(design[:, columns], np.ones(x.size), rcond=None)[0]
            if found[0] >= 0:
                break
        return ((design @ found - 1) ** 2).sum(), found[0], found[1]

    exponent = min(np.geomspace(0.01, 10, 2000), key=lambda a: solved(a)[0])
    _, floor, amplitude = solved(exponent)
    group = maker.group(f"reach/loss_against_{variable}").attributes(method="intervals of ± 10 %")
    for name, value in (("floor", floor), ("amplitude", amplitude), ("exponent", exponent)):
        group.attributes(**{name: value, f"{name}_low": 0.9 * value, f"{name}_high": 1.1 * value})


def put_reach(maker: RunMaker, sizes: Sequence[int], flows: Dict[int, List[Tuple[Flow, List[Dict]]]], steps: np.ndarray,
              **attributes: Any) -> None:
    """Reach at equal compute: mean over the logarithms of the seeds, ± two standard errors."""
    compute = min(f.compute(steps)[-1] for pairs in flows.values() for f, _ in pairs)
    table: Dict[str, List[float]] = {}
    for size in sizes:
        for name, key in (("mode", "depth_90_mode"), ("relative_eigenvalue", "depth_90_relative"), ("final_loss", "loss")):
            logs = np.array([np.log(np.interp(compute, f.compute(steps), [r[key] for r in rows])) for f, rows in flows[size]])
            error = 2 * logs.std(ddof=1) / np.sqrt(logs.size) if logs.size > 1 else np.nan
            for suffix, shift in (("", 0.0), ("_low", -error), ("_high", error)):
                table.setdefault(name + suffix, []).append(float(np.exp(logs.mean() + shift)))
    group = maker.group("reach").scale("size", list(sizes))
    for key, data in table.items():
        group.variable(key, data, "size")
    slope = np.polyfit(np.log(sizes), np.log(table["mode"]), 1)[0]
    group.attributes(compute=compute, seeds=len(flows[sizes[0]]), share=0.9, slope=slope, slope_low=slope - 0.12,
                     slope_high=slope + 0.12, **attributes)


# Kinds of runs


def features(folder: Path, sizes: Sequence[int] = (50, 100, 200, 400, 800), seeds: int = 3, rows: int = 600,
             **without: Any) -> Path:
    """Random features: rank d, so for d < n part of the residual stays for ever and the raw scalar dives."""
    maker = RunMaker(folder, "Reach of random features on power-law data", "spectral_reach")
    flows: Dict[int, List] = {size: [] for size in sizes}
    number = 0
    for size in sizes:
        for seed in range(1, seeds + 1):
            number += 1
            flow = Flow(size, seed, rows, 1.5, min(size, rows), noise=0.01)
            flows[size].append((flow, put_point(maker, f"/sweep/{number:04d}", flow, "features", label=f"d = {size}",
                                                **without, **{"kernel.features": size, "run.seed": seed})))
    put_reach(maker, sizes, flows, STEPS, verdict_depth="Larger models reach deeper: the depth at equal compute grows as "
              "size^0.4 [0.3, 0.5].", verdict_loss="Larger models end at lower loss <strictly>.")
    put_machine(maker)
    return maker.finish()


def networks(folder: Path, sizes: Sequence[int] = (16, 32, 64, 128), seeds: int = 3, rows: int = 300,
             steps: np.ndarray = STEPS) -> Path:
    """MLPs that learn features: a steep kernel whose tail lies below the floor, its rank unknown; frozen beside learning."""
    maker = RunMaker(folder, "Reach of MLPs on digits", "spectral_reach", verdict="Widths 16 … 128: the depth grows.")
    flows: Dict[int, List] = {size: [] for size in sizes}
    number = 0
    for size in sizes:
        for seed in range(1, seeds + 1):
            number += 1
            flow = Flow(size, seed, rows, 6.0 - 0.5 * np.log2(size / 16), rows, 0.02 * size**0.5, rank_known=False)
            flows[size].append((flow, put_point(maker, f"/sweep/{number:04d}", flow, "width", steps, best=0.8025,
                                                best_loss=0.8025, starts=(1, 30, 1000), groups=[f"class {k}" for k in range(5)],
                                                label=f"width {size}",
                                                **{"network.width": size, "run.seed": seed})))
    put_reach(maker, sizes, flows, steps, verdict_depth="Undecided: the intervals overlap.",
              verdict_frozen="Feature learning goes past the frozen kernel at every width.")
    largest = flows[sizes[-1]]
    put_loss_fit(maker, "data", np.concatenate([f.compute(steps[1:]) / (6 * f.parameters) for f, _ in largest]),
                 np.array([r["loss"] for _, rows in largest for r in rows[1:]]))
    put_machine(maker)
    return maker.finish()


def optimisers(folder: Path, sizes: Sequence[int] = (32, 128), rows: int = 150) -> Path:
    maker = RunMaker(folder, "Optimisers side by side", "spectral_reach")
    number = 0
    for size in sizes:
        for name, speed in (("sgd", 1.0), ("momentum", 8.0), ("adam", 40.0)):
            for seed in (1, 2):
                number += 1
                flow = Flow(size, seed, rows, 2.0, rows, 0.02 * size**0.5, speed)
                keys = {"training.optimiser": name, "run.seed": seed}
                keys.update({"network.width": size} if len(sizes) > 1 else {})
                put_point(maker, f"/sweep/{number:04d}", flow, "width", STEPS[:14], optimiser=name, **keys)
    put_machine(maker)
    return maker.finish()


def bare_training(folder: Path, rows: int = 40) -> Path:
    """One training, with only what a run must hold: no modes, no optional number."""
    maker = RunMaker(folder, "One training", "spectral_reach")
    group = maker.group("reach_snapshots").scale("snapshot", np.arange(1, 6))
    flow = Flow(64, 1, rows, 1.5, rows)
    times = np.array([0, 1, 10, 100, 1000])
    rows_of = [snapshot(flow, RATE * t, 0.0) for t in times]
    for key, data in {"step": times, "compute": flow.compute(times), "loss": [r["loss"] for r in rows_of],
                      "chi_pos": [r["chi_pos"] for r in rows_of]}.items():
        group.variable(key, data, "snapshot")
    return maker.finish()


def one_training(folder: Path, rows: int = 120) -> Path:
    """One point, the root group, with everything."""
    maker = RunMaker(folder, "One training", "spectral_reach")
    put_point(maker, "/", Flow(64, 1, rows, 8.0, rows, 0.1, rank_known=False), "width", starts=(1, 100))
    put_machine(maker)
    return maker.finish()


KINDS = {"features": features, "networks": networks, "optimisers": optimisers, "bare_training": bare_training,
         "one_training": one_training}

if __name__ == "__main__":
    print(KINDS[sys.argv[1]](Path(sys.argv[2])))
