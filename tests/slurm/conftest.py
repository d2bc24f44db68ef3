"""Jobs on a private Slurm: how tests submit the job scripts and look at what came of them."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import Cluster, missing_programs, wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "jobscripts"
BINARY = Path(os.environ.get("FATHOM_BINARY", ROOT / "build/release/bin/fathom"))
STAND_IN = Path(__file__).with_name("stand_in.py")
LAUNCHERS = {"srun": "srun --mpi=pmix", "mpirun": "mpirun"}


@pytest.fixture(scope="session")
def cluster():
    missing = missing_programs()
    if missing:
        pytest.skip("Slurm is not installed: no " + ", ".join(missing))
    with Cluster() as running:
        yield running


class Jobs:
    """Submits job scripts from one folder, with the environment a user of this cluster would have."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder = cluster, folder
        profile = folder / "site.profile"
        profile.write_text("export FATHOM_LAUNCH=${FATHOM_LAUNCH:-srun --mpi=pmix}\n"
                           "export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo\n"
                           "export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_oversubscribe=1\n"
                           "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n")
        self.environment = {"FATHOM": str(ROOT), "FATHOM_BINARY": str(BINARY), "FATHOM_PROFILE": str(profile),
                            "FATHOM_PYTHON": sys.executable, "SBATCH_TIMELIMIT": "10"}
        self.submitted = []

    def call(self, *words, env=(), cwd=None):
        return self.cluster.call(*words, env=dict(self.environment, **dict(env)), cwd=cwd or self.folder)

    def submit(self, script, *arguments, options=(), env=(), cwd=None):
        """Number of the job."""
        job = self.call("sbatch", "--parsable", f"--output={self.folder}/%x-%A_%a.out" if "--array" in str(options)
                        else f"--output={self.folder}/job-%j.out", *options, SCRIPTS / script, *arguments, env=env, cwd=cwd).strip()
        self.submitted.append(job)
        return job

    def several(self, script, *arguments, env=()):
        """(first job, second job, folder) of array.sh or chain.sh."""
        said = self.call(SCRIPTS / script, *arguments, env=env)
        first, second, folder = re.fullmatch(r"\w+ (\d+).*, report (\d+), in (.*)", said.strip()).groups()
        self.submitted += [first, second]
        return first, second, Path(folder)

    def output(self, job):
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob(f"*-{job}*.out")))

    def end(self, job, seconds=120):
        """(state, exit code) of a job once it has ended."""
        fields = self.cluster.wait_end(job, seconds)
        return fields["JobState"], int(fields["ExitCode"].split(":")[0])

    def stand_in(self, **deck):
        path = self.folder / f"deck{len(list(self.folder.glob('deck*')))}.toml"
        path.write_text(json.dumps(dict(dict(steps=3, pause=0.05), **deck)))
        return path

    def signal(self, job):
        """SIGUSR1 to the batch script alone, as --signal=B:USR1@60 does near the time limit."""
        self.cluster.call("scancel", "--batch", "--signal=USR1", job)

    def cancel(self):
        for job in self.submitted:
            self.cluster.call("scancel", job, check=False)


@pytest.fixture
def jobs(cluster, tmp_path):
    made = Jobs(cluster, tmp_path)
    yield made
    made.cancel()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its jobs printed."""
    report = (yield).get_result()
    if report.when == "call" and report.failed and "jobs" in getattr(item, "funcargs", {}):
        for path in sorted(item.funcargs["jobs"].folder.glob("*.out")):
            report.sections.append((path.name, path.read_text(errors="replace")[-6000:]))


def status(run):
    """status.json; empty before there is one."""
    try:
        return json.loads((Path(run) / "status.json").read_text())
    except FileNotFoundError:
        return {}


def starts(run):
    """How the stand-in was started in this run folder, one word pair a start."""
    path = Path(run) / "starts"
    return path.read_text().splitlines() if path.exists() else []


def fathom_has(command):
    said = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    return re.search(rf"^  {command}\b", said, re.M) is not None


def soon(true, what, seconds=120):
    return wait_until(true, seconds, what, poll=0.05)
