"""A run that ends at a named place, in order or by SIGKILL of one rank, and goes on: always at the same place, however fast
the machine. kill_campaign.py ends runs at random moments."""
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import ENVIRONMENT, ROOT
from interrupted import Interrupted, Undisturbed, DECKS, command_of, content, deviation, differences, fathom, seconds_and_flops


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return Undisturbed(lambda: tmp_path_factory.mktemp("undisturbed"))


# Deck, fault (name:rank:kind@pass), ranks before and after, what the next run takes from the checkpoint.
CASES = [
    ("features", "eigen.certify:0:stop@2", 1, 1, r"point-0001\.done"),
    ("features", "eigen.certify:1:kill@3", 2, 3, r"point-0001\.done"),
    ("features", "store.checkpoint_rename:0:kill@4", 2, 2, r"point-0001\.(done|spectrum)"),
    ("networks", "studies.snapshot:0:stop@3", 1, 1, r"point-0001\.moment-0001"),
    ("networks", "studies.snapshot:1:kill@7", 2, 1, r"point-0001\.done"),
    ("networks", "studies.keep_snapshot:0:stop@2", 2, 2, r"point-000\d\.training"),
    ("networks", "studies.training:2:kill", 3, 2, ""),
    ("eager_networks", "store.checkpoint:0:kill@40", 1, 1, r"point-0001\.training"),
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


def check_result(run, deck, undisturbed, ranks=()):
    """ranks: those of every run that had a part in it; where they are alike, so is every bit."""
    if len(set(ranks)) == 1:
        assert differences(undisturbed(deck, ranks[0])[1], content(run.folder)) == []
    worst, faults = deviation(undisturbed(deck)[1], content(run.folder), single=deck == "adam")
    assert faults == [], worst


@pytest.mark.parametrize("deck, fault, before, after, taken", CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_a_run_goes_on(tmp_path, undisturbed, deck, fault, before, after, taken):
    run = Interrupted(tmp_path, DECKS[deck]).end_at(before, fault)
    run.check_done(run.run(after))
    assert re.search(taken, run.log()), run.log()
    check_result(run, deck, undisturbed, [before, after])


def test_a_point_that_is_not_there_ends_nothing(tmp_path, undisturbed):
    """Planted: what the cases above rest on."""
    run = Interrupted(tmp_path, DECKS["features"])
    assert run.run(1, environment=dict(FATHOM_FAULT="eigen.nowhere:0:kill@2"))[0] == 0
    assert differences(undisturbed("features")[1], content(run.folder)) == []
    assert differences(undisturbed("features")[1], undisturbed("density")[1]) != []


# The first moments. Passes: the folder is made, locked, has one deck, both, its status, and its name.
@pytest.mark.parametrize("there, moment", [(False, 1), (False, 2), (False, 3), (False, 4), (False, 5), (False, 6),
                                           (True, 1), (True, 2), (True, 3), (True, 4), (True, 5)])
def test_a_run_that_is_killed_when_it_begins(tmp_path, undisturbed, there, moment):
    """there: in a folder that was there before, empty."""
    place = tmp_path / "place"
    place.mkdir()
    run = Interrupted(tmp_path, DECKS["features"], "place/out")
    if there:
        run.folder.mkdir()
    begin = ("run", run.deck, "--set", f"run.output='{run.folder}'")
    run.launch(1, begin, environment=dict(FATHOM_FAULT=f"store.begin_output:0:kill@{moment}"))
    assert run.finish()[0] != 0
    if run.folder.exists() and moment >= (4 if there else 1):
        run.launch(1, ("resume", run.folder))
    else:  # there is nothing to go on with, and nothing in the way
        assert fathom("resume", run.folder)[0] == 66
        for left in place.glob(".out.new-*"):  # what is left is swept away when nobody can be filling it any more
            os.utime(left, (time.time() - 7200,) * 2)
        run.launch(1, begin)
    run.check_done(run.finish(), resumed="")
    assert sorted(path.name for path in place.iterdir()) == ["out", "out.toml"]
    check_result(run, "features", undisturbed, [1])


@pytest.mark.parametrize("core", [None, "Haswell"], ids=["kernels_by_the_processor", "kernels_by_the_user"])
def test_a_signal_before_anything_else(tmp_path, core, monkeypatch):
    """Also where the program starts itself again with other kernels."""
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    run = Interrupted(tmp_path, DECKS["features"])
    environment = dict(FATHOM_FAULT="main.begin:0:stop") | (dict(OPENBLAS_CORETYPE=core) if core else {})
    code, said = run.run(0, environment=environment)
    assert code == 75 and "stopped by SIGUSR1" in said, said
    run.check_done(run.run(1))


# The last moments: run.h5 has its name; and the checkpoint is going, or gone.
@pytest.mark.parametrize("deck, fault, before, after", [
    ("vectors", "run.result:0:kill", 1, 2), ("features", "run.last_word:0:kill", 2, 1),
    ("vectors_sweep", "store.checkpoint_remove:0:kill@4", 2, 3), ("networks", "store.checkpoint_remove:0:kill@2", 1, 1)])
def test_a_run_that_is_killed_when_it_ends(tmp_path, undisturbed, deck, fault, before, after):
    run = Interrupted(tmp_path, DECKS[deck])
    assert run.run(before, environment=dict(FATHOM_FAULT=fault))[0] != 0
    assert (run.folder / "run.h5").exists() and run.status()["state"] == "running"
    result = (run.folder / "run.h5").read_bytes()
    run.check_done(run.run(after), resumed="run.h5 is there and whole .* nothing is computed again")
    assert (run.folder / "run.h5").read_bytes() == result
    assert re.search("certificate (PASS|WARN)", run.log()), run.log()
    assert run.status()["files"] == ["run.h5", "fathom.log", "deck.toml", "deck.resolved.toml"]
    check_result(run, deck, undisturbed, [before])
    assert run.run(1)[0] == 73


def test_the_code_of_a_run_that_is_killed_when_it_ends(tmp_path):
    run = Interrupted(tmp_path, DECKS["diverging"])
    assert run.run(1, environment=dict(FATHOM_FAULT="run.last_word:0:kill"))[0] not in (0, 82)
    code, said = run.run(2)
    assert code == 82 and "a training diverged" in said, said
    status = run.status()
    assert (status["state"], status["exit_code"]) == ("failed", 82) and "run.h5" in status["files"], status
    assert run.run(1)[0] == 73


def test_a_checkpoint_elsewhere_is_removed_where_it_is_the_runs_own(tmp_path):
    places = [tmp_path / "disk", tmp_path / "of_another"]
    runs = [Interrupted(tmp_path, DECKS["vectors"].replace("[run]", f"[run]\ncheckpoint_folder = '{place}'"), place.name + "_run")
            for place in places]
    assert runs[0].run(1, environment=dict(FATHOM_FAULT="store.checkpoint_remove:0:kill@2"))[0] != 0
    runs[1].deck.write_text(runs[1].deck.read_text().replace("features = 150", "features = 151"))
    runs[1].end_at(1, "eigen.certify:0:kill")
    kept = sorted(path.name for path in places[1].iterdir())
    assert places[0].exists() and "identity.record" in kept
    runs[0].check_done(runs[0].run(1, "--set", f"run.checkpoint_folder='{places[1]}'"), resumed="run.h5 is there")
    assert "its checkpoint is removed" not in runs[0].log()
    assert sorted(path.name for path in places[1].iterdir()) == kept
    runs[1].check_done(runs[1].run(1))


REFUSED = [(("--set", "kernel.features=51"), "kernel.features: 51, was 50"), (("--set", "kernel.nonsense=1"), "kernel.nonsense"),
           (("--set", "kernel.features=none"), "kernel.features")]


def test_a_refused_resume_leaves_a_stopped_run_as_it_was(tmp_path):
    run = Interrupted(tmp_path, DECKS["features"]).end_at(1, "eigen.certify:0:stop@3")
    before = (run.folder / "status.json").read_text()
    for words, message in REFUSED:
        code, said = run.run(1, *words)
        assert code == 65 and message in said, said
        assert (run.folder / "status.json").read_text() == before
    run.check_done(run.run(1))


def test_a_refused_resume_leaves_a_killed_run_as_it_was(tmp_path):
    run = Interrupted(tmp_path, DECKS["features"]).end_at(1, "eigen.certify:0:kill@3")
    before = (run.folder / "status.json").read_text()
    assert run.run(1, "--set", "kernel.features=51")[0] == 65
    assert (run.folder / "status.json").read_text() == before
    run.check_done(run.run(1))


def test_words_that_change_the_run_are_refused_where_nothing_was_kept(tmp_path):
    run = Interrupted(tmp_path, DECKS["features"].replace("[study]", "[run]\ncheckpoint = 'off'\n[study]"))
    assert run.run(1, environment=dict(FATHOM_FAULT="eigen.certify:0:stop@3"))[0] == 75
    assert run.run(1, "--set", "kernel.features=51")[0] == 65
    run.check_done(run.run(1))


@pytest.mark.parametrize("point", [None, 3])
def test_a_deck_that_is_given_must_be_the_runs(tmp_path, point):
    run = Interrupted(tmp_path, DECKS["features"])
    words = ("--point", point) if point else ()
    assert run.run(1, *words, environment=dict(FATHOM_FAULT="eigen.certify:0:stop"))[0] == 75
    other = tmp_path / "other.toml"
    other.write_text(run.deck.read_text().replace("features = 50", "features = 51"))
    code, said = run.run(1, "--deck", other, *words)
    assert code == 65 and "kernel.features: 51, was 50" in said, said
    if point:
        assert "run.seed: 2, was 1" in run.run(1, "--deck", run.deck, "--point", point + 1)[1]
    run.check_done(run.run(1, "--deck", run.deck, *words, "--set", "run.wall_limit=1h"))
    assert "wall limit: the wall limit of 1h" in run.log(), run.log()


def test_a_checkpoint_folder_is_found_from_anywhere(tmp_path):
    deck = DECKS["features"].replace("[study]", f"[run]\ncheckpoint_folder = '{os.path.relpath(tmp_path, ROOT)}/kept'\n[study]")
    run = Interrupted(tmp_path, deck).end_at(1, "eigen.certify:0:stop@3")
    assert (tmp_path / "kept" / "identity.record").exists()
    done = subprocess.run(command_of(0, ["resume", run.folder]), env=ENVIRONMENT, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and "point-0001.done" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "kept").exists() or not list((tmp_path / "kept").iterdir())


def test_a_deck_that_is_given_does_not_move_the_checkpoint(tmp_path):
    """Its relative folder is one of another place by now; and a word for it may be missing."""
    deck = DECKS["features"].replace("[study]", f"[run]\ncheckpoint_folder = '{os.path.relpath(tmp_path, ROOT)}/kept'\n[study]")
    run = Interrupted(tmp_path, deck).end_at(1, "eigen.certify:0:stop@3")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    plain = tmp_path / "plain.toml"
    plain.write_text(DECKS["features"])
    for given, fault in ((run.deck, "eigen.certify:0:stop"), (plain, "")):
        done = subprocess.run(command_of(0, ["resume", run.folder, "--deck", given]), capture_output=True, text=True, cwd=elsewhere,
                              env=dict(ENVIRONMENT, FATHOM_FAULT=fault))
        assert done.returncode == (75 if fault else 0) and "begins anew" not in done.stdout, done.stdout + done.stderr
    assert "point-0001.done" in done.stdout and list(elsewhere.iterdir()) == []


def test_a_checkpoint_that_is_turned_off_is_told(tmp_path):
    run = Interrupted(tmp_path, DECKS["features"]).end_at(1, "eigen.certify:0:stop@3")
    assert run.run(1, "--set", "run.checkpoint=off")[0] == 0
    assert 'not used, run.checkpoint is "off": the run begins anew' in run.log()


def test_points_by_themselves_share_no_checkpoint_folder(tmp_path):
    deck = DECKS["features"].replace("[study]", f"[run]\ncheckpoint_folder = '{tmp_path}/kept'\n[study]")
    run = Interrupted(tmp_path, deck)
    code, said = run.run(1, "--point", 3, environment=dict(FATHOM_FAULT="eigen.certify:0:stop"))
    assert code == 75 and (tmp_path / "kept" / "0003" / "identity.record").exists(), said
    run.check_done(run.run(1))


def test_a_checkpoint_that_is_gone_is_told(tmp_path, undisturbed):
    run = Interrupted(tmp_path, DECKS["features"]).end_at(1, "eigen.certify:0:stop@3")
    shutil.rmtree(run.folder / "checkpoint")
    run.check_done(run.run(1))
    assert "holds no checkpoint of this run any more: it begins anew" in run.log()
    check_result(run, "features", undisturbed, [1])


def test_a_file_stop_counts_whatever_else_ended_the_run(tmp_path):
    run = Interrupted(tmp_path, DECKS["features"]).end_at(1, "eigen.certify:0:stop@2")
    assert run.status()["stop_requested"] == "SIGUSR1"
    (run.folder / "STOP").touch()
    code, said = run.run(0, environment=dict(FATHOM_FAULT="main.begin:0:stop"))
    assert code == 75 and run.status()["stop_requested"] == "the file STOP", said
    assert not (run.folder / "STOP").exists()
    run.check_done(run.run(1))


def test_a_result_that_is_not_the_runs_own_is_not_taken(tmp_path, undisturbed):
    run = Interrupted(tmp_path, DECKS["vectors"])
    assert run.run(1, environment=dict(FATHOM_FAULT="run.result:0:kill"))[0] != 0
    code, said = run.run(1, "--set", "kernel.features=151")
    assert code == 65 and "kernel.features: 151, was 150" in said, said
    file = run.folder / "run.h5"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    code, said = run.run(1)
    assert code == 66 and "is not what was written" in said and "is removed, the run goes on from its checkpoint" in said, said
    assert list((run.folder / "checkpoint").glob("*.record"))
    file.unlink()
    run.check_done(run.run(1))
    check_result(run, "vectors", undisturbed, [1])


@pytest.mark.parametrize("deck, fault, ranks, share", [("networks", "studies.snapshot:1:kill@7", 2, 0.0),
                                                       ("adam", "studies.snapshot:0:kill@3", 1, None)])
def test_flops_are_those_of_the_run_that_spent_them(tmp_path, deck, fault, ranks, share):
    whole = Interrupted(tmp_path, DECKS[deck], "whole")
    assert whole.run(ranks)[0] == 0
    _, all_flops = seconds_and_flops(whole.folder, "training")
    assert all_flops > 0
    run = Interrupted(tmp_path, DECKS[deck]).end_at(ranks, fault)
    run.check_done(run.run(ranks))
    if share is None:  # it goes on from the third snapshot
        step = content(run.folder)["reach_snapshots/step"]
        share = 1 - step[2] / step[-1]
        assert 0 < share < 1
    _, flops = seconds_and_flops(run.folder, "training")
    assert abs(flops - share * all_flops) < 1e-9 * all_flops
