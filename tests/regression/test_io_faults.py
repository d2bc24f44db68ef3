"""One I/O call of a run fails: the job ends with code 74 and one message, or with a result that is whole.

FATHOM_CAMPAIGN=FOLDER in the environment: every call with every kind of failure and every fill level of a disk, and
FOLDER gets io_faults.csv and full_disk.csv. Otherwise a seeded sample.
"""
import csv
import json
import os
import random
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import BINARY, ENVIRONMENT, MPIEXEC, Result, population_deck, run_path

LIBRARY = os.environ["FATHOM_FAILING_IO"]
CAMPAIGN = os.environ.get("FATHOM_CAMPAIGN")
RANKS = 2
KINDS = ["full", "EIO", "ENOSPC", "short", "EROFS"]
STORED = dict(run=dict(store_eigenvectors=True), solver=dict(eigenvectors=True))
DECK = population_deck(40, 60, kind="spectrum", **STORED)
PATIENCE = 30  # seconds that a faulty run may take, besides what a clean one does
# What differs between two runs of a deck.
OF_THE_RUN = ("/provenance", "/timing", "/memory")


def run_deck(place, fault="", rank=0, deck=DECK, timeout=300):
    """A run in place/out, whose folder is first made beside that name. fault: "K:KIND" of the calls in the place. Gives the
    result and what was struck: "name path", empty where nothing was."""
    note = place.parent / "note"
    note.unlink(missing_ok=True)
    path = place.parent / "deck.toml"
    path.write_text(deck)
    before = ()
    if fault:
        before = ("env", f"LD_PRELOAD={LIBRARY}", f"FATHOM_FAIL_IO={fault}:{rank}:{place}", f"FATHOM_FAIL_IO_NOTE={note}")
    result = run_path(path, place / "out", RANKS, timeout=timeout, before=before)
    return result, note.read_text().strip() if note.exists() else ""


def contents(path):
    """Every value and attribute of a complete file that another run of the deck has too."""
    found = {}
    with h5py.File(path) as file:
        assert file.attrs["complete"] == 1

        def keep(name, item):
            if not ("/" + name).startswith(OF_THE_RUN):
                found[name] = item[...] if isinstance(item, h5py.Dataset) else None

        file.visititems(keep)
    return found


def the_same(path, clean):
    found = contents(path)
    return found.keys() == clean.keys() and all(np.array_equal(found[name], clean[name]) for name in clean)


def wrong(result, clean):
    """What a run must not leave behind, in words; empty where all is well."""
    file, status = result.folder / "run.h5", result.folder / "status.json"
    if result.code not in (0, 74):
        return f"exit code {result.code}"
    if len(result.messages) != (result.code != 0):
        return f"{len(result.messages)} messages"
    if file.exists() != (result.code == 0):
        return "a run.h5 after a failure" if file.exists() else "success without a run.h5"
    if result.code == 0 and not the_same(file, clean):
        return "run.h5 is not what a clean run writes"
    if status.exists():
        state = json.loads(status.read_text())["state"]
        if state == "finished" and result.code != 0:
            return "status.json says finished"
    return ""


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    result, _ = run_deck(tmp_path_factory.mktemp("clean") / "place")
    assert result.code == 0, result.err
    return contents(result.folder / "run.h5")


def patience(place, deck=DECK):
    """How long a faulty run of the deck may take here and now."""
    begun = time.monotonic()
    result, _ = run_deck(place, deck=deck)
    assert result.code == 0, result.err
    return PATIENCE + time.monotonic() - begun


def count_calls(tmp_path, rank):
    result, note = run_deck(tmp_path / "count", "0:count", rank)
    assert result.code == 0, result.err
    return int(note.split()[1])


def strike(tmp_path, fault, rank, clean, seconds):
    """One faulty run as a row of the table, in a folder of its own."""
    call, kind = fault.split(":")
    place = tmp_path / call / "place"
    place.parent.mkdir()
    begun = time.monotonic()
    try:
        result, struck = run_deck(place, fault, rank, timeout=seconds)
        fault_found = wrong(result, clean)
        code = result.code
    except subprocess.TimeoutExpired:
        struck, fault_found, code = "?", f"no end within {seconds:.0f} s", -1
    shutil.rmtree(place.parent, ignore_errors=True)
    name, _, path = struck.partition(" ")
    return dict(rank=rank, call=call, kind=kind, function=name, file=generic(Path(path).name), code=code,
                seconds=f"{time.monotonic() - begun:.1f}", wrong=fault_found)


def generic(name):
    """File names without the process id."""
    return name[:name.rindex("-") + 1] + "PID" if ".tmp-" in name or ".new-" in name else name


class Table:
    """Rows of a campaign, in the file as they come; nothing outside a campaign."""

    def __init__(self, name):
        self.path = Path(CAMPAIGN) / name if CAMPAIGN else None
        self.begun = False

    def add(self, row):
        if not self.path:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a" if self.begun else "w", newline="") as file:
            table = csv.DictWriter(file, row.keys(), lineterminator="\n")
            if not self.begun:
                table.writeheader()
            table.writerow(row)
        self.begun = True


@pytest.fixture(scope="module")
def table():
    return Table("io_faults.csv")


def test_the_failing_call_is_counted_and_struck(tmp_path, clean):
    """The library itself: the first call is the folder's mkdir, one far behind the last strikes nothing."""
    count = count_calls(tmp_path, 0)
    assert count > 50
    first, struck = run_deck(tmp_path / "first", "1:EROFS")
    assert struck.startswith("mkdir") and first.code == 74 and "Read-only file system" in first.err
    # A slower run looks for a file STOP more often.
    last, struck = run_deck(tmp_path / "behind", f"{10 * count}:EIO")
    assert struck == "" and last.code == 0 and wrong(last, clean) == ""


def test_a_file_that_is_not_the_clean_ones_is_seen(tmp_path, clean):
    """The check that all others rely on, given a run.h5 with one value changed, and one with a value of a failed run."""
    result, _ = run_deck(tmp_path / "place")
    assert wrong(result, clean) == ""
    assert wrong(Result(74, "", "fathom: error", result.folder), clean) == "a run.h5 after a failure"
    with h5py.File(result.folder / "run.h5", "r+") as file:
        file["spectrum/eigenvalue"][3] *= 1 + 1e-15
    assert wrong(result, clean) == "run.h5 is not what a clean run writes"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", range(RANKS))
def test_any_call_may_fail(tmp_path, clean, table, rank, kind):
    count = count_calls(tmp_path, rank)
    if count == 0:
        pytest.skip("this rank makes no call in the folder")
    calls = range(1, count + 1)
    if not CAMPAIGN:
        calls = sorted(random.Random(f"{kind} {rank}").sample(calls, min(count, 4)))
    seconds = patience(tmp_path / "patience")
    rows = []
    # Several at a time: most of a faulty run is the second that mpirun gives its ranks to end.
    with ThreadPoolExecutor(4) as pool:
        for row in pool.map(lambda call: strike(tmp_path, f"{call}:{kind}", rank, clean, seconds), calls):
            rows.append(row)
            table.add(row)
    # How often a rank looks for a file STOP depends on how long its run takes.
    assert any(row["function"] for row in rows), "calls that no run made"
    assert [row for row in rows if row["wrong"]] == []


def test_a_folder_that_vanishes_ends_the_run(tmp_path):
    """rm -rf while a sweep runs: code 74, one message, and nothing is made anew in its place."""
    deck = population_deck(80, 160, kind="spectrum")
    deck += "[sweep]\nrun.seed = [" + ", ".join(str(k) for k in range(400)) + "]\n"
    folder, path = tmp_path / "out", tmp_path / "deck.toml"
    path.write_text(deck)
    command = [MPIEXEC, "--oversubscribe", "-n", "2", BINARY, "run", str(path), "--set", f"run.output='{folder}'"]
    begun = time.monotonic()
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        error = []
        reader = threading.Thread(target=lambda: error.append(process.stderr.read()))
        reader.start()
        removed = False
        for line in process.stdout:
            if "point 3 of" in line and not removed:
                # The run writes on while the folder goes.
                while folder.exists():
                    shutil.rmtree(folder, ignore_errors=True)
                removed, gone_at = True, time.monotonic()
        code = process.wait(timeout=300)
        reader.join()
    result = Result(code, "", error[0], folder)
    assert removed and code == 74, (code, error)
    assert time.monotonic() - gone_at < PATIENCE + gone_at - begun
    assert len(result.messages) == 1, error
    assert not folder.exists()


@pytest.fixture
def mounted(tmp_path):
    """mounted(size, *options) → a tmpfs of that many bytes; skips where mounting is not permitted."""
    places = []

    def mount(size, *options):
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(place)],
                              capture_output=True, text=True)
        if done.returncode:
            pytest.skip("mounting a tmpfs is not permitted here")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_folder_is_refused(tmp_path, mounted):
    if os.geteuid() == 0:
        place = mounted(1 << 20, "ro")
    else:
        place = tmp_path / "locked"
        place.mkdir(mode=0o555)
    path = tmp_path / "deck.toml"
    path.write_text(DECK)
    result = run_path(path, place / "out", RANKS)
    assert result.code == 74 and len(result.messages) == 1, (result.code, result.err)
    assert list(place.iterdir()) == []


def test_a_calibration_on_a_full_disk_is_told_before_it_is_made(mounted):
    """A disk that takes an empty file and not one byte more."""
    place = mounted(4096)
    (place / "filler").write_bytes(bytes(4096))
    (place / "empty").touch()
    done = subprocess.run([MPIEXEC, "--oversubscribe", "-n", "2", BINARY, "calibrate", "--calibration", place / "c.json"],
                          env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 74 and "No space left" in done.stderr, done.stderr
    assert done.stdout == "" and sorted(item.name for item in place.iterdir()) == ["empty", "filler"]


def test_no_value_is_lost_on_a_full_disk(tmp_path, mounted):
    """Disks from nothing to a little more than the run needs: 74 and no run.h5, or a file that is whole."""
    deck = population_deck(120, 240, kind="spectrum", **STORED)
    seconds = patience(tmp_path / "whole", deck)
    whole = tmp_path / "whole" / "out"
    clean = contents(whole / "run.h5")
    needed = sum(-(-item.stat().st_size // 4096) * 4096 for item in whole.iterdir())
    # A run that keeps its vectors, because the solve took long here and now, needs twice as much for a while.
    levels = [4096 * round(needed * step / 16 / 4096) for step in [*range(1, 21), 40]]
    if not CAMPAIGN:
        levels = sorted(random.Random(20260801).sample(levels[:-4], 3)) + levels[-1:]
    path, rows, disks = tmp_path / "deck.toml", [], Table("full_disk.csv")
    for size in levels:
        folder = mounted(size) / "out"
        begun = time.monotonic()
        try:
            result = run_path(path, folder, RANKS, timeout=seconds)
            found, code = wrong(result, clean), result.code
        except subprocess.TimeoutExpired:
            found, code = f"no end within {seconds:.0f} s", -1
        rows.append(dict(bytes=size, needed=needed, code=code, seconds=f"{time.monotonic() - begun:.1f}",
                         run_file=int((folder / "run.h5").exists()), wrong=found))
        disks.add(rows[-1])
    assert [row for row in rows if row["wrong"]] == []
    assert rows[0]["code"] == 74 and rows[-1]["code"] == 0

