#!/usr/bin/env python3
"""Runs killed at random moments of every phase, gone on with on another number of ranks, held against undisturbed ones.

usage: kill_campaign.py CSV [KILLS SIGNALS [FIRST_SEED]]     50 and 20 by themselves; FATHOM_BINARY, FATHOM_MPIEXEC
exit 0 and one row a run; 1 where one was lost or came to a wrong result.
"""
import csv
import random
import signal
import sys
import tempfile
from pathlib import Path

from interrupted import DECKS, PHASES, Interrupted, content, deviation, fathom, interrupt, occurrences, some_moment

COLUMNS = ["seed", "deck", "phase", "moment", "signal", "ranks_before", "ranks_after", "outcome", "largest_deviation"]
# Ranks before and after; those of many ranks are slow on a small machine, and rarer.
CHANGES = [(1, 2), (2, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)]
DECKS_OF = {"assembly": ["features", "networks", "adam", "vectors", "vectors_sweep"], "training": ["networks", "adam"],
            "solve": ["features", "networks", "vectors", "vectors_sweep", "density"], "write": list(DECKS)}


class Campaign:
    def __init__(self, tmp_path):
        self.tmp, self.references = Path(tmp_path), {}

    def reference(self, deck):
        """Log and content of the run that nobody disturbs."""
        if deck not in self.references:
            run = Interrupted(self.folder(), DECKS[deck])
            code, said = run.run(1)
            assert code == 0, said
            self.references[deck] = (run.log(), content(run.folder))
        return self.references[deck]

    def folder(self):
        return tempfile.mkdtemp(dir=self.tmp)

    def case(self, seed, phase, number):
        """One row."""
        generator = random.Random(seed)
        deck = generator.choice(DECKS_OF[phase])
        before, after = generator.choice(CHANGES)
        log, expected = self.reference(deck)
        occurrence, delay = some_moment(generator, log, phase)
        while True:
            run = Interrupted(self.folder(), DECKS[deck])
            hit = interrupt(run, before, phase, occurrence, delay, number)
            if hit is not None:
                break
            run.finish()
            occurrence, delay = max(0, occurrence - 1), delay / 4
        outcome, size = self.go_on(run, after, number, deck, expected)
        moment = f"{delay:.4f} s after beginning {occurrence + 1} of {occurrences(log, phase)}"
        if hit != phase:
            moment += f" ({hit} by then)"
        return dict(zip(COLUMNS, [seed, deck, phase, moment, signal.Signals(number).name, before, after, outcome, size]))

    def go_on(self, run, ranks, number, deck, expected):
        stopped = None
        if number != signal.SIGKILL:
            stopped, said = run.finish()
            if stopped not in (0, 75):
                return f"lost: the stop ended with {stopped}: {said[-300:]}", ""
        if (run.folder / "run.h5").exists():
            how = "finished before the signal was obeyed"
            if run.start(ranks).finish()[0] != 73:
                return "lost: a finished run was gone on with", ""
        else:
            how = "resumed"
            code, said = run.run(ranks)
            if code != 0:
                return f"lost: resume ended with {code}: {said[-300:]}", ""
            if (run.folder / "checkpoint").exists():
                return "lost: the checkpoint was left", ""
        code, said = fathom("verify", run.folder)
        if code != 0:
            return f"lost: verify: {said[-300:]}", ""
        size, faults = deviation(expected, content(run.folder), single=deck == "adam")
        return (how if not faults else "wrong: " + "; ".join(faults)), f"{size:.3g}"


def cases(kills, signals, first=1):
    """(seed, phase, signal): every phase as often as the others."""
    numbers = [signal.SIGKILL] * kills + [signal.SIGUSR1] * signals
    phases = list(PHASES)
    return [(first + i, phases[i % len(phases)], number) for i, number in enumerate(numbers)]


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
