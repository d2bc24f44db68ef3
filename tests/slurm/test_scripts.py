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
    return bash(f'source {SCRIPTS}/launch.sh; {function}', RUN=str(run)).stdout.strip()


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


def test_checkpoint_is_found_where_the_deck_puts_it(tmp_path):
    def found():
        return read(tmp_path, 'has_checkpoint "$RUN" && echo yes')

    assert found() == ""
    (tmp_path / "checkpoint").mkdir()
    assert found() == ""
    (tmp_path / "checkpoint/record").touch()
    assert found() == "yes"
    elsewhere = tmp_path / "else where"
    (tmp_path / "deck.resolved.toml").write_text(f'[run]\ncheckpoint_folder = "{elsewhere}"\n')
    assert found() == ""
    elsewhere.mkdir()
    (elsewhere / "record").touch()
    assert found() == "yes"
