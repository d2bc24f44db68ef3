"""fathom resume: what it takes from a checkpoint, and what it refuses; chains of runs that end at random moments."""
import os
import random
import re
import shutil
import signal

import pytest

from interrupted import (DECKS, PHASES, Interrupted, Undisturbed, code_of_resume, content, deviation, differences, fathom,
                         interrupt, occurrences, some_moment)

KILL, USR1, STOP = signal.SIGKILL, signal.SIGUSR1, 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return Undisturbed(lambda: tmp_path_factory.mktemp("undisturbed"))


# Deck, ranks of one run after another, how all but the last are ended, seed of the moments.
CHAINS = [("features", [1, 1], [KILL], 1), ("features", [2, 1], [USR1], 2), ("networks", [1, 1, 1], [KILL, STOP], 3),
          ("networks", [2, 2], [KILL], 4), ("networks", [3, 1, 2], [USR1, KILL], 5), ("adam", [1, 1], [KILL], 6),
          ("adam", [2, 1], [USR1], 7), ("vectors", [1, 1], [KILL], 8), ("vectors_sweep", [1, 1], [USR1], 9),
          ("vectors_sweep", [2, 3], [KILL], 10), ("density", [1, 1], [KILL], 11), ("density", [2, 1], [STOP], 12)]


@pytest.mark.parametrize("deck, ranks, ends, seed", CHAINS)
def test_the_same_result(tmp_path, undisturbed, deck, ranks, ends, seed):
    """Wherever the ends come, be it after the run's own."""
    alike = len(set(ranks)) == 1
    log, expected = undisturbed(deck, ranks[0] if alike else 1)
    generator = random.Random(seed)
    run = Interrupted(tmp_path, DECKS[deck])
    for number, end in zip(ranks, ends):
        if code_of_resume(run.folder) == 73:
            break
        phase = generator.choice([phase for phase in PHASES if occurrences(log, phase)])
        occurrence, delay = some_moment(generator, log, phase)
        # Of what is left less and less is to be done.
        interrupt(run, number, phase, occurrence // (2 * len(ends)), delay / 20, end)
        if end != KILL:
            assert run.finish()[0] in (0, 75)
    expected_code = code_of_resume(run.folder)
    code, said = run.run(ranks[-1])
    assert code == expected_code, said
    assert fathom("verify", run.folder)[0] == 0 and not (run.folder / "checkpoint").exists()
    assert run.status()["state"] == "finished"
    if alike:
        assert differences(expected, content(run.folder)) == []
    worst, faults = deviation(expected, content(run.folder), single=deck == "adam")
    assert faults == [], worst


def test_a_done_point_is_not_computed_again(tmp_path, undisturbed):
    run = Interrupted(tmp_path, DECKS["vectors_sweep"]).end_at(1, "studies.point:0:stop@3")
    assert len(re.findall(r"point \d of 3 done, .* to go", run.log())) == 2
    run.check_done(run.run(1))
    log = run.log()
    assert len(re.findall(r"point \d of 3 done, by an earlier run", log)) == 2
    assert occurrences(log, "assembly") == 1, log
    assert re.search(r"from the checkpoint: .*point-0001\.done.*point-0002\.done", log), log
    assert differences(undisturbed("vectors_sweep")[1], content(run.folder)) == []


def test_a_kept_spectrum_is_not_solved_again(tmp_path, undisturbed):
    """Stopped after the solve of a point whose eigenvectors are kept: the next run takes them."""
    run = Interrupted(tmp_path, DECKS["vectors_sweep"]).end_at(1, "eigen.certify:0:stop@2")
    assert (run.folder / "checkpoint" / "point-0002.spectrum.record").exists()
    run.check_done(run.run(2))
    assert "the spectrum comes from the checkpoint" in run.log()
    assert occurrences(run.log(), "assembly") == 1, run.log()
    assert deviation(undisturbed("vectors_sweep")[1], content(run.folder))[1] == []


def test_a_finished_network_is_not_trained_again(tmp_path, undisturbed):
    """Its record is written by whoever trains it."""
    run = Interrupted(tmp_path, DECKS["networks"]).end_at(2, "studies.snapshot:0:stop@2")
    record = run.folder / "checkpoint" / "point-0003.training.record"
    before = record.stat().st_mtime_ns
    run.end_at(3, "studies.snapshot:0:stop@1")
    assert record.stat().st_mtime_ns == before
    run.check_done(run.run(1))
    # A snapshot at least was analysed before, and not again.
    assert occurrences(run.log(), "assembly") < occurrences(undisturbed("networks")[0], "assembly")
    assert deviation(undisturbed("networks")[1], content(run.folder))[1] == []


STOPPED = "studies.snapshot:0:stop@7"  # in the second of three points


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    return Interrupted(tmp_path_factory.mktemp("stopped"), DECKS["networks"]).end_at(1, STOPPED).folder


@pytest.fixture
def again(stopped, tmp_path):
    """A copy of a stopped run."""
    shutil.copytree(stopped, tmp_path / "out")
    return Interrupted(tmp_path, DECKS["networks"])


def refused(run, code, *words, sets=()):
    result, said = run.run(0, *sets)
    assert result == code, said
    for word in words:
        assert word in said, said
    return said


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("how", ["deck.toml", "deck.resolved.toml", "--set"])
def test_another_deck(again, how):
    if how != "--set":
        edit(again.folder / how, "steps = 400", "steps = 500")
    refused(again, 65, "training.steps: 500, was 400", sets=["--set", "training.steps=500"] if how == "--set" else [])
    if how != "--set":
        edit(again.folder / how, "steps = 500", "steps = 400")
    again.check_done(again.run(1))


def records(run):
    return sorted((run.folder / "checkpoint").glob("*.record"))


@pytest.mark.parametrize("name", ["identity", "run", "point-0001.done", "point-0002.training"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 1.0])
def test_a_flipped_bit(again, name, place):
    path = again.folder / "checkpoint" / (name + ".record")
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 4
    path.write_bytes(content)
    refused(again, 66, str(path))


def test_a_cut_record(again):
    path = records(again)[-1]
    os.truncate(path, path.stat().st_size - 1)
    refused(again, 66, str(path))


def test_a_flipped_bit_in_a_matrix(tmp_path):
    run = Interrupted(tmp_path, DECKS["vectors_sweep"]).end_at(1, "studies.point:0:stop@2")
    path, = (run.folder / "checkpoint").glob("point-0001.*.columns")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(run, 66, str(path))


def test_an_older_format(again):
    path = records(again)[-1]
    content = bytearray(path.read_bytes())
    content[8:16] = (0).to_bytes(8, "little")
    path.write_bytes(content)
    refused(again, 66, str(path), "format")


def test_the_checkpoint_of_another_run(again, tmp_path):
    other = Interrupted(tmp_path, DECKS["vectors_sweep"], "other").end_at(1, "studies.point:0:stop@2")
    shutil.rmtree(again.folder / "checkpoint")
    shutil.copytree(other.folder / "checkpoint", again.folder / "checkpoint")
    refused(again, 65, "study.kind")


def test_a_record_of_another_run(again, tmp_path):
    other = Interrupted(tmp_path, DECKS["networks"].replace("steps = 400", "steps = 401"), "other").end_at(1, STOPPED)
    path = again.folder / "checkpoint" / "point-0001.done.record"
    shutil.copy(other.folder / "checkpoint" / path.name, path)
    refused(again, 66, str(path))


def test_a_finished_run(again):
    assert again.run(1)[0] == 0
    before = content(again.folder)
    refused(again, 73, "finished")
    assert differences(before, content(again.folder)) == []


def test_a_run_that_still_runs(tmp_path):
    run = Interrupted(tmp_path, DECKS["adam"].replace("steps = 600", "steps = 3000000"))
    run.start(1)
    assert run.wait_until(lambda: occurrences(run.log(), "training"), "training")
    second = Interrupted(tmp_path, DECKS["adam"], "out")
    try:
        refused(second, 73, "another run")
    finally:
        run.kill()


def test_no_run(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (tmp_path / "missing", empty):
        code, said = fathom("resume", folder)
        assert code == 66 and "is no folder of a run" in said, said
    assert list(empty.iterdir()) == [] and not (tmp_path / "missing").exists()


def test_harmless_changes(again, undisturbed):
    again.check_done(again.run(1, "--set", "run.wall_limit=2h", "--set", "run.checkpoint=1m", "--set", "title=another"))
    left = [name for name in differences(undisturbed("networks")[1], content(again.folder)) if name != "@title"]
    assert left == []


def test_nothing_kept(tmp_path, undisturbed):
    """Without checkpoints a stop is obeyed and says what that means; the next run begins at the beginning."""
    run = Interrupted(tmp_path, DECKS["features"].replace("[study]", '[run]\ncheckpoint = "off"\n[study]'))
    run.end_at(1, "eigen.certify:0:stop@2")
    assert "nothing was kept" in run.log() and not (run.folder / "checkpoint").exists()
    run.check_done(run.run(1))
    assert occurrences(run.log(), "assembly") == 4
    assert differences(undisturbed("features")[1], content(run.folder)) == []


def test_a_checkpoint_elsewhere(tmp_path, undisturbed):
    place = tmp_path / "fast" / "disk"
    run = Interrupted(tmp_path, DECKS["features"].replace("[study]", f"[run]\ncheckpoint_folder = '{place}'\n[study]"))
    run.end_at(1, "eigen.certify:0:stop@3")
    assert (place / "point-0001.done.record").exists() and not (run.folder / "checkpoint").exists()
    shutil.move(place, tmp_path / "moved")
    run.check_done(run.run(2, "--set", f"run.checkpoint_folder='{tmp_path / 'moved'}'"))
    assert occurrences(run.log(), "assembly") < 4
    assert not (tmp_path / "moved").exists()
    assert deviation(undisturbed("features")[1], content(run.folder))[1] == []


def test_a_wrong_result_is_seen(undisturbed):
    _, good = undisturbed("networks")
    name = next(name for name in good if name.endswith("spectrum/eigenvalue") or name.endswith("/eigenvalue"))
    bad = {**good, name: good[name].copy()}
    bad[name].flat[0] *= 1 + 1e-9
    assert differences(good, bad) == [name]
    loss = next(name for name in good if re.search("training/loss$", name))
    bad = {**good, loss: good[loss] * (1 + 1e-9)}
    assert deviation(good, bad)[1] != []
    assert deviation(good, {key: value for key, value in good.items() if key != loss})[1] != []
