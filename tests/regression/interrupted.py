"""Runs that are stopped or killed and gone on with: how they are started and ended, and what two results have in common."""
import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np

from conftest import BINARY, ENVIRONMENT, MPIEXEC, ROOT, deck_of

PATIENCE = float(os.environ.get("FATHOM_STOP_PATIENCE", 600))  # seconds; a busy machine needs many of them
NETWORK = dict(study=dict(kind="spectral_reach", samples=12, snapshots=1), data=dict(source="power_law", n=12, dim=4, alpha=1.5),
               kernel=dict(type="network", depth=1, activation="tanh"), training=dict(learning_rate=0.01, steps=400),
               run=dict(checkpoint="1s"))
FEATURES = dict(type="random_features", expectation="population", activation="monomial")
SPECTRUM = dict(study=dict(kind="spectrum"), data=dict(source="power_law", alpha=1.5, dim=200),
                solver=dict(eigenvectors=True), run=dict(store_eigenvectors=True))
EAGER = dict(run=dict(checkpoint="0s"))


def with_keys(deck, **sections):
    return {name: {**deck.get(name, {}), **sections.get(name, {})} for name in {**deck, **sections}}


DECKS = {
    "features": deck_of(study=dict(kind="random_features"), data=dict(source="power_law", alpha=1.5, dim=120),
                        kernel=dict(FEATURES, features=50), sweep=dict(kernel__degree=[1, 2], run__seed=[1, 2])),
    "networks": deck_of(**with_keys(NETWORK, sweep=dict(kernel__width=[4, 5, 6]))),
    "adam": deck_of(**with_keys(NETWORK, kernel=dict(width=16), training=dict(optimiser="adam", precision="single", batch=6,
                                                                             learning_rate=0.002, steps=600))),
    "vectors": deck_of(**with_keys(SPECTRUM, kernel=dict(FEATURES, degree=2, features=150))),
    "vectors_sweep": deck_of(**with_keys(SPECTRUM, kernel=dict(FEATURES, degree=2, features=60), sweep=dict(run__seed=[1, 2, 3]))),
    "density": deck_of(study=dict(kind="density", matrix="matrix_free", probes=2, steps=8),
                       data=dict(source="power_law", n=400, dim=40, alpha=1.5),
                       kernel=dict(type="random_features", expectation="empirical", activation="relu", features=50),
                       sweep=dict(run__seed=[1, 2])),
    # Kept at every step and after every chunk.
    "eager_networks": deck_of(**with_keys(NETWORK, **EAGER, training=dict(steps=60), sweep=dict(kernel__width=[4, 5]))),
    "eager_adam": deck_of(**with_keys(NETWORK, **EAGER, kernel=dict(width=8), training=dict(optimiser="adam", batch=6,
                                                                                          learning_rate=0.002, steps=40))),
    "chunks": deck_of(**with_keys(SPECTRUM, **EAGER, kernel=dict(FEATURES, degree=2, features=60, chunk=40))),
    # Ends with 82, and its result stands.
    "diverging": deck_of(**with_keys(NETWORK, kernel=dict(width=8), training=dict(learning_rate=1e3))),
}


def command_of(ranks, words):
    launch = [MPIEXEC, "--oversubscribe", "-n", str(ranks)] if ranks else []
    return [*launch, BINARY, *map(str, words)]


def in_session(leader):
    """Processes that a launcher has started, itself among them; each rank has a process group of its own."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(session) == leader and state != "Z":
                found.append(int(entry.name))
    return found


class Interrupted:
    """A run folder and the runs that work on it, one after another."""

    def __init__(self, tmp_path, deck, name="out"):
        self.tmp, self.folder, self.process = Path(tmp_path), Path(tmp_path) / name, None
        self.deck = self.tmp / f"{name}.toml"
        self.deck.write_text(deck)
        self.read = 0  # of the log, by the runs before

    def start(self, ranks, *words, environment=()):
        """A new run in a new folder, or the next one in the same."""
        first = not self.folder.exists()
        what = ["run", self.deck, "--set", f"run.output='{self.folder}'"] if first else ["resume", self.folder]
        return self.launch(ranks, [*what, *words], environment)

    def launch(self, ranks, words, environment=()):
        self.read = len(self.log(whole=True))
        # Shared memory in files that go with the test: a killed run leaves them.
        settings = dict(ENVIRONMENT, OMPI_MCA_btl_vader_backing_directory=str(self.tmp),
                        OMPI_MCA_orte_tmpdir_base=str(self.tmp), **dict(environment))
        self.out = open(self.tmp / "stdout", "w+")
        self.process = subprocess.Popen(command_of(ranks, words), env=settings, stdout=self.out,
                                        stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)
        return self

    def log(self, whole=False):
        path = self.folder / "fathom.log"
        return path.read_text(errors="replace")[0 if whole else self.read:] if path.exists() else ""

    def status(self):
        return json.loads((self.folder / "status.json").read_text())

    def wait_until(self, holds, what):
        """False where the run ended before."""
        end = time.time() + PATIENCE
        while not holds():
            if self.process.poll() is not None:
                return False
            assert time.time() < end, "never: " + what
            time.sleep(0.002)
        return True

    def kill(self):
        """SIGKILL to every process at once, and nobody is left."""
        end = time.time() + PATIENCE
        while pids := in_session(self.process.pid):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            assert time.time() < end
            self.process.poll()
        self.process.wait()

    def finish(self):
        """Exit code of the run in progress, and all that it said."""
        try:
            code = self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.kill()
        self.out.seek(0)
        return code, self.out.read()

    def run(self, ranks, *words, environment=()):
        return self.start(ranks, *words, environment=environment).finish()


    def end_at(self, ranks, fault, *words, environment=()):
        """One run that a fault (name:rank:stop or kill, @pass) ends before it is done."""
        code, said = self.run(ranks, *words, environment=dict(environment, FATHOM_FAULT=fault))
        assert code == 75 if ":stop" in fault else code not in (0, 75), (code, said)
        assert not (self.folder / "run.h5").exists(), said
        if ":stop" in fault:
            assert self.status()["state"] == "checkpointed", said
        return self

    def check_done(self, result, resumed=r"goes on with the run in .* \(resume \d+\)"):
        code, said = result
        assert code == 0, said
        assert re.search(resumed, self.log()), self.log()
        status = self.status()
        assert (status["state"], status["exit_code"]) == ("finished", 0), status
        assert not (self.folder / "checkpoint").exists()
        assert fathom("verify", self.folder)[0] == 0


def code_of_resume(folder):
    """What fathom resume ends with in the folder of a run that nothing stands in the way of."""
    folder = Path(folder)
    over = (folder / "run.h5").exists() and json.loads((folder / "status.json").read_text())["state"] == "finished"
    return 73 if over else 0


class Undisturbed:
    """undisturbed(deck, ranks=1) → log and content of a run that nobody ends, made once in a folder by new_folder()"""

    def __init__(self, new_folder, decks=None):
        self.new_folder, self.decks, self.known = new_folder, decks or DECKS, {}

    def __call__(self, deck, ranks=1):
        if (deck, ranks) not in self.known:
            run = Interrupted(self.new_folder(), self.decks[deck])
            code, said = run.run(ranks)
            assert code == (82 if deck == "diverging" else 0), said
            self.known[deck, ranks] = run.log(), content(run.folder)
        return self.known[deck, ranks]


def fathom(*words):
    done = subprocess.run(command_of(0, words), env=ENVIRONMENT, capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


# What is measured and not computed.
MEASURED_GROUPS = ("provenance", "timing", "memory")
MEASURED = {"created", "seconds", "DIMENSION_LIST", "REFERENCE_LIST"}


def content(folder):
    """Every dataset and attribute of a run file but for what is measured: path → array."""
    found = {}

    def visit(name, item):
        if name.split("/")[0] in MEASURED_GROUPS:
            return
        for key, value in item.attrs.items():
            if key not in MEASURED:
                found[f"{name}@{key}"] = np.asarray(value)
        if isinstance(item, h5py.Dataset):
            found[name] = item[...]

    with h5py.File(Path(folder) / "run.h5") as file:
        visit("", file)
        file.visititems(visit)
    return found


def seconds_and_flops(folder, phase):
    """Of a phase, as the run file tells; flops 0 where it tells none."""
    with h5py.File(Path(folder) / "run.h5") as file:
        timing = file["timing"]
        at = [name.decode() for name in timing["name"][...]].index(phase)
        rate, seconds = timing["gflops"][at], timing["max"][at]
    return seconds, 0.0 if np.isnan(rate) else rate * seconds * 1e9


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tolist().__repr__() == b.tolist().__repr__()


def differences(reference, result):
    """Of two files by content(), bit by bit."""
    return sorted([name for name in reference.keys() ^ result.keys()]
                  + [name for name in reference.keys() & result.keys() if not same_bits(reference[name], result[name])])


def deviation(reference, result, single=False):
    """Largest difference of two files by content() that any layout may have written, as a fraction of what is allowed there
    (losses 1e-10, after training in single precision 1e-4; eigenvalues 60 n eps lambda_1), and what is beyond. States are held
    where the bounds decide them."""
    worst, faults = 0.0, [f"{name}: only in one" for name in sorted(reference.keys() ^ result.keys())]
    for name in sorted(reference.keys() & result.keys()):
        a, b = reference[name], result[name]
        last = re.split("[/@]", name)[-1]
        size = 0.0
        if last == "eigenvalue" and name.count("spectrum"):
            size = np.max(np.abs(a - b)) / (60 * len(a) * 2.0**-53 * np.max(np.abs(a))) if a.shape == b.shape else np.inf
        elif last.startswith("loss") and a.dtype.kind == "f":
            size = off_losses(a, b, 1e-4 if single else 1e-10)
        elif last == "state":
            group = name.rpartition("/")[0]
            value, bound = reference[group + "/eigenvalue"], reference[group + "/error_bound"]
            decided = (value > 3 * bound) | (value < bound / 3)
            size = 0.0 if np.array_equal(a[decided], b[decided]) else np.inf
        elif last == "eigenvector":
            size = off_eigenvectors(reference, name, b)
        elif last in ("trace", "frobenius"):
            size = np.max(np.abs(a - b)) / (1e-11 * np.max(np.abs(a)))
        elif last in ("step", "mode", "label", "point", "n", "features", "parameters", "kernel.width", "run.seed"):
            size = 0.0 if same_bits(a, b) else np.inf
        worst = max(worst, size)
        if not size <= 1:
            faults.append(f"{name}: {size:.3g} times what is allowed")
    return worst, faults


def off_losses(a, b, allowed):
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return np.inf
    there = np.isfinite(a)
    return np.max(np.abs(a - b)[there] / (allowed * np.abs(a[there]) + 1e-300), initial=0.0)


def off_eigenvectors(reference, name, vectors):
    """Of those whose eigenvalue stands apart: 1 − |<v, v'>| over its bound; first order in the perturbation over the gap."""
    value = reference[name.rpartition("eigenvectors")[0] + "spectrum/eigenvalue"]
    gap = np.minimum(np.append(np.inf, value[:-1] - value[1:]), np.append(value[:-1] - value[1:], np.inf))
    angle = 60 * len(value) * 2.0**-53 * value[0] / np.maximum(gap, 1e-300)
    apart = angle < 1e-2
    if vectors.shape != reference[name].shape:
        return np.inf
    cosine = np.abs(np.sum(vectors * reference[name], axis=1))
    return np.max((1 - cosine[apart]) / (angle[apart]**2 + len(value) * 2.0**-50)) if apart.any() else 0.0


# What the log says at the start of a phase.
PHASES = {
    "assembly": re.compile(r"^\[ *[\d.]+\] plan: .* takes ", re.M),
    "training": re.compile(r"^\[ *[\d.]+\] (?:training: |--- width \d+:|--- MLP)", re.M),
    "solve": re.compile(r"^\[ *[\d.]+\] (?:assembly: |density: )", re.M),
    "write": re.compile(r"^\[ *[\d.]+\] (?:certificate |point \d+ of)", re.M),
}
SNAPSHOT_DONE = re.compile(r"^\[ *[\d.]+\] step \d+: ", re.M)


def starts_of(log, phase):
    """Places in the log, in order. After a snapshot the training goes on, unless groups of ranks have done it before."""
    after_snapshot = "write" if "groups of ranks" in log else "training"
    patterns = [PHASES[phase]] + [SNAPSHOT_DONE] * (phase == after_snapshot)
    return sorted(match.start() for pattern in patterns for match in pattern.finditer(log))


def phase_starts(log):
    """(place in the log, phase), in order."""
    return sorted((place, phase) for phase in PHASES for place in starts_of(log, phase))


def phase_now(log):
    starts = phase_starts(log)
    return starts[-1][1] if starts else "start"


def interrupt(run, ranks, phase, occurrence, delay, number):
    """Starts, waits for the phase to begin for the occurrence-th time and then `delay` seconds, sends the signal (0: a file
    STOP). → the phase in which it came, "a or b" where another one began meanwhile; None where the run had ended."""
    run.start(ranks)
    if not run.wait_until(lambda: occurrences(run.log(), phase) > occurrence, phase):
        return None
    time.sleep(delay)
    if run.process.poll() is not None:
        return None
    if number == signal.SIGKILL:
        run.kill()
        return phase_now(run.log())
    before = phase_now(run.log())
    if number:
        run.process.send_signal(number)
        time.sleep(0.005)  # the launcher hands it on
    else:
        (run.folder / "STOP").touch()
    after = phase_now(run.log())
    return before if before == after else f"{before} or {after}"


def occurrences(log, phase):
    return len(starts_of(log, phase))


def some_moment(generator: random.Random, log, phase):
    """Which of the phase's beginnings, and how long after it: short and long, as phases are."""
    return generator.randrange(occurrences(log, phase)), 10**generator.uniform(-3.5, -0.7)


def moment_inside(generator: random.Random, log, phase):
    """The same, within the phase: every second of it in the log as likely as another, but for its end, which other ranks may
    reach sooner. Not where nothing follows that could still be stopped."""
    starts = phase_starts(log)
    began, length = [], []
    for i, (place, name) in enumerate(starts):
        if name != phase or (i > 0 and starts[i - 1][1] == phase):
            continue
        follows = next(((at, other) for at, other in starts[i:] if other != phase), None)
        # After the last snapshot there is no training.
        if follows and (phase, follows[1]) != ("training", "write"):
            began.append(sum(other == phase for _, other in starts[:i]))
            length.append(max(0.005, seconds_at(log, follows[0]) - seconds_at(log, place)))
    chosen, = generator.choices(range(len(began)), weights=length)
    return began[chosen], length[chosen] * generator.uniform(0.1, 0.6)


def seconds_at(log, place):
    return float(re.match(r"\[ *([\d.]+)\]", log[place:])[1])
