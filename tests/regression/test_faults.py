"""One rank fails at a named point: the job ends, with the documented code, within half a minute.

FATHOM_CAMPAIGN=FOLDER in the environment: every point with every kind on every rank, and FOLDER gets fault_points.csv.
Otherwise every point once, of one kind and on one rank, both chosen by a seed.
"""
import csv
import json
import os
import random
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import deck_of, population_deck, run_path
from fault_points import DECKS, ELSEWHERE, EVERY_RANK, POINTS, TRAINING, points_in_sources, write_inputs

CAMPAIGN = os.environ.get("FATHOM_CAMPAIGN")
PATIENCE = 30  # seconds that a job with a fault may take, besides what one without does
RANKS = len(EVERY_RANK)
DECK = DECKS["population"]


def chosen_cases():
    cases = [(row, rank) for row in POINTS for rank in EVERY_RANK]
    if CAMPAIGN:
        return cases
    pick = random.Random(20260801)
    names = sorted({row[0] for row in POINTS})
    return [pick.choice([case for case in cases if case[0][0] == name]) for name in names]


@pytest.fixture(scope="module")
def table():
    """Rows of the campaign's table."""
    rows = []
    yield rows
    if CAMPAIGN and rows:
        Path(CAMPAIGN).mkdir(parents=True, exist_ok=True)
        with open(Path(CAMPAIGN) / "fault_points.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


@pytest.fixture(scope="module")
def controls(tmp_path_factory):
    """controls(deck) → the spectra of its run without a fault, or why there is none; and its seconds."""
    known = {}

    def spectra_of_control(name):
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            write_inputs(folder)
            (folder / "deck.toml").write_text(DECKS[name])
            begun = time.monotonic()
            result = run_path(folder / "deck.toml", folder / "out", RANKS)
            found = "built without SLEPc" if "without SLEPc" in result.err else wrong(result, 0) or spectra(result)
            known[name] = found, time.monotonic() - begun
        return known[name]

    return spectra_of_control


def spectra(result):
    """Group → values, bounds, which of them are trusted."""
    found = {}
    with result.file() as file:
        def keep(name, item):
            if isinstance(item, h5py.Group) and "eigenvalue" in item and "error_bound" in item:
                found[name] = item["eigenvalue"][...], item["error_bound"][...], item["state"][...] == 1
        file.visititems(keep)
    return found


def other_spectrum(found, control):
    """The first group whose trusted eigenvalues differ by more than both bounds; empty where there is none."""
    for name in control:
        (a, bound_a, trusted_a), (b, bound_b, trusted_b) = found[name], control[name]
        both = trusted_a & trusted_b
        if np.any(np.abs(a - b)[both] > (bound_a + bound_b)[both]):
            return name
    return ""


def wrong(result, codes, control=None):
    """What a run with a fault must not leave behind, in words; empty where all is well. codes: one or several."""
    code = result.code
    if code not in (codes if isinstance(codes, tuple) else (codes,)):
        return f"exit code {code} instead of {codes}"
    if len(result.messages) != (code != 0):
        return f"{len(result.messages)} messages"
    if (result.folder / "run.h5").exists() != (code == 0):
        return "a run.h5 after a failure" if code else "success without a run.h5"
    status = result.folder / "status.json"
    if status.exists():
        told = json.loads(status.read_text())
        if (told["state"], told["exit_code"]) != ("failed" if code else "finished", code):
            return f"status.json says {told['state']} {told['exit_code']}"
    log = result.folder / "fathom.log"
    if code and log.exists() and "error" not in log.read_text():
        return "no error in the log"
    if code == 0 and control and (group := other_spectrum(spectra(result), control)):
        return f"another spectrum in {group}"
    return ""


def struck(run, tmp_path, table, controls, deck, fault, code, **row):
    """One job as a row of the table; fails where something is wrong with it."""
    control, seconds = controls(deck)
    if isinstance(control, str):
        pytest.skip(control) if "SLEPc" in control else pytest.fail(control)
    write_inputs(tmp_path)
    begun = time.monotonic()
    try:
        result = run(DECKS[deck], ranks=RANKS, fault=fault, timeout=PATIENCE + seconds)
        seen, found = result.code, wrong(result, code, control)
    except subprocess.TimeoutExpired:
        result, seen, found = None, -1, f"no end within {PATIENCE + seconds:.0f} s"
    table.append(row | dict(deck=deck, code=seen, expected=code, seconds=f"{time.monotonic() - begun:.1f}", wrong=found))
    assert found == "", (found, result and result.err)


@pytest.mark.parametrize("row, rank", chosen_cases(), ids=lambda x: x if isinstance(x, int) else ":".join(map(str, x[:2])))
def test_one_rank_fails(run, tmp_path, table, controls, row, rank):
    point, kind, code, deck = row[:4]
    comes_by = rank in (row[4] if len(row) > 4 else EVERY_RANK)
    struck(run, tmp_path, table, controls, deck, f"{point}:{rank}:{kind}", code if comes_by else 0, point=point, kind=kind,
           rank=rank)


@pytest.mark.parametrize("deck", DECKS)
def test_without_a_fault_the_same_deck_passes(run, tmp_path, table, controls, deck):
    if not CAMPAIGN and deck not in ("population", "training"):
        pytest.skip("in the campaign")
    struck(run, tmp_path, table, controls, deck, None, 0, point="none", kind="", rank="")


def test_another_spectrum_is_seen(controls):
    """The comparison that code 0 relies on: one eigenvalue off by three times both bounds."""
    right, _ = controls("population")
    off = {name: (value.copy(), bound, trusted) for name, (value, bound, trusted) in right.items()}
    assert other_spectrum(off, right) == ""
    off["spectrum"][0][5] += 6 * off["spectrum"][1][5]
    assert other_spectrum(off, right) == "spectrum"


def test_every_point_of_the_sources_is_struck():
    assert points_in_sources() - ELSEWHERE <= {row[0] for row in POINTS}
    assert len({row[0] for row in POINTS}) >= 40


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
