"""Parts of one long step that are kept: blocks of a tangent kernel, products of a density. The run ends between two of them and
goes on, also on other ranks, and does not do them again."""
import re

import numpy as np
import pytest

from conftest import deck_of
from interrupted import Interrupted, content, deviation, differences, fathom

EAGER = dict(checkpoint="0s")


def density(matrix, run=EAGER):
    return deck_of(study=dict(kind="density", matrix=matrix, probes=3, steps=8), run=run, solver=dict(block=8),
                   data=dict(source="power_law", n=400, dim=40, alpha=1.5),
                   kernel=dict(type="random_features", expectation="empirical", activation="relu", features=50))


DECKS = {
    # Three blocks of 700 columns on one rank; on two ranks two.
    "tangent": deck_of(study=dict(kind="spectrum"), data=dict(source="power_law", n=2100, dim=4, alpha=1.5), run=EAGER,
                       kernel=dict(type="network", width=6, depth=1, activation="tanh"), solver=dict(tail="gram")),
    "gram": density("gram"),
    "rarely": density("gram", dict(checkpoint="10m")),  # what is kept at a stop alone
    "factor": density("factor"),
    "matrix_free": density("matrix_free"),
}
HALF = r"assembly: 1[0-9]{6} of 2206050 elements from the checkpoint"
WHOLE = r"assembly: the matrix of order 50 from the checkpoint"
# Deck, fault (name:rank:kind@pass), ranks before and after, what the next run takes up, and a fault that would strike it if it
# did again what was done.
CASES = [
    ("tangent", "gram.between:0:stop@2", 1, 1, HALF, "gram.between:0:kill@2"),
    ("tangent", "gram.between:0:stop@2", 1, 2, HALF, "gram.between:0:kill@2"),
    ("tangent", "gram.between:1:stop@1", 2, 1, HALF, "gram.between:0:kill@3"),
    ("tangent", "gram.between:0:kill@3", 1, 3, HALF, "gram.entk.products:0:kill@3"),
    ("tangent", "store.checkpoint_rename:0:kill@4", 1, 2, r"elements from the checkpoint", None),
    ("gram", "studies.product:0:stop@4", 2, 2, r"lanczos: 3 of 8 products", "studies.product:0:kill@6"),
    ("gram", "studies.product:1:stop@6", 2, 3, r"lanczos: 5 of 8 products", "studies.product:0:kill@4"),
    ("gram", "studies.product:0:stop@1", 1, 2, WHOLE, "gram.products:0:kill@1"),
    ("gram", "studies.product:0:kill@5", 2, 1, r"lanczos: 3 of 8 products", "gram.products:0:kill@1"),
    ("rarely", "studies.product:0:stop@4", 1, 2, WHOLE + r"(.|\n)*lanczos: 3 of 8 products", "gram.products:0:kill@1"),
    ("factor", "studies.product:0:stop@8", 3, 2, r"lanczos: 7 of 8 products", "studies.product:0:kill@2"),
    ("matrix_free", "studies.product:0:stop@3", 1, 1, r"lanczos: 2 of 8 products", "studies.product:0:kill@7"),
    ("matrix_free", "studies.product:2:kill@4", 3, 1, r"lanczos: 2 of 8 products", "studies.product:0:kill@7"),
    ("matrix_free", "store.checkpoint_rename:0:kill@10", 2, 2, r"lanczos: [1-7] of 8 products", None),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    known = {}

    def of(deck, ranks):
        if (deck, ranks) not in known:
            run = Interrupted(tmp_path_factory.mktemp("undisturbed"), DECKS[deck])
            code, said = run.run(ranks)
            assert code == 0, said
            known[deck, ranks] = content(run.folder)
        return known[deck, ranks]

    return of


def off_density(a, b):
    """Largest relative difference of what a density says of the whole matrix, and of its nodes in the largest one."""
    exact = [abs(a[name] - b[name]) / abs(a[name]) for name in ("density@trace", "density@frobenius_squared")]
    nodes = np.nanmax(np.abs(a["density/node"] - b["density/node"])) / np.nanmax(a["density/node"])
    return max(*exact, nodes)


@pytest.mark.parametrize("deck, fault, before, after, taken, again", CASES, ids=[f"{c[0]}-{c[1]}-{c[2]}-{c[3]}" for c in CASES])
def test_what_was_done_is_not_done_again(tmp_path, undisturbed, deck, fault, before, after, taken, again):
    run = Interrupted(tmp_path, DECKS[deck])
    code, said = run.run(before, environment=dict(FATHOM_FAULT=fault))
    assert code != 0 and not (run.folder / "run.h5").exists(), said
    if ":stop" in fault:
        assert code == 75 and run.status()["state"] == "checkpointed", said
    code, said = run.run(after, environment=dict(FATHOM_FAULT=again) if again else {})
    assert code == 0, said
    assert re.search(taken, run.log()), run.log()
    assert run.status()["state"] == "finished" and not (run.folder / "checkpoint").exists()
    assert fathom("verify", run.folder)[0] == 0
    found = content(run.folder)
    if before == after:
        assert differences(undisturbed(deck, before), found) == []
    elif deck == "tangent":
        worst, faults = deviation(undisturbed(deck, 1), found)
        assert faults == [], worst
    else:
        assert off_density(undisturbed(deck, 1), found) < 1e-13


@pytest.mark.parametrize("deck, fault", [("tangent", "gram.between:0:kill@3"), ("gram", "studies.product:0:kill@8")])
def test_without_a_stop_all_of_it_is_done(tmp_path, deck, fault):
    """Planted: the faults above do strike runs from the start."""
    run = Interrupted(tmp_path, DECKS[deck])
    assert run.run(1, environment=dict(FATHOM_FAULT=fault))[0] != 0
    assert not (run.folder / "run.h5").exists()
