#!/usr/bin/python3
"""Stands in for fathom where a test needs an end that it chooses: its command line, run folder, signals and codes.

    run DECK [--point K] --set run.output=FOLDER …     resume FOLDER     points DECK --count     check DECK
Each rank would be one process; the one with SLURM_PROCID or OMPI_COMM_WORLD_RANK 0 writes. DECK is JSON:
  {"steps": 40, "pause": 0.1, "code": 0, "deaf": false, "die": false, "sweep": 3, "fail_at": 2, "resumed": 3}
Every step is a safe point. SIGUSR1, SIGTERM or FOLDER/STOP, which is then removed, writes a checkpoint and ends with 75; "deaf" ends by the signal
instead, before there is a folder, as a program that is still being loaded; "code" is the end of the run; "die" ends it by SIGKILL, as for want of memory; point "fail_at" ends with 80; resume counts on
from the step of the checkpoint, and ends "resumed" steps later where that is given. Every start is written to FOLDER/starts, and
the words after it to FOLDER/words.
"""
import json
import os
import signal
import sys
import time
from pathlib import Path

asked = False
root = os.environ.get("OMPI_COMM_WORLD_RANK", os.environ.get("SLURM_PROCID", "0")) == "0"


def ask(*_):
    global asked
    asked = True


def jobs_of(folder):
    before, job = [], os.environ.get("SLURM_JOB_ID", "")
    if (folder / "status.json").exists():
        before = json.loads((folder / "status.json").read_text())["jobs"].split()
    return " ".join(before if before[-1:] == [job] else before + [job])


def as_run(words, deck):
    """The deck of the point that is run."""
    point = int(words[words.index("--point") + 1]) if "--point" in words else None
    return deck | ({"code": 80} if point == deck.get("fail_at", 0) else {})


def publish(folder, state, code, step, message="", stopped_by=""):
    status = {"state": state, "phase": f"step {step}", "exit_code": code, "message": message,
              "stop_requested": stopped_by, "jobs": jobs_of(folder), "started": str(time.time()), "pid": os.getpid()}
    partial = folder / f"status.json.tmp-{os.getpid()}"
    partial.write_text(json.dumps(status, indent=2) + "\n")
    partial.rename(folder / "status.json")


def go(folder, deck, step, how, words=()):
    signal.signal(signal.SIGUSR1, ask)
    signal.signal(signal.SIGTERM, ask)
    if root:
        with open(folder / "words", "a") as file:
            file.write(" ".join(words) + "\n")
        with open(folder / "starts", "a") as starts:
            starts.write(f"{how} from {step}\n")
        publish(folder, "running", 0, step)
    while step < deck["steps"]:
        time.sleep(deck["pause"])
        step += 1
        stopped_by = "SIGUSR1" if asked else "the file STOP" if (folder / "STOP").exists() else ""
        if stopped_by:
            if root:
                (folder / "checkpoint").mkdir(exist_ok=True)
                (folder / "checkpoint/step").write_text(str(step))
                publish(folder, "checkpointed", 75, step, "stopped", stopped_by)
                (folder / "STOP").unlink(missing_ok=True)
            return 75
        if root:
            publish(folder, "running", 0, step)
    if deck.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    code = deck.get("code", 0)
    if root:
        publish(folder, "failed" if code else "finished", code, step, "as the deck wants" if code else "")
    return code


def main(words):
    command, target = words[0], Path(words[1])
    if command == "points":
        print(json.loads(target.read_text()).get("sweep", 1))
        return 0
    if command == "check":
        return 0
    if command == "resume":
        if "--deck" in words:
            given = as_run(words, json.loads(Path(words[words.index("--deck") + 1]).read_text()))
            if given != json.loads((target / "deck.toml").read_text()):
                print("fathom: error 65 (deck): the deck was changed", file=sys.stderr)
                return 65
        kept = target / "checkpoint/step"
        deck, step = json.loads((target / "deck.toml").read_text()), int(kept.read_text()) if kept.exists() else 0
        deck["steps"] = step + deck.get("resumed", deck["steps"] - step)
        return go(target, deck, step, "resume", words[2:])
    sets = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set")
    folder = Path(sets["run.output"].strip("\""))
    text = target.read_text()
    deck = json.loads(text)
    if deck.get("deaf"):
        (target.parent / "deaf").touch()
        time.sleep(1000)
    folder.mkdir(parents=True, exist_ok=True)
    if root and (folder / "status.json").exists() and sets.get("run.overwrite") != "true":
        print("fathom: error 73 (exists)", file=sys.stderr)
        return 73
    deck = as_run(words, deck)
    if root:
        same = deck == json.loads(text)
        (folder / "deck.toml").write_text(text if same else json.dumps(deck))
        (folder / "deck.resolved.toml").write_text("[run]\ncheckpoint = \"10m\"\n")
    return go(folder, deck, 0, "run", words[2:])


sys.exit(main(sys.argv[1:]))
