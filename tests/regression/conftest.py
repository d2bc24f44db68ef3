"""Runs of the fathom command as a user makes them: a deck, mpirun, an exit code, a run file."""
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

BINARY = os.environ["FATHOM_BINARY"]
MPIEXEC = os.environ.get("FATHOM_MPIEXEC", "mpiexec")
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = dict(
    os.environ,
    OMPI_ALLOW_RUN_AS_ROOT="1",
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    OMPI_MCA_rmaps_base_oversubscribe="1",
    OMPI_MCA_hwloc_base_binding_policy="none",
    OMPI_MCA_btl_vader_single_copy_mechanism="none",
    OPENBLAS_NUM_THREADS="1",
    XDG_CONFIG_HOME=str(ROOT / "tests" / "no-such-folder"),  # no calibration of the user's
)


@dataclass
class Result:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def messages(self):
        """Error messages of fathom itself, without mpirun's."""
        return [line for line in self.err.splitlines() if line.startswith("fathom: ")]

    def file(self):
        return h5py.File(self.folder / "run.h5")

    def spectrum(self, point=""):
        with self.file() as file:
            group = file[point + "/spectrum"]
            return {name: group[name][...] for name in group} | dict(group.attrs)


@pytest.fixture
def run(tmp_path):
    """run(deck_text, ranks=2, *, sets=(), fault=None, timeout=120) → Result"""

    def go(deck, ranks=2, *, folder="out", **more):
        path = tmp_path / "deck.toml"
        path.write_text(deck)
        return run_path(path, tmp_path / folder, ranks, **more)

    return go


def run_path(path, folder, ranks=2, *, sets=(), fault=None, timeout=300, environment=(), before=(), arguments=()):
    """before: what each rank is started by, such as env with settings that mpirun itself shall not see."""
    command = [MPIEXEC, "--oversubscribe", "-n", str(ranks), *before, BINARY, "run", str(path), *arguments,
               "--set", f"run.output='{folder}'"]
    for item in sets:
        command += ["--set", item]
    settings = dict(ENVIRONMENT, **dict(environment))
    if fault:
        settings["FATHOM_FAULT"] = fault
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=timeout, cwd=ROOT)
    return Result(done.returncode, done.stdout, done.stderr, Path(folder))


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """once(deck, ranks) → Result that ended with this code; the same deck on as many ranks runs a single time."""
    done = {}

    def go(deck, ranks=2, code=0):
        if (deck, ranks) not in done:
            folder = tmp_path_factory.mktemp("once")
            (folder / "deck.toml").write_text(deck)
            done[deck, ranks] = run_path(folder / "deck.toml", folder / "out", ranks)
            assert done[deck, ranks].code == code, done[deck, ranks].err
        return done[deck, ranks]

    return go


def deck_of(**sections):
    """TOML of nested keyword arguments: deck_of(study=dict(kind="spectrum"), …)."""

    def value(x):
        if isinstance(x, bool):
            return "true" if x else "false"
        if isinstance(x, (str, Path)):
            return "'" + str(x) + "'"
        if isinstance(x, (list, tuple)):
            return "[" + ", ".join(map(value, x)) + "]"
        return repr(x)

    lines = ["schema = 1"]
    for name, keys in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key.replace('__', '.')} = {value(x)}" for key, x in keys.items()]
    return "\n".join(lines) + "\n"


def population_deck(d, v, alpha=1.5, degree=1, kind="random_features", **more):
    sections = dict(
        study=dict(kind=kind),
        data=dict(source="power_law", alpha=alpha, dim=v),
        kernel=dict(type="random_features", expectation="population", activation="monomial", degree=degree, features=d),
    )
    for name, keys in more.items():
        sections.setdefault(name, {}).update(keys)
    return deck_of(**sections)


def slope(eigenvalue, low, high):
    """Minus the slope of ln(eigenvalue) on ln(mode), every decade counting alike: an independent fit."""
    j = np.arange(low, high + 1)
    return -np.polyfit(np.log(j), np.log(eigenvalue[low - 1:high]), 1, w=np.sqrt(1 / j))[0]
