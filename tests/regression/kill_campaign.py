#!/usr/bin/env python3
"""Runs killed at random moments of every phase, gone on with on another number of ranks, held against undisturbed ones.

usage: kill_campaign.py CSV [KILLS SIGNALS [FIRST_SEED]]     50 and 20 by themselves; FATHOM_BINARY, FATHOM_MPIEXEC
exit 0 and one row a run; 1 where one was lost or came to a wrong result.

SIGKILL strikes runs of every kind at moments near the beginning of a phase. SIGUSR1 strikes runs with one long phase inside
that phase: each phase as often as the others.
"""
import csv
import random
import signal
import sys
import tempfile
from pathlib import Path

from conftest import deck_of
from interrupted import (DECKS, FEATURES, NETWORK, PHASES, SPECTRUM, Interrupted, Undisturbed, code_of_resume, content,
                         deviation, fathom, interrupt, moment_inside, occurrences, some_moment, with_keys)

COLUMNS = ["seed", "deck", "aimed_at", "struck_in", "moment", "signal", "ranks_before", "ranks_after", "outcome",
           "largest_deviation"]
# Ranks before and after; those of many ranks are slow on a small machine, and rarer.
CHANGES = [(1, 2), (2, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)]
DECKS_OF = {"assembly": ["features", "networks", "adam", "vectors", "vectors_sweep", "chunks"], "training": ["networks", "adam"],
            "solve": ["features", "networks", "vectors", "vectors_sweep", "density"],
            "write": ["features", "networks", "adam", "vectors", "vectors_sweep", "density", "chunks"]}
# By the phase that takes a large part of a second.
LONG = {
    "assembly": deck_of(**with_keys(SPECTRUM, data=dict(dim=100000), kernel=dict(FEATURES, degree=2, features=400, chunk=2000))),
    "training": deck_of(**with_keys(NETWORK, kernel=dict(width=16), training=dict(learning_rate=0.003, steps=15000))),
    "solve": deck_of(**with_keys(SPECTRUM, data=dict(dim=1500), kernel=dict(FEATURES, degree=2, features=1000))),
    "write": deck_of(**with_keys(SPECTRUM, data=dict(dim=1500), kernel=dict(FEATURES, degree=2, features=900),
                                 sweep=dict(run__seed=[1, 2]))),
}
TRIES = 15


class Campaign:
    def __init__(self, tmp_path):
        self.tmp = Path(tmp_path)
        self.undisturbed = Undisturbed(self.folder, DECKS | {"long " + phase: deck for phase, deck in LONG.items()})

    def folder(self):
        return tempfile.mkdtemp(dir=self.tmp)

    def case(self, seed, phase, number):
        """One row."""
        generator = random.Random(seed)
        inside = number != signal.SIGKILL
        deck = "long " + phase if inside else generator.choice(DECKS_OF[phase])
        before, after = generator.choice(CHANGES)
        log, expected = self.undisturbed(deck)
        occurrence, delay = (moment_inside if inside else some_moment)(generator, log, phase)
        for tries in range(1, TRIES + 1):
            run = Interrupted(self.folder(), self.undisturbed.decks[deck])
            struck = interrupt(run, before, phase, occurrence, delay, number)
            if number == signal.SIGKILL and code_of_resume(run.folder) == 73:
                struck = None  # it had said its last word
            if struck == phase or (struck and (not inside or tries == TRIES)):
                break
            run.finish()
            # The phase was over, or another one had begun.
            delay /= 2
            if struck is None:
                occurrence //= 2
        outcome, size = self.go_on(run, after, number, deck, expected) if struck else ("lost: it always ended before", "")
        moment = f"{delay:.4f} s after beginning {occurrence + 1} of {occurrences(log, phase)}"
        return dict(zip(COLUMNS, [seed, deck, phase, struck, moment, signal.Signals(number).name, before, after, outcome, size]))

    def go_on(self, run, ranks, number, deck, expected):
        if number != signal.SIGKILL:
            stopped, said = run.finish()
            if stopped not in (0, 75):
                return f"lost: the stop ended with {stopped}: {said[-300:]}", ""
        how = "finished before the signal was obeyed" if (run.folder / "run.h5").exists() else "resumed"
        expected_code = code_of_resume(run.folder)
        if expected_code == 0 and how != "resumed":
            how = "killed with its result written; resumed"
        code, said = run.run(ranks)
        if code != expected_code:
            return f"lost: resume ended with {code}, not {expected_code}: {said[-300:]}", ""
        if (run.folder / "checkpoint").exists():
            return "lost: the checkpoint was left", ""
        if run.status()["state"] != "finished":
            return f"lost: the status says {run.status()['state']}", ""
        code, said = fathom("verify", run.folder)
        if code != 0:
            return f"lost: verify: {said[-300:]}", ""
        size, faults = deviation(expected, content(run.folder), single=deck == "adam")
        return (how if not faults else "wrong: " + "; ".join(faults)), f"{size:.3g}"


def cases(kills, signals, first=1):
    """(seed, phase, signal): for each signal every phase as often as the others."""
    phases = list(PHASES)
    numbers = [(i, signal.SIGKILL) for i in range(kills)] + [(i, signal.SIGUSR1) for i in range(signals)]
    return [(first + row, phases[(first - 1 + i) % len(phases)], number) for row, (i, number) in enumerate(numbers)]


def main(path, kills=50, signals=20, first=1):
    bad = 0
    with tempfile.TemporaryDirectory() as tmp, open(path, "w", newline="") as file:
        campaign, rows = Campaign(tmp), csv.DictWriter(file, COLUMNS, lineterminator="\n")
        rows.writeheader()
        for seed, phase, number in cases(kills, signals, first):
            row = campaign.case(seed, phase, number)
            bad += row["outcome"].startswith(("lost", "wrong"))
            rows.writerow(row)
            file.flush()
            print(*row.values(), sep=", ", flush=True)
    print(f"{kills + signals} runs: {bad} lost or wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
