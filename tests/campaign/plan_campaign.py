#!/usr/bin/env python3
"""Plans against runs: memory a rank as planned and as the system counts it (VmHWM above the empty program), seconds
as planned and as measured, over sizes, rank counts, solvers, vectors and routes to the tail. Each run is a deck of its
own; `fathom plan` and the run must print the same table of memory.

usage: plan_campaign.py FATHOM [--scale 1] [--repeat 3] [--only NAME …] [--calibration FILE] [--csv docs/campaigns/plan.csv]

--scale 0.3 makes all orders smaller, to try the script; the figures hold for scale 1. Time is only judged after
`mpirun -n CORES fathom calibrate` on a quiet machine.
"""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ENVIRONMENT = dict(
    os.environ,
    OPENBLAS_NUM_THREADS="1",
    OMPI_MCA_rmaps_base_oversubscribe="1",
    OMPI_MCA_hwloc_base_binding_policy="none",
    OMPI_MCA_btl_vader_single_copy_mechanism="none",
    **(dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1") if os.geteuid() == 0 else {}),
)


def kernel(n, **solver):
    return dict(study=dict(kind="spectrum"), data=dict(source="sphere", n=n, dim=60),
                kernel=dict(type="nngp", activation="relu"), solver=dict(dict(tail="gram"), **solver))


def features(d, dim, **solver):
    return dict(study=dict(kind="spectrum"), data=dict(source="power_law", alpha=2.0, dim=dim),
                kernel=dict(type="random_features", activation="linear", features=d), solver=solver)


def smooth(n):
    return dict(study=dict(kind="spectrum"), data=dict(source="circle", n=n),
                kernel=dict(type="ntk", activation="erf"), solver=dict(precision="extended"))


def network(samples, width):
    return dict(study=dict(kind="spectral_reach", samples=samples, snapshots=1),
                data=dict(source="power_law", alpha=1.5, n=samples, dim=200),
                kernel=dict(type="network", activation="relu", width=width, depth=2),
                training=dict(optimiser="adam", learning_rate=0.001, steps=10))


def density(n, matrix):
    return dict(study=dict(kind="density", probes=8, steps=20, matrix=matrix),
                data=dict(source="sphere", n=n, dim=60),
                kernel=dict(type="random_features", activation="relu", features=n // 2, side="gram"))


def configurations(scale):
    def at(n):
        return max(200, int(n * scale))

    # name, ranks, deck
    return [
        ("elpa2-p1", 1, kernel(at(5700), backend="elpa2")),
        ("elpa2-p2", 2, kernel(at(8000), backend="elpa2")),
        ("elpa2-p4", 4, kernel(at(11300), backend="elpa2")),
        ("scalapack-p1", 1, kernel(at(12000), backend="scalapack")),
        ("scalapack-p2", 2, kernel(at(16000), backend="scalapack")),
        ("lapack-p1", 1, kernel(at(12000), backend="lapack")),
        ("elpa1-vectors-p1", 1, kernel(at(6200), backend="elpa1", eigenvectors=True)),
        ("elpa1-vectors-p2", 2, kernel(at(7500), backend="elpa1", eigenvectors=True)),
        ("elpa1-vectors-p4", 4, kernel(at(11500), backend="elpa1", eigenvectors=True)),
        ("scalapack-vectors-p1", 1, kernel(at(5300), backend="scalapack", eigenvectors=True)),
        ("scalapack-vectors-p2", 2, kernel(at(7500), backend="scalapack", eigenvectors=True)),
        ("lapack-vectors-p1", 1, kernel(at(5500), backend="lapack", eigenvectors=True)),
        ("slepc-p2", 2, kernel(at(17000), backend="slepc", eigenvalues=20)),
        ("cascade-p1", 1, features(at(3700), at(7400), tail="cascade")),
        ("cascade-p2", 2, features(at(5200), at(10400), tail="cascade")),
        ("cascade-vectors-p2", 2, features(at(4800), at(9600), tail="cascade", eigenvectors=True)),
        ("auto-p2", 2, features(at(5500), at(11000), tail="auto")),
        ("svd-p1", 1, features(at(4800), at(4800), tail="svd")),
        ("extended-p1", 1, smooth(at(3600))),
        ("network-p2", 2, network(at(8000), 256)),
        ("density-gram-p1", 1, density(at(11500), "gram")),
        ("density-factor-p2", 2, density(at(24000), "factor")),
    ]


def toml(deck):
    def value(x):
        return str(x).lower() if isinstance(x, bool) else f"'{x}'" if isinstance(x, str) else repr(x)

    lines = ["schema = 1"]
    for section, keys in deck.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value(x)}" for key, x in keys.items()]
    return "\n".join(lines) + "\n"


def table(text):
    """The rows of the memory table, without the time stamps of a log."""
    lines = [line.split("] ", 1)[-1].rstrip() if line.startswith("[") else line.rstrip() for line in text.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("  memory a rank, MiB"))
    rows = []
    for line in lines[start:]:
        rows.append(line)
        if "sum, above the empty program" in line:
            return rows
    raise ValueError("a table without its sum")


def measure(fathom, ranks, path, folder):
    start = time.perf_counter()
    done = subprocess.run(["mpirun", "-n", str(ranks), fathom, "run", str(path), "--set", f"run.output='{folder}'",
                           "--set", "run.overwrite=true"], env=ENVIRONMENT, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    with h5py.File(Path(folder) / "run.h5") as file:
        memory = dict(file["memory"].attrs)
        timing = file["timing"]
        planned, spent = timing["predicted"][...], timing["max"][...]
    return dict(predicted_bytes=float(memory["predicted_peak_bytes"]), measured_bytes=float(memory["measured_peak_bytes"]),
                baseline_bytes=float(memory["baseline_bytes"]), planned_seconds=float(np.nansum(planned)),
                measured_seconds=float(spent.sum()), wall_seconds=seconds, log=done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fathom")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--calibration")
    parser.add_argument("--csv")
    arguments = parser.parse_args()
    rows, faults = [], 0
    with tempfile.TemporaryDirectory() as work:
        if arguments.calibration:
            config = Path(work) / "config" / "fathom"
            config.mkdir(parents=True)
            (config / "calibration.json").write_text(Path(arguments.calibration).read_text())
            ENVIRONMENT["XDG_CONFIG_HOME"] = str(config.parent)
        for name, ranks, deck in configurations(arguments.scale):
            if arguments.only and name not in arguments.only:
                continue
            path = Path(work) / f"{name}.toml"
            path.write_text(toml(deck))
            plan = subprocess.run([arguments.fathom, "plan", str(path), "-n", str(ranks)], env=ENVIRONMENT,
                                  capture_output=True, text=True)
            if plan.returncode != 0:
                raise RuntimeError(plan.stdout + plan.stderr)
            runs = [measure(arguments.fathom, ranks, path, Path(work) / name) for _ in range(arguments.repeat)]
            if table(plan.stdout) != table(runs[0]["log"]):
                faults += 1
                print(f"{name}: plan and run print different tables", file=sys.stderr)
            spent = statistics.median(run["measured_seconds"] for run in runs)
            first = runs[0]
            row = dict(name=name, ranks=ranks, n=deck["kernel"].get("features", deck["data"].get("n")),
                       predicted_bytes=round(first["predicted_bytes"]), measured_bytes=round(first["measured_bytes"]),
                       memory_ratio=round(first["predicted_bytes"] / first["measured_bytes"], 3),
                       planned_seconds=round(first["planned_seconds"], 2), measured_seconds=round(spent, 2),
                       time_ratio=round(first["planned_seconds"] / spent, 3),
                       wall_seconds=round(statistics.median(run["wall_seconds"] for run in runs), 2))
            rows.append(row)
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if arguments.csv:
        with open(arguments.csv, "w", newline="") as out:
            writer = csv.DictWriter(out, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    large = [row for row in rows if row["measured_bytes"] > 2**30]
    near = [row for row in large if abs(row["memory_ratio"] - 1) <= 0.15]
    timely = [row for row in large if abs(row["time_ratio"] - 1) <= 0.3]
    print(f"{len(large)} above 1 GiB a rank: memory within 15 % in {len(near)}, time within 30 % in {len(timely)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
