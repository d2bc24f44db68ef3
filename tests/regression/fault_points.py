"""Every fault point of the sources: what strikes it, the documented code, and a deck that comes by."""
import re
from pathlib import Path

import numpy as np

from conftest import ROOT, deck_of, population_deck

EVERY_RANK = (0, 1, 2)
FIRST = (0,)
SPREAD = dict(grid=[1, 3], block=8)  # so that small matrices are not one rank's alone


def write_inputs(folder):
    """The files that the decks read."""
    rng = np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.standard_normal((rows, 60)))[0] for rows in (150, 60))
    np.save(folder / "factor.npy", (left * np.arange(1.0, 61) ** -3) @ right.T)
    x = rng.standard_normal((90, 180))
    np.save(folder / "gram.npy", x @ x.T / 90)


def relu_deck(kind, **more):
    return deck_of(study=dict(kind=kind, **more.pop("study", {})), data=dict(source="power_law", n=80, dim=40, alpha=1.5),
                   kernel=dict(type="random_features", expectation="empirical", activation="relu", features=50), **more)


def density_deck(matrix):
    return relu_deck("density", study=dict(matrix=matrix, probes=4, steps=10, thresholds=5))


def factor_deck(tail):
    return deck_of(study=dict(kind="spectrum"), kernel=dict(type="features_file", file="factor.npy"),
                   solver=dict(eigenvectors=True, tail=tail, **SPREAD))


TRAINING = deck_of(study=dict(kind="spectral_reach", samples=20, snapshots=1),
                   data=dict(source="power_law", n=20, dim=4, alpha=1.5),
                   kernel=dict(type="network", width=6, depth=1, activation="tanh"),
                   training=dict(learning_rate=0.1, steps=10))

DECKS = dict(
    population=population_deck(150, 450, kind="spectrum", solver=dict(eigenvectors=True), run=dict(store_eigenvectors=True)),
    chunks=population_deck(60, 180, kind="spectrum", kernel=dict(chunk=50)),
    scalapack=population_deck(60, 180, kind="spectrum", solver=dict(eigenvectors=True, backend="scalapack")),
    values=population_deck(60, 180, kind="spectrum", solver=dict(backend="scalapack")),
    steep=population_deck(40, 160, alpha=16, degree=2, kind="spectrum", solver=dict(tail="cascade", **SPREAD)),
    extended=population_deck(40, 160, alpha=16, degree=2, kind="spectrum", solver=dict(precision="extended", **SPREAD)),
    routes=population_deck(60, 240, alpha=12, kind="spectrum"),
    cascade=factor_deck("cascade"),
    svd=factor_deck("svd"),
    gram_file=deck_of(study=dict(kind="spectrum"), kernel=dict(type="gram_file", file="gram.npy")),
    density=density_deck("gram"),
    density_factor=density_deck("factor"),
    density_free=density_deck("matrix_free"),
    largest=relu_deck("spectrum", solver=dict(backend="slepc", eigenvalues=6, matrix="matrix_free")),
    training=TRAINING,
    groups=TRAINING.replace("width = 6\n", "") + "[sweep]\nkernel.width = [4, 5, 6, 7]\n",
)

# Point, kind of fault, documented code (one of several where the fault is corrected unless it is too large), deck; then
# the ranks that come by: with another one's fault the run ends well. Code 0 is a fault that is noticed and made good by
# another solver or a correction, or that no result depends on: then the spectrum is the one without a fault.
POINTS = [
    ("run.deck", "throw", 74, "population"),
    ("run.log", "throw", 74, "population"),
    ("run.alone", "throw", 74, "population"),
    ("run.alone", "alloc", 71, "population"),
    ("store.open_output", "throw", 74, "population"),
    ("store.begin_output", "throw", 74, "population", FIRST),
    ("store.write", "throw", 74, "population"),
    ("store.verify", "throw", 74, "population"),
    ("store.verify", "corrupt", 74, "population", FIRST),
    ("store.rename", "throw", 74, "population"),
    ("store.seal", "corrupt", 74, "population", FIRST),
    ("store.checkpoint_open", "throw", 74, "population"),
    ("store.checkpoint", "throw", 74, "values", FIRST),
    ("store.checkpoint_rename", "throw", 74, "values", FIRST),
    ("store.read_header", "input", 66, "gram_file"),
    ("store.read", "input", 66, "gram_file"),
    ("store.read", "alloc", 71, "cascade"),
    ("studies.point", "throw", 74, "population"),
    ("studies.point", "alloc", 71, "density"),
    ("studies.product", "throw", 74, "density"),
    ("studies.route", "shift", 80, "routes"),
    ("studies.snapshot", "throw", 74, "training"),
    ("studies.outputs", "shift", 80, "training"),
    ("studies.position", "shift", 80, "training"),
    ("studies.training", "alloc", 71, "groups"),
    ("studies.keep_snapshot", "alloc", 71, "groups"),
    ("dist.allocate", "alloc", 71, "population"),
    ("dist.exchange", "alloc", 71, "population"),
    ("dist.apply", "alloc", 71, "population"),
    ("dist.qr", "throw", 74, "cascade"),
    ("dist.lq", "throw", 74, "steep"),
    ("dist.inverse", "throw", 74, "steep"),
    ("dist.cholesky", "throw", 74, "steep"),
    ("dist.slice", "zero", 80, "extended"),
    ("gram.allocate", "alloc", 71, "population"),
    ("gram.signals", "throw", 74, "population"),
    ("gram.signals", "nan", 82, "population", FIRST),
    ("gram.products", "alloc", 71, "population"),
    ("gram.map", "throw", 74, "population"),
    ("gram.between", "throw", 74, "chunks"),
    ("gram.factor", "alloc", 71, "density_factor"),
    ("gram.factor", "nan", 82, "density_free"),
    ("gram.factor", "nan", 82, "cascade"),
    ("gram.factor_rows", "alloc", 71, "density_free"),
    ("gram.apply", "throw", 74, "density_factor"),
    ("gram.apply", "throw", 74, "largest"),
    ("gram.extended", "alloc", 71, "extended"),
    ("gram.entk", "throw", 74, "training", FIRST),
    ("gram.entk", "nan", 82, "training", FIRST),
    ("gram.entk.products", "alloc", 71, "training"),
    ("gram.entk.apply", "throw", 74, "training"),
    ("gram.entk.statistics", "throw", 74, "training"),
    ("gram.entk.statistics", "nan", 82, "training"),
    ("eigen.allocate", "alloc", 71, "population"),
    ("eigen.solve", "solver", 81, "population"),
    ("eigen.primary", "solver", 0, "population"),
    ("eigen.values", "nan", 0, "population"),
    ("eigen.values", "nan_always", 80, "population"),
    ("eigen.values", "shift", 0, "population"),
    ("eigen.values", "shift_always", 80, "population"),
    ("eigen.values", "skip_always", 80, "population"),
    ("eigen.vectors", "swap", 0, "population"),
    ("eigen.vectors", "swap_always", 80, "population"),
    ("eigen.certify", "throw", 74, "population"),
    ("eigen.certify", "throw", 74, "largest"),
    ("pdsyevd", "solver", 0, "scalapack"),
    ("pdsyev", "solver", 0, "values"),
    ("eigen.svd", "throw", 74, "svd"),
    ("eigen.svd", "shift", 0, "svd"),
    ("eigen.svd", "swap", 0, "svd"),
    ("eigen.lanczos", "alloc", 71, "density"),
    ("eigen.matrix_free", "shift", 80, "largest"),
    ("eigen.matrix_free", "skip", 80, "largest"),
    ("eigen.reduce", "shift", 0, "steep"),
    ("eigen.reduce", "swap", (0, 80), "steep"),
    ("eigen.rows", "nan", 82, "cascade"),
    ("eigen.small_rows", "shift", 80, "steep"),
    ("eigen.extended.values", "shift", 80, "extended"),
    ("eigen.extended.vectors", "swap", 0, "extended"),
    ("eigen.extended.vectors", "swap_always", 80, "extended"),
    ("cascade.level", "throw", 74, "cascade"),
    ("tail.primary", "solver", 0, "cascade"),
    ("tail.values", "shift_always", 80, "cascade"),
    ("tail.vectors", "swap_always", 80, "cascade"),
]
# Not points of a run: of a miniapp; a solver that no deck chooses by itself; runs that are stopped or go on.
ELSEWHERE = {"miniapp.eigenvalue", "pdsyevr", "run.signals", "run.result", "run.last_word", "store.checkpoint_read",
             "store.checkpoint_remove"}


def points_in_sources():
    """The names that src/ gives to fault points, those made up of a stem and an ending included."""
    text = "".join(path.read_text() for path in sorted(Path(ROOT / "src").rglob("*.cpp")))
    names = set(re.findall(r'fault_(?:point|armed)\(\s*"([^"]+)"', text))
    names |= set(re.findall(r'call_agreed\([^;{]*?"(dist\.[^"]+)"', text))
    return names
