"""Run files as fathom writes them, made with numpy: material for the tests and for looking at the pictures.

python3 make_run.py KIND FOLDER [SIZE]
"""

import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import h5py
import numpy as np

from fathom_report.integrity import MANIFEST, values_bytes
from fathom_report.seal import SealedValues, make_seal
from fathom_report.xxh3 import hash_64

EPS = 2.0**-53
TEXT = h5py.string_dtype("utf-8")


class Group:
    """A group whose variables lie over dimension scales."""

    def __init__(self, group: h5py.Group):
        self.group = group

    def attributes(self, **values: Any) -> "Group":
        for key, value in values.items():
            self.group.attrs[key] = value
        return self

    def scale(self, name: str, values: Sequence) -> "Group":
        data = self.group.create_dataset(name, data=_stored(values))
        data.make_scale(name)
        return self

    def variable(self, name: str, values: Sequence, *scales: str) -> "Group":
        data = self.group.create_dataset(name, data=_stored(values))
        for axis, scale in enumerate(scales):
            data.dims[axis].attach_scale(self.group[scale])
        return self


def _stored(values: Sequence) -> np.ndarray:
    array = np.asarray(values)
    return array.astype(TEXT) if array.dtype.kind in "UO" else array


class RunMaker:
    """run.h5 in a folder; `complete` is written last, by finish."""

    def __init__(self, folder: Path, title: str, study: str, certificate: str = "PASS", verdict: str = ""):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "run.h5"
        self.file = h5py.File(self.path, "w")
        self.file.attrs.update({"format": 1, "title": title, "study": study, "created": "2026-01-31T12:34:56Z",
                                "certificate": certificate, "exit_code": 80 if certificate == "FAIL" else 0})
        if verdict:
            self.file.attrs["verdict"] = verdict

    def group(self, path: str) -> Group:
        return Group(self.file.require_group(path))

    def finish(self, complete: bool = True, sealed: bool = False) -> Path:
        self._write_manifest()
        if complete:
            self.file.attrs["complete"] = 1
        if sealed:
            self.file[MANIFEST].attrs["sealed"] = 1
        self.file.close()
        if sealed:
            self._seal()
        return self.path

    def _seal(self) -> None:
        values: List[SealedValues] = []

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.kind != "O" and item.id.get_offset() is not None:
                size = item.size * item.dtype.itemsize
                values.append(SealedValues("/" + name, item.id.get_offset(), size, size, [hash_of(item)]))

        with h5py.File(self.path, "r") as file:
            file.visititems(note)
        make_seal(self.path, sorted(values, key=lambda v: v.offset))

    def _write_manifest(self) -> None:
        paths: List[str] = []
        self.file.visititems(lambda name, item: paths.append(name) if isinstance(item, h5py.Dataset) else None)
        group = self.group(MANIFEST).scale("entry", np.arange(1, len(paths) + 1))
        group.variable("path", ["/" + p for p in paths], "entry")
        group.variable("hash", [hash_of(self.file[p]) for p in paths], "entry")


def hash_of(dataset: h5py.Dataset) -> str:
    return f"{hash_64()(values_bytes(dataset)):016x}"


# The mathematics of the sample spectra


def random_features(degree: int, alpha: float, d: int, v: int, seed: int) -> np.ndarray:
    """Eigenvalues of the population covariance of random features y^p, falling."""
    h = np.arange(1, v + 1.0) ** -alpha
    w = np.random.default_rng(seed).standard_normal((v, d)) * np.sqrt(h)[:, None]
    s = w.T @ w
    a = np.sqrt(np.diag(s))
    ab = np.outer(a, a) ** 2
    k = {1: s, 2: ab + 2 * s**2, 3: 9 * ab * s + 6 * s**3}[degree] / d
    return np.linalg.eigvalsh(k)[::-1]


def law(count: int, alpha: float, degree: int) -> np.ndarray:
    j = np.arange(1, count + 1.0)
    return (np.log(j + 1) ** (degree - 1) / j) ** alpha


def comparator(degree: int, alpha: float, v: int, count: int) -> np.ndarray:
    """Sorted union of the chaoses k = p, p − 2 …: weights times products of eigenvalues of H."""
    trace = (np.arange(1, v + 1.0) ** -alpha).sum()
    terms = {1: {1: 1.0}, 2: {2: 4.0, 0: trace**2}, 3: {3: 36.0, 1: 9 * trace**2}}[degree]
    found = []
    for order, weight in terms.items():
        products = [(1, 1)]  # product of the indices, last index: multisets counted once
        for _ in range(order):
            products = [(m * i, i) for m, last in products for i in range(last, min(v, 4 * count // m) + 1)]
        found += [weight * float(m) ** -alpha for m, _ in products]
    return np.sort(found)[::-1][:count]


def local_slope(value: np.ndarray, decades: float = 0.3) -> np.ndarray:
    mode = np.arange(1, value.size + 1)
    out = np.full(value.size, np.nan)
    for j in mode:
        half = min(10 ** (decades / 2), max(value.size / j, 1.0), max(j, 1))
        low, high = min(max(int(np.ceil(j / half)), 1), max(j - 1, 1)), max(int(j * half), min(j + 1, value.size))
        x, y = mode[low - 1:high], value[low - 1:high]
        good = y > 0
        if good.sum() >= 3:
            out[j - 1] = np.polyfit(np.log(x[good]), np.log(y[good]), 1, w=1 / np.sqrt(x[good]))[0]
    return out


def states(value: np.ndarray, bound: np.ndarray, rank: Optional[int] = None) -> np.ndarray:
    state = (bound < 0.1 * value).astype(np.int8)
    if rank is not None:
        state[rank:] = 2
    return state


# Pieces of a run


def put_spectrum(maker: RunMaker, point: str, value: np.ndarray, rank: Optional[int] = None, name: str = "spectrum",
                 extra: Optional[Dict[str, np.ndarray]] = None, bound: Optional[np.ndarray] = None,
                 slope: bool = True, **attributes: Any) -> np.ndarray:
    n = value.size
    bound = np.full(n, 16 * EPS * value[0]) if bound is None else bound
    state = states(value, bound, rank)
    residual = np.full(n, np.nan)
    residual[: n // 2] = 0.3
    group = maker.group(f"{point.rstrip('/')}/{name}").scale("mode", np.arange(1, n + 1))
    extra = extra or {}
    if slope and "local_slope" not in extra:
        extra = {"local_slope": local_slope(np.where(state == 1, value, np.nan)), **extra}
    for key, data in {"eigenvalue": value, "error_bound": bound, "state": state, "residual_ratio": residual,
                      **extra}.items():
        group.variable(key, data, "mode")
    group.attributes(n=n, trusted_count=int((state == 1).sum()), null_by_rank=int((state == 2).sum()),
                     negative_count=int((value < 0).sum()), floor=10 * float(bound[0]), trace=float(value.sum()),
                     frobenius=float(np.sqrt((value**2).sum())), assembly_error=1e-16, input_epsilon=EPS,
                     normalization="1/d", kernel="random features", backend="elpa2", **attributes)
    return state


def put_quality(maker: RunMaker, point: str, scale: float = 1.0, name: str = "quality") -> None:
    names = ["trace", "frobenius", "probe residual", "smallest eigenvalue", "ascending and finite"]
    value = np.array([0.02, 0.05, 0.6, 0.0, 0.0]) * scale
    verdict = ["FAIL" if v > 60 else "WARN" if v > 10 else "PASS" for v in value]
    group = maker.group(f"{point.rstrip('/')}/{name}").scale("check", np.arange(1, 6)).variable("name", names, "check")
    for key, data in (("value", value), ("warn", np.full(5, 10.0)), ("fail", np.full(5, 60.0)), ("verdict", verdict)):
        group.variable(key, data, "check")


def put_machine(maker: RunMaker) -> None:
    deck = 'schema = 1\ntitle = "a <b>bold</b> & title"\n[run]\nseed = 1\n[kernel]\ntype = "random_features"\n'
    maker.group("provenance").attributes(
        deck=deck, resolved_deck=deck + "features = 800\n" * 20, command_line="fathom run inputs/quickstart.toml",
        git_hash="0123456789abcdef", version="0.1.0", elpa="2022.11.001", hdf5="1.10.8", blas_loaded="libopenblas.so.0",
        hosts="node1 x 2", ranks=2, grid=np.array([1, 2]), block=48, seed=1)
    maker.group("timing").scale("phase", np.arange(1, 6)).variable(
        "name", ["assembly", "solve", "certificate", "analysis", "write"], "phase").variable(
        "min", [1.1, 8.0, 0.2, 0.01, 0.05], "phase").variable("mean", [1.2, 8.4, 0.3, 0.02, 0.06], "phase").variable(
        "max", [1.3, 9.1, 0.4, 0.04, 0.06], "phase").variable("gflops", [88.0, 41.0, np.nan, np.nan, np.nan], "phase")
    maker.group("memory").attributes(matrix_bytes=512 * 2**20, predicted_peak_bytes=1200 * 2**20,
                                       measured_peak_bytes=1130 * 2**20)


def law_extras(value: np.ndarray, degree: int, alpha: float, v: int) -> Dict[str, np.ndarray]:
    reference, chaos = law(value.size, alpha, degree), comparator(degree, alpha, v, value.size)
    return {"law": reference, "law_ratio": value / reference, "comparator": chaos, "comparator_ratio": value / chaos}


def window_end(d: int, degree: int) -> int:
    return max(1, int(d / np.log(d) ** (degree + 1)))


# Kinds of runs


def sweep(folder: Path, d: int = 800, degrees: Sequence[int] = (1, 2, 3), seeds: int = 5,
          alphas: Sequence[float] = (1.5,)) -> Path:
    v = 4 * d
    maker = RunMaker(folder, f"Random features on power-law data, d = {d}", "random_features", verdict="p = 1: exponent "
                     "1.498 [1.47, 1.53] agrees with α = 1.5. p = 3: d is too small to decide: the theorem's window "
                     f"ends at mode {window_end(d, 3)}.")
    keys: Dict[str, List[Any]] = {"data.alpha": [], "kernel.degree": [], "run.seed": [], "label": []}
    fits: List[Tuple] = []
    for alpha in alphas:
        for degree in degrees:
            low, high = 1, max(8, d // 40)
            exponents = []
            for seed in range(1, seeds + 1):
                number = len(keys["label"]) + 1
                point = f"/sweep/{number:04d}"
                value = random_features(degree, alpha, d, v, seed)
                j = np.arange(low, high + 1)
                exponents.append(-np.polyfit(np.log(j), np.log(value[low - 1:high]), 1)[0])
                put_spectrum(maker, point, value, extra=law_extras(value, degree, alpha, v), alpha=alpha, degree=degree,
                             features=d, dim=v, activation="monomial", seed=seed, law_window_end=window_end(d, degree),
                             fit_low=low, fit_high=high, exponent=exponents[-1])
                put_quality(maker, point, 1.0 + 0.1 * number)
                label = (f"α = {alpha:g}, " if len(alphas) > 1 else "") + f"p = {degree}, seed {seed}"
                swept = {"kernel.degree": degree, "run.seed": seed}
                if len(alphas) > 1:
                    swept = {"data.alpha": alpha, **swept}
                maker.group(point).attributes(kernel="random features", label=label, **swept)
                for key, entry in {"data.alpha": alpha, **swept, "label": label}.items():
                    keys[key].append(entry)
            mean, spread = float(np.mean(exponents)), float(np.std(exponents))
            fits.append((alpha, degree, d, v, "monomial", seeds, mean, mean - 0.03, mean + 0.03, spread, 0.01, low, high,
                         window_end(d, degree), 3.0 ** (degree - 1), 0.8, 1.3, int(degree == 1),
                         "agrees with α" if degree == 1 else "d is too small to decide"))
    table = maker.group("sweep/points").scale("point", np.arange(1, len(keys["label"]) + 1))
    for key, column in keys.items():
        table.variable(key, column, "point")
    names = ("alpha degree features dim activation seeds exponent exponent_low exponent_high seed_spread range_shift "
             "fit_low fit_high window_end law_ratio_spread comparator_ratio_min comparator_ratio_max decided verdict").split()
    group = maker.group("fits").scale("fit", np.arange(1, len(fits) + 1))
    for key, column in zip(names, zip(*fits)):
        group.variable(key, np.array(column, dtype=np.int8) if key == "decided" else list(column), "fit")
    put_machine(maker)
    return maker.finish()


def single(folder: Path, d: int = 300, degree: int = 2, alpha: float = 1.5) -> Path:
    maker = RunMaker(folder, "One point", "random_features")
    value = random_features(degree, alpha, d, 4 * d, 1)
    put_spectrum(maker, "/", value, extra=law_extras(value, degree, alpha, 4 * d), alpha=alpha, degree=degree, features=d,
                 dim=4 * d, activation="monomial", seed=1, law_window_end=window_end(d, degree), fit_low=1, fit_high=8,
                 exponent=1.21)
    put_quality(maker, "/", 20.0)
    put_machine(maker)
    return maker.finish()


def no_law(folder: Path, d: int = 100, alpha: float = 1.5, ratio: bool = True) -> Path:
    """Random features of an activation for which the theorem states no law."""
    sentence = "The law is stated for monomial features; for relu it decides nothing: the fitted exponent is 1.210."
    maker = RunMaker(folder, "No law", "random_features", verdict=sentence)
    value = random_features(1, alpha, d, 4 * d, 1)
    extra = law_extras(value, 1, alpha, 4 * d)
    put_spectrum(maker, "/", value, extra={k: v for k, v in extra.items() if ratio and k.startswith("comparator")},
                 alpha=alpha, features=d, dim=4 * d, activation="relu", seed=1, law_applies=0, fit_low=1, fit_high=8,
                 exponent=1.21)
    put_quality(maker, "/")
    group = maker.group("fits").scale("fit", [1])
    row = dict(alpha=alpha, degree=0, features=d, dim=4 * d, activation="relu", seeds=1, exponent=1.21, exponent_low=1.1,
               exponent_high=1.3, seed_spread=np.nan, range_shift=0.01, fit_low=1, fit_high=8, window_end=0,
               law_ratio_spread=np.nan, law_ratio_window_min=np.nan, law_ratio_window_max=np.nan,
               comparator_ratio_min=0.8, comparator_ratio_max=1.3, decided=0, verdict=sentence)
    for key, entry in row.items():
        group.variable(key, [entry], "fit")
    put_machine(maker)
    return maker.finish()


def digits(folder: Path, n: int = 600, depths: Sequence[int] = (1, 2, 3), classes: int = 10) -> Path:
    """A spectrum study with targets, effective dimension and the data's own covariance; a sweep over depth."""
    maker = RunMaker(folder, "Labels in the eigenbasis of a kernel", "spectrum")
    rng = np.random.default_rng(7)
    centres = 0.6 * rng.standard_normal((classes, 40))
    label = rng.integers(0, classes, n)
    x = (centres[label] + rng.standard_normal((n, 40))) * (np.arange(1, 41.0) ** -0.6)
    x /= np.linalg.norm(x, axis=1)[:, None]
    y = np.eye(classes)[label] - 1.0 / classes
    data = np.linalg.eigvalsh(x.T @ x / n)[::-1]
    for number, depth in enumerate(depths, 1):
        point = f"/sweep/{number:04d}" if len(depths) > 1 else "/"
        u = np.clip(x @ x.T, -1, 1)
        for _ in range(depth):
            u = (np.sqrt(np.maximum(1 - u**2, 0)) + (np.pi - np.arccos(u)) * u) / np.pi
            u = np.clip(u, -1, 1)
        value, vectors = np.linalg.eigh(u / n)
        value, vectors = value[::-1], vectors[:, ::-1]
        put_spectrum(maker, point, value, exponent=1.2 + 0.1 * depth, fit_low=10, fit_high=100)
        put_spectrum(maker, point, np.concatenate([data, np.zeros(4)]), rank=40, name="data_spectrum", exponent=1.31,
                     fit_low=2, fit_high=30)
        coefficient = vectors.T @ y
        power = coefficient**2 / (y**2).sum(axis=0)
        targets = maker.group(f"{point.rstrip('/')}/targets")
        targets.scale("mode", np.arange(1, n + 1)).scale("target", np.arange(1, classes + 1))
        for key, block in (("coefficient", coefficient), ("power", power), ("cumulative_power", power.cumsum(axis=0))):
            targets.variable(key, block, "mode", "target")
        ridge = np.geomspace(max(value[value > 0].min() / value[0], 1e-16), 1, 60)
        positive = np.maximum(value, 0) / value[0]
        maker.group(f"{point.rstrip('/')}/effective_dimension").scale("lambda", ridge).variable(
            "effective_dimension", [(positive / (positive + r)).sum() for r in ridge], "lambda").attributes(
            lambda_max=value[0])
        put_quality(maker, point)
        if len(depths) > 1:
            maker.group(point).attributes(kernel="ntk", label=f"depth = {depth}", **{"kernel.depth": depth})
    if len(depths) > 1:
        maker.group("sweep/points").scale("point", np.arange(1, len(depths) + 1)).variable(
            "kernel.depth", list(depths), "point").variable("label", [f"depth = {k}" for k in depths], "point")
    put_machine(maker)
    return maker.finish()


def noise_floor(folder: Path, n: int = 1000, exponent: float = 8.0, rank: Optional[int] = None) -> Path:
    """λ_j = j^-8: past mode 50 or so a double Gram matrix holds rounding noise, half of it negative."""
    maker = RunMaker(folder, "A spectrum steeper than double precision", "spectrum", certificate="WARN")
    rng = np.random.default_rng(3)
    q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    true = np.arange(1, n + 1.0) ** -exponent
    if rank is not None:
        true[rank:] = 0.0
    matrix = (q * true) @ q.T
    put_spectrum(maker, "/", np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1], rank=rank)
    put_quality(maker, "/", 30.0)
    return maker.finish()


def untrusted(folder: Path, n: int = 50) -> Path:
    """Nothing but noise."""
    maker = RunMaker(folder, "All untrusted", "spectrum", certificate="FAIL")
    value = np.sort(np.random.default_rng(1).standard_normal(n) * 1e-17)[::-1]
    put_spectrum(maker, "/", value, bound=np.full(n, 1e-15))
    return maker.finish()


def bare(folder: Path, n: int = 1) -> Path:
    """The smallest file that the reader accepts: a spectrum and nothing else."""
    maker = RunMaker(folder, "", "spectrum")
    group = maker.group("spectrum").scale("mode", np.arange(1, n + 1))
    value = np.arange(1, n + 1.0) ** -1.2
    for key, data in (("eigenvalue", value), ("error_bound", np.full(n, 1e-15)), ("state", np.ones(n, np.int8))):
        group.variable(key, data, "mode")
    return maker.finish()


def many(folder: Path, points: int = 150, n: int = 60, seeds: int = 1) -> Path:
    """A sweep of many values of one key."""
    maker = RunMaker(folder, "Many points", "spectrum")
    values = np.linspace(1.1, 3.0, points)
    for number, alpha in enumerate(values, 1):
        value = np.arange(1, n + 1.0) ** -alpha
        put_spectrum(maker, f"/sweep/{number:04d}", value)
        maker.group(f"/sweep/{number:04d}").attributes(label=f"alpha {alpha:.3f}", **{"data.alpha": float(alpha)})
    maker.group("sweep/points").scale("point", np.arange(1, points + 1)).variable("data.alpha", values, "point")
    return maker.finish()


KINDS = {"sweep": sweep, "single": single, "digits": digits, "noise_floor": noise_floor, "untrusted": untrusted,
         "bare": bare, "many": many}

if __name__ == "__main__":
    print(KINDS[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:])))
