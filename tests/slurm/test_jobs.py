"""The job scripts on a real Slurm of two nodes: single runs, arrays, requeue, chains, several nodes."""
import subprocess

import h5py
import numpy as np
import pytest

from conftest import BINARY, LAUNCHERS, ROOT, STAND_IN, Jobs, fathom_has, soon, starts, status

DECK = """\
schema = 1
[study]
kind = "random_features"
[data]
source = "power_law"
alpha = 1.5
dim = {dim}
[kernel]
type = "random_features"
expectation = "population"
activation = "monomial"
features = {features}
"""
DOUBLE = {"FATHOM_BINARY": str(STAND_IN)}


def eigenvalues(run, group="spectrum"):
    with h5py.File(run / "run.h5") as file:
        return file[group]["eigenvalue"][...]


def assert_same_spectrum(one, other):
    np.testing.assert_allclose(one, other, rtol=0, atol=60 * len(other) * np.finfo(float).eps * other[0])


def run_here(deck, folder, *arguments):
    """The same deck without Slurm, on one rank."""
    done = subprocess.run([BINARY, "run", deck, *arguments, "--set", f"run.output='{folder}'"], capture_output=True, text=True,
                          timeout=120, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module", autouse=True)
def at_the_limit(cluster, tmp_path_factory):
    """A job that its time limit stops, a minute from now: submitted before all others, looked at by the last test."""
    jobs = Jobs(cluster, tmp_path_factory.mktemp("limit"))
    del jobs.environment["SBATCH_TIMELIMIT"]
    job = jobs.submit("requeue.slurm", jobs.stand_in(steps=1500, pause=0.1, resumed=3), options=["--time=2"], env=DOUBLE)
    yield jobs, job
    jobs.cancel()


@pytest.fixture
def deck(tmp_path):
    path = tmp_path / "law.toml"
    path.write_text(DECK.format(dim=400, features=100) + "degree = 1\n")
    return path


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_single_run(jobs, deck, launcher, tmp_path):
    job = jobs.submit("run.slurm", deck, "--set", "kernel.degree=2", env={"FATHOM_LAUNCH": LAUNCHERS[launcher]})
    assert jobs.end(job) == ("COMPLETED", 0)
    run = tmp_path / f"output/job-{job}"
    assert status(run)["state"] == "finished" and status(run)["ranks"] == 2
    assert "2 ranks" in (run / "fathom.log").read_text() and "finished" in jobs.output(job)
    assert "degree = 2" in (run / "deck.resolved.toml").read_text()


def test_single_run_as_the_page_says(jobs, tmp_path):
    """From the checkout, with its own profile and nothing set but the run folder."""
    del jobs.environment["FATHOM"], jobs.environment["FATHOM_PROFILE"]
    run = tmp_path / "out"
    job = jobs.submit("run.slurm", "inputs/circle_ntk.toml", "--set", "data.n=64", options=["--ntasks=1"],
                      env={"OUTPUT": str(run)}, cwd=ROOT)
    assert jobs.end(job) == ("COMPLETED", 0), jobs.output(job)
    assert status(run)["state"] == "finished"


def test_planned_job(jobs, deck, tmp_path):
    script = tmp_path / "job.slurm"
    planned = subprocess.run([BINARY, "plan", str(deck), "-n", "2", "--nodes", "2", "--cores", "1", "--memory", "200MiB",
                              "--sbatch"], capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    script.write_text(planned.stdout)
    job = jobs.submit(script)
    assert jobs.end(job) == ("COMPLETED", 0), jobs.output(job)
    run = tmp_path / f"output/job-{job}"
    assert status(run)["state"] == "finished" and status(run)["ranks"] == 2


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_codes_of_fathom_are_codes_of_the_job(jobs, deck, launcher):
    bad = jobs.submit("run.slurm", deck, "--set", "kernel.degree=99", env={"FATHOM_LAUNCH": LAUNCHERS[launcher]})
    assert jobs.end(bad) == ("FAILED", 65)
    assert "kernel.degree" in jobs.output(bad)


def test_finished_run_is_not_touched_and_not_claimed(jobs, tmp_path):
    deck, run = jobs.stand_in(), tmp_path / "run"
    env = dict(DOUBLE, OUTPUT=str(run))
    assert jobs.end(jobs.submit("requeue.slurm", deck, env=env)) == ("COMPLETED", 0)
    again = jobs.submit("requeue.slurm", deck, env=env)
    assert jobs.end(again) == ("FAILED", 73)
    assert starts(run) == ["run from 0"]


def test_array_over_a_sweep_and_its_report(jobs, tmp_path):
    deck = tmp_path / "sweep.toml"
    deck.write_text(DECK.format(dim=400, features=100) + "[sweep]\nkernel.degree = [1, 2, 3]\n")
    array, report, folder = jobs.several("array.sh", "--ntasks=1", f"--output={tmp_path}/array-%A_%a.out", deck)
    whole = run_here(deck, tmp_path / "whole")
    assert jobs.end(report, 300) == ("COMPLETED", 0)
    runs = sorted(path.parent for path in folder.glob("*/run.h5"))
    assert [run.name for run in runs] == ["0001", "0002", "0003"]
    for run in runs:
        assert_same_spectrum(eigenvalues(run), eigenvalues(whole, f"sweep/{run.name}/spectrum"))
        assert (folder / "report" / run.name / "report.html").stat().st_size > 0
    assert "kernel.degree = 2" in (folder / "report/0002/report.html").read_text()


def test_failing_point_keeps_the_report_away(jobs):
    deck = jobs.stand_in(sweep=3, fail_at=2)
    array, report, folder = jobs.several("array.sh", "--ntasks=1", deck, env=DOUBLE)
    assert jobs.end(report)[0] == "CANCELLED"
    assert [status(folder / name)["state"] for name in ("0001", "0002", "0003")] == ["finished", "failed", "finished"]
    assert not (folder / "report").exists()


def test_requeue_by_a_signal_until_the_cap(jobs, tmp_path):
    """Stopped at every start: three restarts, then the end with 75; a new job goes on from there. Both launchers at once."""
    env = {name: dict(DOUBLE, FATHOM_LAUNCH=words) for name, words in LAUNCHERS.items()}
    job = {name: jobs.submit("requeue.slurm", jobs.stand_in(steps=1000), env=env[name]) for name in LAUNCHERS}
    run = {name: tmp_path / f"output/job-{job[name]}" for name in LAUNCHERS}
    for start in range(1, 5):
        for name in LAUNCHERS:
            soon(lambda: len(starts(run[name])) == start and status(run[name])["state"] == "running", f"start {start}, {name}")
            jobs.signal(job[name])
        for name in LAUNCHERS:
            soon(lambda: status(run[name])["state"] == "checkpointed" or len(starts(run[name])) > start, f"stop {start}, {name}")
    for name in LAUNCHERS:
        assert jobs.end(job[name]) == ("FAILED", 75)
        assert jobs.cluster.job(job[name])["Restarts"] == "3"
        steps = [int(line.split()[-1]) for line in starts(run[name])]
        assert [line.split()[0] for line in starts(run[name])] == ["run", "resume", "resume", "resume"]
        assert steps == sorted(set(steps)), "every start goes on where the one before ended"
        assert "3 restarts were allowed" in jobs.output(job[name])
        (run[name] / "deck.toml").write_text(jobs.stand_in(steps=steps[-1] + 2).read_text())
        last = jobs.submit("run.slurm", run[name] / "deck.toml", env=dict(env[name], OUTPUT=str(run[name])))
        assert jobs.end(last) == ("COMPLETED", 0)
        assert starts(run[name])[-1].startswith("resume")


def test_run_that_dies_of_the_signal_starts_again(jobs, tmp_path):
    """SIGUSR1 before fathom listens: there is no folder yet."""
    job = jobs.submit("requeue.slurm", jobs.stand_in(deaf=True), options=["--ntasks=1"], env=DOUBLE)
    soon((tmp_path / "deaf").exists, "the start")
    (tmp_path / "deck0.toml").write_text(jobs.stand_in().read_text())
    jobs.signal(job)
    assert jobs.end(job) == ("COMPLETED", 0)
    assert starts(tmp_path / f"output/job-{job}") == ["run from 0"]
    assert jobs.cluster.job(job)["Restarts"] == "1"


def test_a_run_goes_on_by_its_own_deck_and_hears_new_words(jobs, tmp_path):
    run, deck = tmp_path / "run", jobs.stand_in(code=80)
    env = dict(DOUBLE, OUTPUT=str(run))
    options = ["--ntasks=1"]
    assert jobs.end(jobs.submit("run.slurm", deck, "--set", "a.b=1", options=options, env=env)) == ("FAILED", 80)
    other = jobs.submit("run.slurm", jobs.stand_in(steps=4), options=options, env=env)
    assert jobs.end(other) == ("FAILED", 65) and "the deck was changed" in jobs.output(other)
    assert jobs.end(jobs.submit("run.slurm", deck, "--set", "a.b=2", options=options, env=env)) == ("FAILED", 80)
    assert starts(run) == ["run from 0", "resume from 0"]
    words = (run / "words").read_text().splitlines()
    assert words[0].endswith("--set a.b=1") and words[1].endswith("--set a.b=2")
    anew = jobs.submit("run.slurm", jobs.stand_in(), "--set", "run.overwrite=true", options=options, env=env)
    assert jobs.end(anew) == ("COMPLETED", 0)


def test_stop_file_is_not_queued_again(jobs, tmp_path):
    job = jobs.submit("requeue.slurm", jobs.stand_in(steps=1000), options=["--ntasks=1"], env=DOUBLE)
    run = tmp_path / f"output/job-{job}"
    soon(lambda: starts(run), "the start")
    (run / "STOP").touch()
    assert jobs.end(job) == ("FAILED", 75)
    assert jobs.cluster.job(job)["Restarts"] == "0" and "STOP" in jobs.output(job)


def test_killed_run_is_not_queued_again(jobs, tmp_path):
    """What happens for want of memory: SIGKILL, no last word in status.json."""
    job = jobs.submit("requeue.slurm", jobs.stand_in(die=True), options=["--ntasks=1"], env=DOUBLE)
    state, code = jobs.end(job)
    assert state == "FAILED" and code != 0
    assert jobs.cluster.job(job)["Restarts"] == "0" and "ended from outside" in jobs.output(job)
    assert status(tmp_path / f"output/job-{job}")["state"] == "running"


def test_cancelled_job_does_not_come_back(jobs, tmp_path):
    """scancel tells the ranks as well, which stop in order; the script must not take that for a job to queue again."""
    job = {name: jobs.submit("requeue.slurm", jobs.stand_in(steps=1000), env=dict(DOUBLE, FATHOM_LAUNCH=words))
           for name, words in LAUNCHERS.items()}
    for name in LAUNCHERS:
        soon(lambda: starts(tmp_path / f"output/job-{job[name]}"), "the start")
        jobs.cluster.call("scancel", job[name])
    for name in LAUNCHERS:
        assert jobs.end(job[name])[0] == "CANCELLED"
        soon(lambda: not jobs.cluster.call("squeue", "-h", "-j", job[name], check=False).strip(), "an empty queue")
        assert jobs.cluster.job(job[name])["Restarts"] == "0" and len(starts(tmp_path / f"output/job-{job[name]}")) == 1


def test_point_that_failed_is_run_again_alone(jobs, tmp_path):
    deck = jobs.stand_in(fail_at=2)
    env = dict(DOUBLE, OUTPUT=str(tmp_path / "runs"))
    again = ("--set", "run.overwrite=true")
    first = jobs.submit("point.slurm", deck, options=["--array=2", "--ntasks=1"], env=env)
    assert jobs.end(f"{first}_2") == ("FAILED", 80)
    deck.write_text(jobs.stand_in().read_text())
    other = jobs.submit("point.slurm", deck, options=["--array=2", "--ntasks=1"], env=env)
    assert jobs.end(f"{other}_2") == ("FAILED", 65), "not the deck that it began with"
    last = jobs.submit("point.slurm", deck, *again, options=["--array=2", "--ntasks=1"], env=env)
    assert jobs.end(f"{last}_2") == ("COMPLETED", 0)
    assert status(tmp_path / "runs/0002")["state"] == "finished"


def test_real_run_is_stopped_and_resumed(jobs, tmp_path):
    if not fathom_has("resume"):
        pytest.skip("this fathom has no resume")
    deck = tmp_path / "long.toml"
    deck.write_text(DECK.format(dim=2000, features=1000) + f"degree = 1\n[sweep]\nrun.seed = {list(range(1, 17))}\n")
    job = jobs.submit("requeue.slurm", deck)
    run = tmp_path / f"output/job-{job}"
    soon(lambda: status(run).get("progress", {}).get("points_done", 0) >= 1, "the first point", 120)
    jobs.signal(job)
    soon(lambda: status(run)["state"] == "checkpointed", "the checkpoint", 120)
    assert not (run / "run.h5").exists() and list((run / "checkpoint").iterdir())
    assert jobs.end(job, 400) == ("COMPLETED", 0)
    assert jobs.cluster.job(job)["Restarts"] == "1" and status(run)["state"] == "finished"
    for point in (1, 16):  # made before the stop and after it
        alone = run_here(deck, tmp_path / f"{point}", "--point", str(point))
        assert_same_spectrum(eigenvalues(run, f"sweep/{point:04d}/spectrum"), eigenvalues(alone))


def test_real_run_is_stopped_by_a_file_and_not_queued_again(jobs, tmp_path):
    """Decided by status.json alone: the run has taken the file away by the time the script looks."""
    deck = tmp_path / "long.toml"
    deck.write_text(DECK.format(dim=2000, features=1000) + "degree = 1\n[sweep]\nrun.seed = [1, 2, 3, 4]\n")
    job = jobs.submit("requeue.slurm", deck)
    run = tmp_path / f"output/job-{job}"
    soon(lambda: status(run).get("state") == "running", "the run", 120)
    (run / "STOP").touch()
    assert jobs.end(job) == ("FAILED", 75)
    assert jobs.cluster.job(job)["Restarts"] == "0" and "not queued again" in jobs.output(job)
    assert not (run / "STOP").exists() and status(run)["stop_requested"] == "the file STOP"
    assert status(run)["progress"]["points_total"] == 4
    again = jobs.submit("requeue.slurm", deck, options=["--ntasks=1"], env={"OUTPUT": str(run)})
    assert jobs.end(again, 400) == ("COMPLETED", 0)
    assert status(run)["state"] == "finished"


def test_chain_of_run_and_report(jobs, deck):
    run_job, report, folder = jobs.several("chain.sh", "--ntasks=1", deck)
    assert jobs.end(report, 300) == ("COMPLETED", 0)
    assert "PASS" in (folder / "report/report.html").read_text()


def test_failing_run_keeps_the_report_away(jobs):
    run_job, report, folder = jobs.several("chain.sh", jobs.stand_in(code=80), env=DOUBLE)
    assert jobs.end(report)[0] == "CANCELLED"
    assert jobs.end(run_job) == ("FAILED", 80)
    assert status(folder)["state"] == "failed" and not (folder / "report").exists()


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_nodes(jobs, deck, launcher, tmp_path):
    """Each rank writes down the node it is on, then becomes fathom."""
    witness = tmp_path / "witness.sh"
    witness.write_text(f'#!/bin/bash\necho "$SLURMD_NODENAME" >>"{tmp_path}/nodes"\nexec "{BINARY}" "$@"\n')
    witness.chmod(0o755)
    job = jobs.submit("nodes.slurm", deck, env={"FATHOM_LAUNCH": LAUNCHERS[launcher], "FATHOM_BINARY": str(witness)})
    assert jobs.end(job) == ("COMPLETED", 0)
    run = tmp_path / f"output/job-{job}"
    assert sorted((tmp_path / "nodes").read_text().split()) == ["n1", "n2"]
    assert status(run)["ranks"] == 2 and "2 ranks" in (run / "fathom.log").read_text()
    assert_same_spectrum(eigenvalues(run), eigenvalues(run_here(deck, tmp_path / "here")))


def test_time_limit_stops_a_run_and_it_goes_on(at_the_limit):
    """No signal from the tests: Slurm's own, at --signal=B:USR1@60 of two minutes."""
    jobs, job = at_the_limit
    run = jobs.folder / f"output/job-{job}"
    soon(lambda: len(starts(run)) == 2, "the second start", 150)
    assert jobs.end(job) == ("COMPLETED", 0)
    assert jobs.cluster.job(job)["Restarts"] == "1" and jobs.output(job).count("SIGUSR1") == 1
    assert starts(run)[1].startswith("resume")
