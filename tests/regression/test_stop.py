"""A run that is asked to end: exit code 75 on every rank within seconds, a status that says so, and nothing half-made."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import BINARY, ENVIRONMENT, MPIEXEC, ROOT, Result, deck_of, population_deck

PATIENCE = float(os.environ.get("FATHOM_STOP_PATIENCE", 60))  # seconds; a busy machine needs many of them

TRAINING = deck_of(study=dict(kind="spectral_reach", samples=20, snapshots=1),
                   data=dict(source="power_law", n=20, dim=4, alpha=1.5),
                   kernel=dict(type="network", width=16, depth=1, activation="tanh"),
                   training=dict(learning_rate=0.01, steps=3_000_000))
GROUPS = TRAINING.replace("width = 16\n", "") + "[sweep]\nkernel.width = [4, 5, 6, 7]\n"
SWEEP = population_deck(150, 450, kind="spectrum") + f"[sweep]\nrun.seed = {list(range(1, 2001))}\n"
SOLVE = population_deck(3000, 3000, kind="spectrum", solver=dict(eigenvectors=True))

# Every rank's own exit code, which mpirun does not tell. The shell must outlive the signal; and it exits with 0, since mpirun
# kills the others where one does not.
OWN_CODE = 'trap "" USR1; folder=$1; shift; "$@"; echo $? > "$folder/code.$OMPI_COMM_WORLD_RANK"'


class Running:
    """A run in progress, in a process of its own."""

    def __init__(self, tmp_path, deck, ranks, sets, environment, codes):
        self.folder, self.ranks, self.codes = tmp_path / "out", ranks, codes and tmp_path
        path = tmp_path / "deck.toml"
        path.write_text(deck)
        command = [BINARY, "run", str(path), "--set", f"run.output='{self.folder}'"]
        for item in sets:
            command += ["--set", item]
        if codes:
            command = ["sh", "-c", OWN_CODE, "sh", str(tmp_path), *command]
        if ranks:
            command = [MPIEXEC, "--oversubscribe", "-n", str(ranks), *command]
        self.process = subprocess.Popen(command, env=dict(ENVIRONMENT, **environment), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, cwd=ROOT)

    def status(self):
        path = self.folder / "status.json"
        return json.loads(path.read_text()) if path.exists() else {"state": "", "phase": "", "progress": {}}

    def wait_until(self, holds, what):
        end = time.time() + 4 * PATIENCE
        while not holds():
            assert self.process.poll() is None, ("the run ended before " + what, self.process.communicate())
            assert time.time() < end, "never: " + what
            time.sleep(0.02)
        return self

    def log(self):
        path = self.folder / "fathom.log"
        return path.read_text() if path.exists() else ""

    def finish(self, timeout=PATIENCE):
        out, err = self.process.communicate(timeout=timeout)
        code = self.process.returncode
        if self.codes:
            codes = [int((self.codes / f"code.{rank}").read_text()) for rank in range(self.ranks)]
            assert code == 0 and len(set(codes)) == 1, (code, codes, err)
            code = codes[0]
        return Result(code, out, err, self.folder)


@pytest.fixture
def begin(tmp_path):
    """begin(deck, ranks=2, sets=(), environment={}, codes=True) → Running; killed at the end of the test"""
    begun = []

    def go(deck, ranks=2, sets=(), environment=None, codes=True):
        begun.append(Running(tmp_path, deck, ranks, sets, environment or {}, codes and ranks > 0))
        return begun[-1]

    yield go
    for run in begun:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def check_stopped(result, reason):
    """What every stop in order leaves."""
    assert result.code == 75, (result.code, result.err)
    assert len(result.messages) == 1, result.err
    assert "stopped by " + reason in result.messages[0], result.err
    assert f"fathom resume {result.folder}" in result.messages[0], result.err
    status = json.loads((result.folder / "status.json").read_text())
    assert (status["state"], status["exit_code"]) == ("checkpointed", 75), status
    assert reason in status["stop_requested"], status
    assert "fathom resume" in status["message"], status
    assert result.messages[0] in (result.folder / "fathom.log").read_text()
    left = {path.name for path in result.folder.iterdir()} - {"checkpoint"}
    assert left == {"fathom.log", "status.json", "deck.toml", "deck.resolved.toml"}, left


def in_training(run):
    return run.wait_until(lambda: run.status()["progress"].get("phase_done", 0) > 100, "training")


@pytest.mark.parametrize("ranks, codes", [(1, True), (2, True), (3, True), (2, False)])
def test_a_signal_in_training(begin, ranks, codes):
    run = in_training(begin(TRAINING, ranks, codes=codes))
    status = run.status()
    assert status["phase"] == "training" and status["state"] == "running"
    assert status["progress"]["phase_total"] == 3_000_000
    run.process.send_signal(signal.SIGUSR1)
    check_stopped(run.finish(), "SIGUSR1")


def test_a_signal_while_groups_train(begin):
    run = in_training(begin(GROUPS, 3))
    assert "4 networks in 3 groups" in run.log()
    run.process.send_signal(signal.SIGUSR1)
    check_stopped(run.finish(), "SIGUSR1")


def test_a_signal_in_a_sweep(begin):
    run = begin(SWEEP)
    run.wait_until(lambda: run.status()["progress"].get("points_done", 0) >= 2, "two points")
    run.process.send_signal(signal.SIGUSR1)
    check_stopped(run.finish(), "SIGUSR1")
    assert 2 <= run.status()["progress"]["points_done"] < 2000


def in_solve(run):
    return run.wait_until(lambda: "assembly: in_place" in run.log(), "the solve")


def test_a_signal_in_a_solve(begin):
    run = in_solve(begin(SOLVE))
    run.process.send_signal(signal.SIGUSR1)
    check_stopped(run.finish(4 * PATIENCE), "SIGUSR1")


def test_a_signal_before_anything(begin):
    """Nothing to keep yet is no reason to go on."""
    run = begin(SOLVE)
    run.wait_until(lambda: "wall limit" in run.log(), "the log")
    run.process.send_signal(signal.SIGUSR1)
    check_stopped(run.finish(), "SIGUSR1")


def test_a_file(begin):
    run = in_training(begin(GROUPS, 3))
    (run.folder / "STOP").touch()
    check_stopped(run.finish(), "the file STOP")


def test_the_wall_limit(begin):
    run = begin(TRAINING, sets=["run.wall_limit=2s"])
    check_stopped(run.finish(), "the wall limit of 2s")
    assert "wall limit: the wall limit of 2s, in" in run.log()


def test_the_end_of_the_slurm_job(begin):
    environment = dict(SLURM_JOB_ID="17", SLURM_JOB_END_TIME=str(int(time.time()) + 4))
    check_stopped(begin(TRAINING, environment=environment).finish(), "the end of Slurm job 17")


def test_a_solve_that_cannot_end_is_not_entered(begin):
    """The matrix has few features and is soon made; its solve needs minutes."""
    deck = deck_of(study=dict(kind="spectrum"), data=dict(source="power_law", n=9000, dim=40, alpha=1.5),
                   kernel=dict(type="random_features", expectation="empirical", activation="relu", features=20, side="gram"),
                   solver=dict(eigenvectors=True))
    run = begin(deck, sets=["run.wall_limit=80s"])
    result = run.finish(2 * PATIENCE)
    check_stopped(result, "the wall limit of 1m20s")
    assert re.search(r"\d+ s left, the solve needs \d+ s", result.messages[0]), result.err


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("deck, reached", [(TRAINING, in_training), (SOLVE, in_solve)], ids=["training", "solve"])
def test_sigterm_to_mpirun(begin, deck, reached):
    """mpirun kills the ranks a second later and returns a code of its own: the status tells, and never "running"."""
    run = reached(begin(deck, codes=False))
    pid = run.status()["pid"]
    run.process.send_signal(signal.SIGTERM)
    assert run.finish().code != 0
    end = time.time() + PATIENCE
    while not gone(pid):
        assert time.time() < end
        time.sleep(0.05)
    status = run.status()
    assert status["state"] in ("checkpointed", "failed"), status
    assert status["exit_code"] == 75 and status["stop_requested"] == "SIGTERM" and "fathom resume" in status["message"]
    assert not (run.folder / "run.h5").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_process_without_mpirun(begin, number):
    run = in_training(begin(TRAINING, ranks=0))
    run.process.send_signal(number)
    check_stopped(run.finish(), signal.Signals(number).name)


def test_a_status_is_kept_fresh(begin):
    """`updated` moves while one phase lasts, and the time left falls."""
    run = in_training(begin(TRAINING, sets=["run.wall_limit=1h"]))
    first = run.status()
    assert 3000 < first["seconds_left"] <= 3600 and first["stop_requested"] == ""
    run.wait_until(lambda: run.status()["updated"] > first["updated"], "a fresh status")
    later = run.status()
    assert later["phase"] == first["phase"] and later["seconds_left"] < first["seconds_left"]
    assert later["progress"]["phase_done"] > first["progress"]["phase_done"]
    run.process.send_signal(signal.SIGUSR1)
    check_stopped(run.finish(), "SIGUSR1")


@pytest.mark.skipif("FATHOM_FAULT_POINTS" not in os.environ, reason="built without fault points")
def test_a_run_that_does_not_hear_is_seen(begin):
    run = in_training(begin(TRAINING, ranks=1, environment=dict(FATHOM_FAULT="run.signals:0:deaf")))
    run.process.send_signal(signal.SIGUSR1)
    with pytest.raises(subprocess.TimeoutExpired):
        run.finish(timeout=5)
    (run.folder / "STOP").touch()
    result = run.finish()
    with pytest.raises(AssertionError):
        check_stopped(result, "SIGUSR1")


def test_a_run_that_ends_by_itself_is_seen(begin):
    result = begin(population_deck(60, 120, kind="spectrum")).finish()
    with pytest.raises(AssertionError):
        check_stopped(result, "SIGUSR1")
    assert result.code == 0, result.err
