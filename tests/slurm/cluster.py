"""A private Slurm of two nodes on this machine: munged, slurmctld and one slurmd a node, as the user who runs the tests.

Nothing is read from or written to /etc or /var: everything lives in one short folder under /tmp (a socket's path holds
108 characters), which goes away with the cluster. Every process is a child of the tests and is stopped by its pid.
"""
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "sinfo")
SEARCH = os.environ["PATH"] + ":/usr/sbin:/sbin:/usr/local/sbin"  # daemons are off a user's path
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "DEADLINE"}
START_SECONDS = 30
STOP_SECONDS = 20


class ClusterError(RuntimeError):
    """The cluster or a job did not do what was waited for; the text holds the end of the logs."""


def missing_programs():
    return [name for name in PROGRAMS if not shutil.which(name, path=SEARCH)]


def user_name():
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.geteuid())


def end_with_the_tests():
    """In a new daemon: SIGTERM when the tests are gone, be it by a time limit's SIGKILL."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def free_ports(count):
    """Ports nobody listens on now, found by binding all of them at once."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(true, seconds, what, poll=0.1):
    end = time.monotonic() + seconds
    while not (answer := true()):
        if time.monotonic() > end:
            raise ClusterError(f"{what}: not within {seconds} s")
        time.sleep(poll)
    return answer


CONF = """\
ClusterName=ci
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
MailProg=/bin/true
TmpFS={folder}/tmp.%n
PlugStackConfig={folder}/plugstack.conf
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,sched_min_interval=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
JobRequeue=1
KillWait=2
MinJobAge=3600
SlurmdParameters=config_overrides
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


class Cluster:
    """with Cluster() as cluster: …   nodes n1, n2, … of `cpus` processors each, whatever the machine has."""

    def __init__(self, nodes=2, cpus=4, memory=4096):
        self.nodes = [f"n{i + 1}" for i in range(nodes)]
        self.cpus, self.memory = cpus, memory
        self.processes = {}  # name → Popen, in the order of their start

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fs-", dir="/tmp"))
        self.folder.chmod(0o711)  # munged wants a socket that all could reach
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "SRUN_"))}
        self.environment.update(PATH=SEARCH, SLURM_CONF=str(self.folder / "slurm.conf"), LC_ALL="C")
        try:
            self._configure()
            self._start()
        except BaseException:
            self._stop()
            print(self.log_ends())
            raise
        return self

    def __exit__(self, kind, error, trace):
        self._stop()
        if error is not None:
            print(self.log_ends())
        self.remove()
        return False

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self):
        controller, *ports = free_ports(1 + len(self.nodes))
        host = socket.gethostname().split(".")[0]
        lines = [f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} "
                 f"RealMemory={self.memory} State=UNKNOWN" for node, port in zip(self.nodes, ports)]
        (self.folder / "slurm.conf").write_text(CONF.format(
            host=host, controller=controller, user=user_name(), folder=self.folder, nodes="\n".join(lines)))
        (self.folder / "plugstack.conf").write_text("")
        for name in ["state", *(f"tmp.{node}" for node in self.nodes)]:  # two PMIx servers must not share a TmpFS
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o400)
        key.chmod(0o600)
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)

    def _start(self):
        d = self.folder
        self._spawn("munged", "--foreground", "--force", f"--socket={d}/munge.sock", f"--key-file={d}/munge.key",
                    f"--seed-file={d}/munge.seed", f"--pid-file={d}/munge.pid", f"--log-file={d}/munged.log")
        wait_until((d / "munge.sock").exists, START_SECONDS, "munged's socket")
        self._spawn("slurmctld", "-D", "-i", "-f", d / "slurm.conf")
        wait_until(lambda: "is UP" in self.call("scontrol", "ping", check=False), START_SECONDS, "slurmctld")
        for node in self.nodes:
            self._spawn("slurmd", "-D", "-N", node, "-f", d / "slurm.conf", name=f"slurmd.{node}")
        wait_until(lambda: len(self.call("sinfo", "-h", "-N", "-t", "idle", check=False).splitlines()) == len(self.nodes),
                   START_SECONDS, "idle nodes")

    def _spawn(self, program, *arguments, name=None):
        name = name or program
        with open(self.folder / f"{name}.out", "w") as out:
            self.processes[name] = subprocess.Popen([program, *map(str, arguments)], env=self.environment, stdout=out,
                                                    stderr=out, stdin=subprocess.DEVNULL, cwd=self.folder,
                                                    preexec_fn=end_with_the_tests)

    def _stop(self):
        if "slurmctld" in self.processes:
            user = user_name()
            self.call("scancel", "--user", user, check=False)
            try:
                wait_until(lambda: not self.call("squeue", "-h", check=False).strip(), STOP_SECONDS, "end of all jobs")
            except ClusterError:
                self.call("scancel", "--signal=KILL", "--user", user, check=False)
        for name in [n for n in self.processes if n.startswith("slurmd")]:
            self._end(name)
        for pid in self._left_over_steps():
            os.kill(pid, signal.SIGKILL)
        for name in ("slurmctld", "munged"):
            self._end(name)

    def _end(self, name):
        process = self.processes.pop(name, None)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _left_over_steps(self):
        """slurmstepd outlives its slurmd; ours are those whose environment names our slurm.conf or spool."""
        mark = str(self.folder).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes()
                if words.startswith(b"slurmstepd") and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue  # gone, or another user's
        return found

    def log_ends(self, lines=30):
        text = []
        for path in sorted(self.folder.glob("*.out")) + sorted(self.folder.glob("*.log")):
            text.append(f"== {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:]))
        return "\n".join(text)

    def call(self, *command, check=True, env=(), cwd=None):
        """Standard output of a Slurm command in this cluster."""
        done = subprocess.run([str(word) for word in command], env=dict(self.environment, **dict(env)), cwd=cwd,
                              capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise ClusterError(f"{' '.join(map(str, command))}: code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def job(self, job):
        """Fields of `scontrol show job`, of one job or array task ("12" or "12_3"); empty where there is none."""
        text = self.call("scontrol", "-o", "show", "job", job, check=False)
        return dict(re.findall(r"(\w+(?:[:/]\w+)*)=(\S*)", text.splitlines()[0])) if text.strip() else {}

    def state(self, job):
        return self.job(job).get("JobState", "")

    def wait_for(self, job, states, seconds=60):
        """The job's fields once it is in one of these states; ClusterError where it ended in another or did not get there."""
        def there():
            fields = self.job(job)
            now = fields.get("JobState", "")
            if now in states:
                return fields
            if now in ENDED:
                raise ClusterError(f"job {job} is {now}, not {' or '.join(states)}: {fields}")
            return None
        return wait_until(there, seconds, f"job {job} to be {' or '.join(states)} (now {self.state(job)})")

    def wait_end(self, job, seconds=60):
        return self.wait_for(job, ENDED, seconds)
