"""A run that ends at a named place, in order or by SIGKILL of one rank, and goes on: always at the same place, however fast
the machine. test_resume.py ends runs at random moments."""
import re

import pytest

from conftest import deck_of
from interrupted import DECKS, FEATURES, NETWORK, SPECTRUM, Interrupted, content, deviation, differences, fathom, with_keys

EAGER = dict(run=dict(checkpoint="0s"))
ALL = DECKS | {
    "eager_networks": deck_of(**with_keys(NETWORK, **EAGER, sweep=dict(kernel__width=[4, 5, 6]))),
    "eager_adam": deck_of(**with_keys(NETWORK, **EAGER, kernel=dict(width=8), training=dict(
        optimiser="adam", batch=6, learning_rate=0.002, steps=40))),
    "chunks": deck_of(**with_keys(SPECTRUM, **EAGER, kernel=dict(FEATURES, degree=2, features=60, chunk=40))),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    known = {}

    def of(deck, ranks):
        if (deck, ranks) not in known:
            run = Interrupted(tmp_path_factory.mktemp("undisturbed"), ALL[deck])
            code, said = run.run(ranks)
            assert code == 0, said
            known[deck, ranks] = content(run.folder)
        return known[deck, ranks]

    return of


# Deck, fault (name:rank:kind@pass), ranks before and after, what the next run takes from the checkpoint.
CASES = [
    ("features", "eigen.certify:0:stop@2", 1, 1, r"point-0001\.done"),
    ("features", "eigen.certify:1:kill@3", 2, 3, r"point-0001\.done"),
    ("features", "store.checkpoint_rename:0:kill@4", 2, 2, r"point-0001\.(done|spectrum)"),
    ("networks", "studies.snapshot:0:stop@3", 1, 1, r"point-0001\.moment-0001"),
    ("networks", "studies.snapshot:1:kill@7", 2, 1, r"point-0001\.done"),
    ("networks", "studies.keep_snapshot:0:stop@2", 2, 2, r"point-000\d\.training"),
    ("networks", "studies.training:2:kill", 3, 2, ""),
    ("eager_networks", "store.checkpoint:0:kill@60", 1, 1, r"point-0001\.training"),
    ("eager_adam", "store.checkpoint:0:kill@25", 1, 1, r"point-0001\.training"),
    ("eager_adam", "store.checkpoint_rename:0:kill@25", 2, 2, r"point-0001\.training"),
    ("adam", "studies.snapshot:0:kill@3", 2, 1, r"point-0001\.moment-0001"),
    ("chunks", "gram.between:0:stop@2", 2, 2, r"assembly: 80 of 200 inner indices from the checkpoint"),
    ("chunks", "gram.between:1:kill@4", 2, 3, r"assembly: 120 of 200 inner indices from the checkpoint"),
    ("chunks", "store.write:0:kill@8", 1, 2, ""),
    ("vectors_sweep", "eigen.certify:0:stop@2", 2, 2, r"point-0001\.done"),
    ("vectors_sweep", "eigen.solve:1:kill@2", 2, 1, r"point-0001\.done"),
    ("density", "studies.point:0:stop@2", 1, 1, r"point-0001\.done"),
    ("density", "studies.point:1:kill@2", 2, 1, r"point-0001\.done"),
]


@pytest.mark.parametrize("deck, fault, before, after, taken", CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_a_run_goes_on(tmp_path, undisturbed, deck, fault, before, after, taken):
    run = Interrupted(tmp_path, ALL[deck])
    code, said = run.run(before, environment=dict(FATHOM_FAULT=fault))
    assert code != 0 and not (run.folder / "run.h5").exists(), said
    if ":stop" in fault:
        assert code == 75 and run.status()["state"] == "checkpointed", said
    code, said = run.run(after)
    assert code == 0, said
    assert re.search(taken, run.log()), run.log()
    assert run.status()["state"] == "finished" and not (run.folder / "checkpoint").exists()
    assert fathom("verify", run.folder)[0] == 0
    if before == after:
        assert differences(undisturbed(deck, before), content(run.folder)) == []
    worst, faults = deviation(undisturbed(deck, 1), content(run.folder), single=deck == "adam")
    assert faults == [], worst


def test_a_point_that_is_not_there_ends_nothing(tmp_path, undisturbed):
    """Planted: what the cases above rest on."""
    run = Interrupted(tmp_path, ALL["features"])
    assert run.run(1, environment=dict(FATHOM_FAULT="eigen.nowhere:0:kill@2"))[0] == 0
    assert differences(undisturbed("features", 1), content(run.folder)) == []
    assert differences(undisturbed("features", 1), undisturbed("density", 1)) != []
