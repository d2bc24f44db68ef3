"""The job scripts as text: bash reads them, shellcheck finds nothing, usage errors speak, and status.json is read right."""
import json
import os
import shutil
import subprocess

import pytest

from conftest import SCRIPTS

FILES = sorted(path for path in SCRIPTS.iterdir() if path.suffix in (".slurm", ".sh", ".profile"))
SUBMITTED = [path for path in FILES if path.suffix == ".slurm"]


def bash(text, **environment):
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=30,
                          env={"PATH": os.environ["PATH"], "FATHOM": str(SCRIPTS.parent), **environment})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bash_reads_it(path):
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(path):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", "-x", path], cwd=SCRIPTS.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SUBMITTED, ids=lambda path: path.name)
def test_without_arguments_says_how_it_is_used(path):
    done = bash(f"bash {path}")
    assert done.returncode != 0 and "usage: sbatch" in done.stderr


@pytest.mark.parametrize("path", SUBMITTED, ids=lambda path: path.name)
def test_elsewhere_says_what_to_set(path, tmp_path):
    done = subprocess.run(["bash", path, "deck.toml"], capture_output=True, text=True, cwd=tmp_path,
                          env={"PATH": os.environ["PATH"], "SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_ARRAY_TASK_ID": "1"})
    assert done.returncode == 64 and str(tmp_path) in done.stderr


@pytest.mark.parametrize("name", ["array.sh", "chain.sh"])
def test_submitters_without_a_deck(name):
    done = bash(f"{SCRIPTS / name} --ntasks=2")
    assert done.returncode == 64 and "usage" in done.stderr


@pytest.mark.parametrize("launch", ["srun --mpi=pmix", "mpirun"])
def test_site_profile_leaves_what_is_set(launch):
    assert bash(f"source {SCRIPTS}/site.profile; echo $FATHOM_LAUNCH").stdout == "srun --mpi=pmix\n"
    assert bash(f"source {SCRIPTS}/site.profile; echo $FATHOM_LAUNCH", FATHOM_LAUNCH=launch).stdout == launch + "\n"


def read(run, function):
    return bash(f'source {SCRIPTS}/launch.sh; {function}', RUN=str(run), FATHOM_BINARY="true").stdout.strip()


def test_status_is_read_as_json_reads_it(tmp_path):
    for last in ({}, {"files": []}):
        (tmp_path / "status.json").write_text(json.dumps({"phase": "state", "state": "checkpointed", "exit_code": 75, **last}, indent=2))
        assert read(tmp_path, 'field "$RUN" state') == "checkpointed"
        assert read(tmp_path, 'field "$RUN" exit_code') == "75"
    assert read(tmp_path / "none", 'field "$RUN" state') == ""


def test_words_inside_a_message_are_not_mistaken_for_the_state(tmp_path):
    message = 'the file says\n  "state": "finished",\nand more'
    (tmp_path / "status.json").write_text(json.dumps({"message": message, "progress": {"state": "x"}, "state": "failed"}, indent=2))
    assert read(tmp_path, 'field "$RUN" state') == "failed"


def said(run, function, **environment):
    """Whether a function of launch.sh holds."""
    return bash(f'source {SCRIPTS}/launch.sh; {function} && echo yes', RUN=str(run), FATHOM_BINARY="true", **environment).stdout == "yes\n"


def write_status(run, **values):
    (run / "status.json").write_text(json.dumps(dict(state="running", exit_code=0, stop_requested="", message="", jobs="", files=[]) | values, indent=2))


def test_what_can_be_gone_on_with(tmp_path):
    assert not said(tmp_path, 'can_go_on "$RUN"')
    for name in ("deck.toml", "deck.resolved.toml"):
        assert not said(tmp_path, 'can_go_on "$RUN"')
        (tmp_path / name).touch()
    assert said(tmp_path, 'can_go_on "$RUN"')  # killed before its first status, and nothing kept
    for state, can in (("running", True), ("checkpointed", True), ("failed", True), ("finished", False)):
        write_status(tmp_path, state=state)
        assert said(tmp_path, 'can_go_on "$RUN"') == can, state


@pytest.mark.parametrize("jobs", ["17", "3 17", "17 3"])
def test_a_run_of_another_job_is_not_taken_for_ones_own(tmp_path, jobs):
    write_status(tmp_path, state="finished", jobs=jobs)
    assert said(tmp_path, 'of_this_job "$RUN"', SLURM_JOB_ID="17", SLURM_RESTART_COUNT="1")
    assert not said(tmp_path, 'of_this_job "$RUN"', SLURM_JOB_ID="7", SLURM_RESTART_COUNT="1")
    assert not said(tmp_path, 'of_this_job "$RUN"', SLURM_JOB_ID="17")


@pytest.mark.parametrize("words, value", [
    ("--set run.overwrite=true", "true"), ("--set=run.overwrite=true", "true"), ("--set 'run.overwrite = true'", "true"), ("--set 'run.\"overwrite\"=true'", "true"),
    ("--set run.overwrite=true --set run.overwrite=false", "false"), ("--set 'title=run.overwrite=true'", None),
    ("--set run.overwrite_=true", None), ("run.overwrite=true", None), ("", None)])
def test_words_are_read_as_fathom_reads_them(words, value):
    done = bash(f"source {SCRIPTS}/launch.sh; set_of run.overwrite {words} || echo none", FATHOM_BINARY="true")
    assert done.stdout == f"{value or 'none'}\n", done.stderr


FATHOM_DOUBLE = """#!/bin/bash
echo "$*" >>"$LOG"
[ -z "$MEANWHILE" ] || cp "$MEANWHILE" "$RUN/status.json"
exit "${CODE:-0}"
"""


def job_of(tmp_path, *words, job="17", restart="0", meanwhile="", **environment):
    """run_or_resume of a folder with a fathom that notes its words."""
    (tmp_path / "double").write_text(FATHOM_DOUBLE)
    (tmp_path / "double").chmod(0o755)
    (tmp_path / "log").write_text("")
    done = bash(f'source {SCRIPTS}/launch.sh; run_or_resume "$RUN" my.toml ' + " ".join(words), RUN=str(tmp_path / "run"),
                FATHOM_BINARY=str(tmp_path / "double"), FATHOM_LAUNCH="env", LOG=str(tmp_path / "log"), MEANWHILE=str(meanwhile),
                SLURM_JOB_ID=job, SLURM_RESTART_COUNT=restart, SLURM_JOB_NODELIST="n1", **environment)
    return done, (tmp_path / "log").read_text().strip()


@pytest.fixture
def unfinished(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("deck.toml", "deck.resolved.toml"):
        (run / name).touch()
    write_status(run, state="checkpointed", jobs="5")
    return run


def test_another_job_gives_its_deck_and_a_later_start_does_not(tmp_path, unfinished):
    words = ["--point 2", "--set a.b=1", "--set run.checkpoint_folder=kept"]
    assert job_of(tmp_path, *words)[1] == f"resume {unfinished} --deck my.toml " + " ".join(words)
    assert job_of(tmp_path, *words, job="5", restart="1")[1] == f"resume {unfinished} --set a.b=1"
    joined = ["--point=2", "--set=a.b=1", "--set=run.checkpoint_folder=kept"]
    assert job_of(tmp_path, *joined, job="5", restart="1")[1] == f"resume {unfinished} --set=a.b=1"


def test_only_the_first_start_of_a_job_throws_away(tmp_path, unfinished):
    anew = "--set run.overwrite=true"
    assert job_of(tmp_path, anew)[1].startswith("run my.toml --set run.output=")
    assert job_of(tmp_path, anew, job="5", restart="1")[1] == f"resume {unfinished} {anew}"
    write_status(unfinished, state="finished", jobs="5 6")  # by another job meanwhile
    done, asked = job_of(tmp_path, anew, job="5", restart="1")
    assert (done.returncode, asked) == (0, "") and "finished already" in done.stdout


@pytest.mark.parametrize("state", ["finished", "checkpointed", "running"])
def test_what_another_job_does_meanwhile_is_not_ones_own(tmp_path, unfinished, state):
    other = tmp_path / "other"
    other.mkdir()
    write_status(other, state=state, jobs="5 6")
    done, _ = job_of(tmp_path, meanwhile=other / "status.json", CODE="73")
    assert done.returncode == 73 and "queued again" not in done.stdout and "finished" not in done.stdout
    write_status(other, state=state, jobs="5 17")
    assert job_of(tmp_path, meanwhile=other / "status.json", CODE="73")[0].returncode == dict(finished=0, checkpointed=75, running=73)[state]


@pytest.mark.parametrize("state, code, again", [("running", 138, True), ("untouched", 0, True), ("untouched", 1, True),
                                                ("running", 137, False), ("running", 9, False), ("untouched", 137, False),
                                                ("untouched", 64, False), ("untouched", 71, False), ("running", 1, False)])
def test_what_the_signal_itself_ended(tmp_path, state, code, again):
    assert said(tmp_path, f"ended_by_the_signal {state} {code}") == again


@pytest.mark.parametrize("reason, after, again", [
    ("SIGUSR1", "go on with: fathom resume", True), ("SIGUSR1", "nothing was kept, run.checkpoint is \"off\"; begin once more", False), ("the file STOP", "go on with: fathom resume", False),
    ("the end of Slurm job 8: 599 s left, the solve needs 13184 s", "go on with: fathom resume", False),
    ("the end of Slurm job 8: 599 s left, the solve needs 3500 s", "go on with: fathom resume", False),
    ("the end of Slurm job 8: 599 s left, the solve needs 700 s", "go on with: fathom resume", True)])
def test_what_is_queued_again(tmp_path, reason, after, again):
    write_status(tmp_path, state="checkpointed", stop_requested=reason, message=f"stopped by {reason}; {after}")
    (tmp_path / "scontrol").write_text('#!/bin/sh\necho "asked: $*"\n')
    (tmp_path / "scontrol").chmod(0o755)
    done = bash(f'source {SCRIPTS}/launch.sh; PATH=$RUN:$PATH; end_stopped "$RUN"', RUN=str(tmp_path), FATHOM_BINARY="true",
                FATHOM_RESTARTS="3", SLURM_JOB_ID="8", SLURM_JOB_START_TIME="1000", SLURM_JOB_END_TIME="4600")
    assert done.returncode == 75
    assert ("asked: requeue 8" in done.stdout) == again and ("not queued again" in done.stdout) != again, done.stdout


def test_a_run_folder_of_any_name_is_a_string_of_the_deck(tmp_path):
    name = """it's "C:\\here\""""
    assert bash(f'source {SCRIPTS}/launch.sh; toml "$NAME"', NAME=name, FATHOM_BINARY="true").stdout == json.dumps(name)


def test_without_a_program_the_job_says_so(tmp_path):
    done = bash(f"source {SCRIPTS}/launch.sh", FATHOM_BINARY=str(tmp_path / "none"))
    assert done.returncode == 64 and "build fathom first" in done.stderr


@pytest.mark.parametrize("script", ["array.sh", "chain.sh"])
def test_the_report_goes_where_the_run_goes(tmp_path, script):
    """An sbatch that takes the first job and refuses the second."""
    (tmp_path / "sbatch").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n'
                                     f'[ $(wc -l <{tmp_path}/asked) = 1 ] && echo 4711\n')
    (tmp_path / "fathom").write_text("#!/bin/sh\necho 3\n")
    for name in ("sbatch", "fathom"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "deck.toml").touch()
    done = subprocess.run([SCRIPTS / script, "--account=mine", "--ntasks=4", tmp_path / "deck.toml"], capture_output=True, text=True,
                          cwd=tmp_path, env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "FATHOM_BINARY": str(tmp_path / "fathom")})
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert "--account=mine" in first and "--account=mine" in second
    assert "--ntasks=4" in first and "--ntasks" not in second
    assert done.returncode == 1 and "4711" in done.stderr and "sbatch jobscripts/report.slurm" in done.stderr
