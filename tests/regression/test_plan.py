"""The command plan beside the run: the same numbers, refusal, scripts."""
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from conftest import BINARY, ENVIRONMENT, MPIEXEC, ROOT, deck_of

sys.path.insert(0, str(ROOT / "tests" / "campaign"))
from plan_campaign import table  # noqa: E402


def plan(path, *arguments, environment=()):
    return subprocess.run([BINARY, "plan", str(path), *map(str, arguments)], env=dict(ENVIRONMENT, **dict(environment)),
                          capture_output=True, text=True, timeout=60, cwd=ROOT)


def kernel(n=400, **solver):
    return deck_of(study=dict(kind="spectrum"), data=dict(source="sphere", n=n, dim=20),
                   kernel=dict(type="nngp", activation="relu"), solver=dict(dict(tail="gram"), **solver))


def phases(text):
    """Name and seconds of the planned phases."""
    lines = [line.split("] ", 1)[-1] if line.startswith("[") else line for line in text.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.split()[:3] == ["phase", "GFLOP", "seconds"])
    end = next(i for i in range(start, len(lines)) if lines[i].startswith("  time "))
    return lines[start:end]


DECKS = {
    "values": kernel(),
    "vectors": kernel(eigenvectors=True),
    "auto": deck_of(study=dict(kind="random_features"), data=dict(source="power_law", alpha=2.0, dim=300),
                    kernel=dict(type="random_features", activation="linear", features=150)),
    "density": deck_of(study=dict(kind="density", probes=2, steps=5), data=dict(source="sphere", n=300, dim=10),
                       kernel=dict(type="random_features", activation="relu", features=100)),
    "network": deck_of(study=dict(kind="spectral_reach", samples=60, snapshots=1),
                       data=dict(source="power_law", alpha=1.5, n=60, dim=10),
                       kernel=dict(type="network", activation="relu", width=8),
                       training=dict(learning_rate=0.01, steps=10)),
}


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("name", DECKS)
def test_plan_and_run_print_the_same_numbers(run, tmp_path, name, ranks):
    result = run(DECKS[name], ranks)
    assert result.code == 0, result.err
    planned = plan(tmp_path / "deck.toml", "-n", ranks)
    assert planned.returncode == 0, planned.stderr
    assert table(planned.stdout) == table(result.out)
    assert phases(planned.stdout) == phases(result.out)
    # What the file says was foreseen is a column of that table.
    with result.file() as file:
        foreseen = file["memory"].attrs["predicted_peak_bytes"] / 2**20
    sums = [float(x) for x in table(planned.stdout)[-1].split("program")[1].split()]
    assert min(abs(foreseen - x) for x in sums) < 0.06


def test_a_wrong_item_is_seen_by_the_comparison(run, tmp_path):
    result = run(DECKS["values"], 2)
    planned = plan(tmp_path / "deck.toml", "-n", 2, "--set", "solver.backend='scalapack'")
    assert table(planned.stdout) != table(result.out)


def test_a_hundred_thousand_is_refused_at_once(tmp_path):
    path = tmp_path / "deck.toml"
    path.write_text(kernel(100000))
    start = time.perf_counter()
    result = plan(path, "--memory", "24GiB", "--cores", 2)
    assert time.perf_counter() - start < 10  # a second on a quiet machine
    assert result.returncode == 71
    assert "nodes of 24.00 GiB would hold it" in result.stderr
    nodes = int(result.stderr.split(" nodes of 24.00 GiB")[0].split()[-1])
    assert plan(path, "--memory", "24GiB", "--cores", 2, "--nodes", nodes).returncode == 0
    assert plan(path, "--memory", "24GiB", "--cores", 2, "--nodes", nodes - 1).returncode == 71


def test_a_run_that_does_not_fit_is_refused_before_anything_is_made(run):
    result = run(kernel(4000), 2, environment={"SLURM_MEM_PER_NODE": "130"})
    assert result.code == 71
    assert len(result.messages) == 1 and "SLURM_MEM_PER_NODE" in result.messages[0]
    assert "assembly" not in [json.loads((result.folder / "status.json").read_text()).get("phase")]


def test_a_script_asks_for_what_was_planned(tmp_path):
    path = tmp_path / "my deck.toml"
    path.write_text(kernel())
    result = plan(path, "-n", 4, "--nodes", 2, "--memory", "2GiB", "--sbatch", "--set", "data.n=500")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "#!/bin/bash"
    for option in ["--nodes=2", "--ntasks=4", "--ntasks-per-node=2", "--time=00:10:00"]:
        assert f"#SBATCH {option}" in lines
    # The plan's peak with what may come, and a fifth more; not all of the node.
    asked = int(next(line for line in lines if "--mem=" in line).split("=")[1].rstrip("M"))
    table_of_two = plan(path, "-n", 4, "--nodes", 2, "--memory", "2GiB", "--set", "data.n=500").stdout
    sums = [float(x) for x in table(table_of_two)[-1].split("program")[1].split()]
    assert 2 * max(sums) < asked < 2048
    assert subprocess.run(["bash", "-n"], input=result.stdout, text=True).returncode == 0


def test_the_run_folder_of_a_script_is_what_was_set(tmp_path):
    path = tmp_path / "deck.toml"
    path.write_text(kernel())
    script = plan(path, "-n", 1, "--sbatch", "--set", "run.output='a `b$c'").stdout
    assert "--set" not in script and '"${OUTPUT:-a \\`b\\$c}"' in script
    shown = subprocess.run(["bash", "-c", "run_or_resume() { echo \"$1\"; }; source() { :; };" + script], capture_output=True, text=True)
    assert shown.stdout == "a `b$c\n", shown.stderr


@pytest.mark.parametrize("n, cores", [(100000, 64), (200000, 64), (150000, 24), (300000, 48)])
def test_the_nodes_that_a_refusal_names_hold_it(tmp_path, n, cores):
    path = tmp_path / "deck.toml"
    path.write_text(kernel(n))
    refused = plan(path, "--memory", "8GiB", "--cores", cores, "--nodes", 1)
    assert refused.returncode == 71
    nodes = refused.stderr.split(" nodes of 8.00 GiB")[0].split()[-1]
    assert plan(path, "--memory", "8GiB", "--cores", cores, "--nodes", nodes).returncode == 0


def test_a_grid_of_the_deck_is_planned_on_its_ranks(run, tmp_path):
    path = tmp_path / "deck.toml"
    path.write_text(kernel(grid=[2, 1]))
    assert plan(path, "-n", 2).returncode == 0
    assert plan(path).returncode == 0
    assert plan(path, "-n", 1).returncode == 65
    assert plan(path, "--set", "data.n=100000", "--memory", "24GiB", "--cores", 2).returncode == 71
    assert run(kernel(100000, grid=[2, 1]), 2, environment={"SLURM_MEM_PER_NODE": "20000"}).code == 71


def test_a_wide_network_is_planned_without_holding_its_parameters(tmp_path):
    """Two hidden layers of 8000: 512 MB of parameters."""
    path = tmp_path / "deck.toml"
    path.write_text(DECKS["network"].replace("width = 8", "width = 8000\ndepth = 2"))
    process = subprocess.Popen([BINARY, "plan", str(path), "-n", "1"], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, code, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(code) == 0
    assert usage.ru_maxrss < 250_000  # KiB


def test_no_memory_for_a_plan_is_said(tmp_path):
    path = tmp_path / "deck.toml"
    path.write_text(DECKS["network"].replace("width = 8", "width = 900000\ndepth = 3"))
    done = subprocess.run(["bash", "-c", f"ulimit -v 2000000; exec '{BINARY}' plan '{path}' -n 1"], env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 71 and "out of memory" in done.stderr


def test_data_of_a_file_are_counted_while_they_are_read(run, tmp_path):
    np.save(tmp_path / "data.npy", np.random.default_rng(1).standard_normal((3000, 1200)))
    deck = deck_of(study=dict(kind="spectrum"), kernel=dict(type="features_file", file=str(tmp_path / "data.npy"), side="covariance"),
                   solver=dict(tail="gram"))
    result = run(deck, 2)
    assert result.code == 0, result.err
    with result.file() as file:
        memory = dict(file["memory"].attrs)
    assert 0.7 < memory["predicted_peak_bytes"] / memory["measured_peak_bytes"] < 1.3


def test_a_past_run_scales_the_times(run, tmp_path):
    result = run(kernel(500), 1)
    scaled = plan(tmp_path / "deck.toml", "-n", 1, "--from", result.folder)
    assert scaled.returncode == 0, scaled.stderr
    assert f"the rates of {result.folder / 'run.h5'}" in scaled.stdout
    nothing = plan(tmp_path / "deck.toml", "--from", tmp_path / "deck.toml")
    assert nothing.returncode == 66 and "no run file" in nothing.stderr


def test_a_broken_calibration_is_told(run, tmp_path):
    (tmp_path / "fathom").mkdir()
    (tmp_path / "fathom" / "calibration.json").write_text("{}")
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    result = run(kernel(200), 1, environment=environment)
    assert result.code == 0 and "is no calibration" in result.out
    assert plan(tmp_path / "deck.toml", environment=environment).returncode == 66


def calibration(path, slower=1.0):
    """A small calibration by the command, its solves made slower."""
    done = subprocess.run([MPIEXEC, "--oversubscribe", "-n", "2", BINARY, "calibrate", "--calibration", path, "--small", "200",
                           "--large", "400", "--folder", path.parent], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rates = json.loads(path.read_text())
    for solver in rates["solvers"]:
        solver["seconds"] = [slower * s for s in solver["seconds"]]
    path.write_text(json.dumps(rates))


def test_a_calibration_that_cannot_be_kept_is_told_before_it_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "calibration.json", tmp_path):
        done = subprocess.run([MPIEXEC, "--oversubscribe", "-n", "2", BINARY, "calibrate", "--calibration", path], env=ENVIRONMENT,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 74 and str(path.parent) in done.stderr, done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize("slower, code", [(1, 0), (1e6, 75)])
def test_a_solve_that_the_calibration_says_is_too_long_is_not_entered(run, tmp_path, slower, code):
    path = tmp_path / "fathom" / "calibration.json"
    path.parent.mkdir()
    calibration(path, slower)
    result = run(kernel(200), 2, sets=["run.wall_limit=60s"], environment={"XDG_CONFIG_HOME": str(tmp_path)})
    assert result.code == code, result.err
    assert str(path) in result.out
    if code:
        assert "the solve needs" in result.messages[0]


def test_wrong_numbers_are_usage():
    for arguments in [["-n", "0"], ["--nodes", "-1"], ["--memory", "much"], ["--memory", "64"], ["--memory", "0"], ["--memory", "-1G"]]:
        assert plan(ROOT / "inputs" / "quickstart.toml", *arguments).returncode == 64
