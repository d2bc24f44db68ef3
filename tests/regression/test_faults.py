"""One rank fails at a named point: the job ends, with the documented code, within half a minute."""
import json

import pytest

from conftest import deck_of, population_deck

DECK = population_deck(150, 450, kind="spectrum", solver=dict(eigenvectors=True))

# point, kind of fault, documented code
POINTS = [
    ("run.deck", "throw", 74), ("run.log", "throw", 74), ("run.alone", "throw", 74), ("run.alone", "alloc", 71),
    ("studies.point", "throw", 74), ("dist.allocate", "alloc", 71), ("gram.allocate", "alloc", 71),
    ("gram.signals", "throw", 74), ("gram.products", "alloc", 71), ("gram.map", "throw", 74), ("gram.signals", "nan", 82),
    ("eigen.allocate", "alloc", 71), ("eigen.solve", "solver", 81), ("eigen.certify", "throw", 74),
    ("store.open_output", "throw", 74), ("store.write", "throw", 74), ("store.verify", "throw", 74),
    ("store.rename", "throw", 74), ("store.verify", "corrupt", 74),
]
# The file is the first rank's; and with one grid row the last rank's first row lies above the diagonal, where no product
# uses it.
ROOT_ONLY = {("store.verify", "corrupt"), ("gram.signals", "nan")}


@pytest.mark.parametrize("point, kind, code", POINTS)
@pytest.mark.parametrize("rank", [0, 2])
def test_one_rank_fails(run, point, kind, code, rank):
    if rank and (point, kind) in ROOT_ONLY:
        pytest.skip("strikes the first rank alone")
    result = run(DECK, ranks=3, fault=f"{point}:{rank}:{kind}", timeout=30)
    assert result.code == code, (result.code, result.err)
    assert len(result.messages) == 1, result.err
    assert not (result.folder / "run.h5").exists()
    status = result.folder / "status.json"
    if status.exists():
        told = json.loads(status.read_text())
        assert told["state"] == "failed" and told["exit_code"] == code
    if (result.folder / "fathom.log").exists():
        assert "error" in (result.folder / "fathom.log").read_text()


def test_without_a_fault_the_same_deck_passes(run):
    result = run(DECK, ranks=3)
    assert result.code == 0, result.err
    assert json.loads((result.folder / "status.json").read_text())["state"] == "finished"


def test_a_failing_first_solver_is_replaced_loudly(run):
    result = run(DECK, ranks=3, fault="eigen.primary:1:solver")
    assert result.code == 0, result.err
    assert "WARNING" in result.out and "scalapack" in result.out
    assert result.spectrum()["fell_back"] == 1


def test_routes_that_disagree_end_the_run(run):
    """The cascade's largest eigenvalue off by 1e-9 after its own certificate: the Gram matrix tells."""
    deck = population_deck(60, 240, alpha=12, kind="spectrum")
    assert run(deck, ranks=3, folder="right").spectrum()["route"] == "cascade"
    result = run(deck, ranks=3, fault="studies.route:1:shift")
    assert result.code == 80 and "give different eigenvalues" in result.err
    assert not (result.folder / "run.h5").exists()


TRAINING = deck_of(study=dict(kind="spectral_reach", samples=20, snapshots=1),
                   data=dict(source="power_law", n=20, dim=4, alpha=1.5),
                   kernel=dict(type="network", width=6, depth=1, activation="tanh"),
                   training=dict(learning_rate=0.1, steps=10))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("fault, code, words", [
    ("studies.position:{}:shift", 80, ["step 0", "the spectral position by gradients", "by the eigenvalues"]),
    ("studies.outputs:{}:shift", 80, ["step 0", "the spectral position by gradients", "by the eigenvalues"]),
    ("studies.snapshot:{}:throw", 74, ["studies.snapshot"]),
    ("training.snapshot:{}:throw", 0, []),
])
def test_a_snapshot_that_fails_ends_the_run(run, fault, code, words, rank):
    """A position off by a hundredth, a gradient on other rows than the kernel, a throw on one rank; what is no point does nothing."""
    result = run(TRAINING, fault=fault.format(rank), timeout=30)
    assert result.code == code, (result.code, result.err)
    assert len(result.messages) == (1 if code else 0), result.err
    assert all(word in result.messages[0] for word in words), result.err
    assert (result.folder / "run.h5").exists() == (code == 0)
    status = json.loads((result.folder / "status.json").read_text())
    assert (status["state"], status["exit_code"]) == (("failed", code) if code else ("finished", 0))


@pytest.mark.parametrize("fault, code", [("studies.training:{}:throw", 74), ("studies.training:{}:alloc", 71),
                                         ("studies.keep_snapshot:{}:alloc", 71), ("", 0)])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_group_of_ranks_that_fails_ends_all(run, fault, code, rank):
    """Networks of a sweep, each group of ranks on its own: what one agrees on becomes the run's."""
    deck = TRAINING.replace("width = 6\n", "") + "[sweep]\nkernel.width = [4, 5, 6, 7]\n"
    result = run(deck, ranks=3, fault=fault.format(rank), timeout=30)
    assert result.code == code, (result.code, result.err)
    assert "4 networks in 3 groups" in result.out
    assert len(result.messages) == (1 if code else 0), result.err
    assert (result.folder / "run.h5").exists() == (code == 0)


SMOOTH_NETWORK = dict(data=dict(source="power_law", n=80, dim=2, alpha=2.0),
                      kernel=dict(type="network", width=24, depth=2, activation="tanh", weight_variance=0.5))


@pytest.mark.parametrize("fault, tail, code, words", [
    ("studies.route:1:shift", "auto", 80, "give different eigenvalues"),
    ("gram.factor:0:nan", "cascade", 82, "NaN"),
    ("gram.factor:1:throw", "svd", 74, "gram.factor"),
])
@pytest.mark.parametrize("kind", ["spectrum", "spectral_reach"])
def test_deep_routes_of_a_network_that_fail_end_the_run(run, kind, fault, tail, code, words):
    sections = dict(study=dict(kind=kind), **SMOOTH_NETWORK, solver=dict(tail=tail))
    if kind == "spectral_reach":
        sections |= dict(training=dict(learning_rate=0.1, steps=3))
    assert "route cascade" in run(deck_of(**sections), folder="right", sets=["solver.tail=cascade"]).out
    result = run(deck_of(**sections), fault=fault)
    assert result.code == code and len(result.messages) == 1 and words in result.err, result.err
    assert not (result.folder / "run.h5").exists()


def test_a_fault_of_products_without_a_matrix_ends_the_run(run):
    sections = dict(study=dict(kind="density", matrix="matrix_free", steps=10), **SMOOTH_NETWORK)
    result = run(deck_of(**sections), fault="gram.entk.apply:1:throw")
    assert result.code == 74 and len(result.messages) == 1, result.err
