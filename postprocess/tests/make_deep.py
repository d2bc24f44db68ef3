"""Run files of the deep tail: a deeper route beside the Gram route it replaced, and densities by Lanczos quadrature.

python3 make_deep.py KIND FOLDER [SIZE]
"""

import sys
from pathlib import Path
from typing import Dict, Optional, Tuple

import numpy as np
from make_run import EPS, RunMaker, put_quality, put_spectrum

STUDENT = {3: 4.303, 6: 2.571, 8: 2.365}  # 97.5 % quantile of Student's t over probes − 1 degrees of freedom


def power_law_matrix(value: np.ndarray, seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((value.size, value.size)))
    matrix = (q * value) @ q.T
    return (matrix + matrix.T) / 2


def deep_values(true: np.ndarray, seed: int, delta: float = 10 * EPS) -> Tuple[np.ndarray, np.ndarray]:
    """What a cascade gives: σ to within δ σ₁, so λ to within 2σδ + δ²."""
    sigma = np.sqrt(true)
    error = 0.1 * delta * np.random.default_rng(seed).standard_normal(true.size)
    value = np.sort((sigma + error) ** 2)[::-1]
    return value, 2 * np.sqrt(value) * delta + delta**2


def put_deep(maker: RunMaker, point: str, true: np.ndarray, seed: int, rank: Optional[int] = None, route: str = "cascade",
             levels: int = 3, **attributes) -> None:
    """POINT/gram_spectrum with its noise and POINT/spectrum below it."""
    gram = np.linalg.eigvalsh(power_law_matrix(true, seed))[::-1]
    put_spectrum(maker, point, gram, rank=rank, name="gram_spectrum",
                 bound=np.full(true.size, np.sqrt(true.size) * EPS), slope=False)
    value, bound = deep_values(true, seed)
    if rank is not None:
        value[rank:] = bound[rank:] = 0.0
    good = value[(bound < 0.1 * value)]
    put_spectrum(maker, point, value, rank=rank, bound=bound, route=route, levels=levels, **attributes)
    maker.group(f"{point.rstrip('/')}/spectrum").attributes(floor=float(good.min()))


def deep(folder: Path, n: int = 700, exponent: float = 10.0, slope: bool = False) -> Path:
    """λ_j = j^-10: a Gram matrix holds about 20 modes, the cascade 500, and the last are beyond it too."""
    maker = RunMaker(folder, "Below the floor of the Gram matrix", "spectrum")
    put_deep(maker, "/", np.arange(1, n + 1.0) ** -exponent, 3, slope=slope, fit_low=3, fit_high=30, exponent=exponent)
    put_quality(maker, "/")
    return maker.finish()


def deep_sweep(folder: Path, n: int = 150) -> Path:
    """Three points: the Gram route was enough, a cascade replaced it, and a factor with fewer columns than rows."""
    maker = RunMaker(folder, "Several routes", "spectrum")
    j = np.arange(1, n + 1.0)
    put_spectrum(maker, "/sweep/0001", j**-1.5, route="gram", slope=False)
    put_deep(maker, "/sweep/0002", j**-10.0, 4, slope=False)
    true = np.where(j <= 2 * n // 3, j**-12.0, 0.0)
    put_deep(maker, "/sweep/0003", true, 5, rank=2 * n // 3, route="svd", levels=1, slope=False)
    for number, alpha in enumerate((1.5, 10.0, 12.0), 1):
        put_quality(maker, f"/sweep/{number:04d}")
        maker.group(f"/sweep/{number:04d}").attributes(label=f"α = {alpha:g}", **{"data.alpha": alpha})
    return maker.finish()


# Stochastic Lanczos quadrature, as the estimates are made


def lanczos(value: np.ndarray, start: np.ndarray, steps: int) -> Tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the Gauss quadrature of diag(value) from a start vector; full reorthogonalisation."""
    basis, alpha, beta = [start / np.linalg.norm(start)], [], []
    for _ in range(steps):
        w = value * basis[-1]
        alpha.append(basis[-1] @ w)
        for _ in range(2):
            w = w - np.array(basis).T @ (np.array(basis) @ w)
        beta.append(np.linalg.norm(w))
        basis.append(w / beta[-1])
    node, vectors = np.linalg.eigh(np.diag(alpha) + np.diag(beta[:-1], 1) + np.diag(beta[:-1], -1))
    return node, vectors[0] ** 2


def estimate(samples: np.ndarray) -> Dict[str, np.ndarray]:
    """Mean over probes (axis 0), its standard error, and the 95 % interval."""
    probes = samples.shape[0]
    mean, error = samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(probes)
    return {"": mean, "_standard_error": error, "_low": mean - STUDENT[probes] * error,
            "_high": mean + STUDENT[probes] * error}


def put_density(maker: RunMaker, point: str, value: np.ndarray, seed: int, exponent: float = 2.0, probes: int = 8,
                steps: int = 30) -> None:
    n, rng = value.size, np.random.default_rng(seed)
    pairs = [lanczos(value, rng.standard_normal(n), steps) for _ in range(probes)]
    node, weight = (np.array([p[k] for p in pairs]) for k in (0, 1))
    noise = node < EPS * value[0]  # products in double precision leave such nodes anywhere
    node[noise] = EPS * value[0] * rng.standard_normal(noise.sum())
    threshold = np.geomspace(value[0] / 2, 1e-17 * value[0] if noise.any() else value[-1], 24)
    ridge = np.geomspace(1, threshold[-1] / value[0], 24) * value[0]
    group = maker.group(f"{point.rstrip('/')}/density").scale("threshold", threshold).scale("lambda", ridge)
    group.scale("probe", np.arange(1, probes + 1)).scale("step", np.arange(1, steps + 1))
    count = n * np.array([[(w * (x > t)).sum() for t in threshold] for x, w in zip(node, weight)])
    clipped = np.maximum(node, 0)
    dimension = n * np.array([[(w * x / (x + r)).sum() for r in ridge] for x, w in zip(clipped, weight)])
    for name, samples, scale in (("count", count, "threshold"), ("effective_dimension", dimension, "lambda")):
        for suffix, data in estimate(samples).items():
            group.variable(name + suffix, data, scale)
    group.variable("node", node, "probe", "step").variable("weight", weight, "probe", "step")
    trace, square = (estimate(n * (weight * node**k).sum(axis=1)) for k in (1, 2))
    group.attributes(trace=trace[""], trace_standard_error=trace["_standard_error"], frobenius_squared=square[""],
                     frobenius_squared_standard_error=square["_standard_error"], exponent=exponent + 0.02, exponent_low=exponent - 0.07,
                     exponent_high=exponent + 0.12, probes=probes, steps=steps, n=n, seconds=12.5)


def density(folder: Path, n: int = 400, exponent: float = 2.0, dense: bool = True) -> Path:
    """A density, with the dense spectrum of the same matrix beside it or alone."""
    maker = RunMaker(folder, "A density" + (" beside the spectrum" if dense else " alone"), "spectrum")
    value = np.arange(1, n + 1.0) ** -exponent
    if dense:
        put_spectrum(maker, "/", value, slope=False)
        put_quality(maker, "/")
    put_density(maker, "/", value, 11, exponent)
    return maker.finish()


def density_noise(folder: Path, n: int = 300) -> Path:
    """A density whose tail lies below what products in double precision resolve; the spectrum beside it too."""
    maker = RunMaker(folder, "A density below its floor", "spectrum")
    true = np.arange(1, n + 1.0) ** -8.0
    put_spectrum(maker, "/", np.linalg.eigvalsh(power_law_matrix(true, 2))[::-1], slope=False)
    put_density(maker, "/", true, 12, 8.0, probes=6, steps=45)
    return maker.finish()


def density_sweep(folder: Path, n: int = 120) -> Path:
    maker = RunMaker(folder, "Densities of a sweep", "spectrum")
    for number, exponent in enumerate((1.0, 2.0), 1):
        put_density(maker, f"/sweep/{number:04d}", np.arange(1, n + 1.0) ** -exponent, number, exponent, probes=3, steps=12)
        maker.group(f"/sweep/{number:04d}").attributes(label=f"α = {exponent:g}", **{"data.alpha": exponent})
    return maker.finish()


KINDS = {"deep": deep, "deep_sweep": deep_sweep, "density": density, "density_noise": density_noise,
         "density_sweep": density_sweep}

if __name__ == "__main__":
    print(KINDS[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:])))
