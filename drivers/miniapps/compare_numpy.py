#!/usr/bin/env python3
"""fathom against numpy and scipy, both sides in one run: population kernel of linear random features, deck to all
eigenvalues.

Both sides make the same kind of matrix, S = (H^1/2 W)^T (H^1/2 W) / d with W of shape v x d, by a symmetric rank-v
update, and take all its eigenvalues; both include the random numbers. numpy and scipy run on as many BLAS threads as
fathom has ranks. The sides take turns; the medians and their ratio are printed, with the largest difference of the
spectra's leading modes as a check that they computed the same thing up to the draw of W.

usage: compare_numpy.py FATHOM [--n 8000] [--v 16000] [--ranks 2] [--runs 3] [--csv FILE]
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDES = {}


def side(function):
    SIDES[function.__name__] = function
    return function


def numpy_matrix(n, v, alpha):
    import numpy as np

    w = np.random.default_rng(1).standard_normal((v, n))
    w *= (np.arange(1, v + 1) ** (-alpha / 2))[:, None]
    return (w.T @ w) / n  # numpy calls syrk for A.T @ A


@side
def numpy_eigvalsh(n, v, alpha):
    import numpy as np

    return np.linalg.eigvalsh(numpy_matrix(n, v, alpha))[::-1]


@side
def scipy_evr(n, v, alpha):
    import scipy.linalg

    return scipy.linalg.eigh(numpy_matrix(n, v, alpha), eigvals_only=True, driver="evr", overwrite_a=True,
                             check_finite=False)[::-1]


def run_python_side(name, n, v, alpha):
    """In a process of its own, so that memory and threads start afresh; wall time of the work, imports left out."""
    code = (f"import sys, time, numpy, scipy.linalg; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
            f"import compare_numpy as c; t = time.perf_counter(); w = c.{name}({n}, {v}, {alpha}); "
            f"print(time.perf_counter() - t); print(*w[:20])")
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    return float(out[0]), [float(x) for x in out[1].split()]


def run_fathom(binary, ranks, n, v, alpha):
    """Wall time of the whole command: deck, launch, assembly, solve, certificate, verified output."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        deck = Path(folder) / "deck.toml"
        deck.write_text(f'''schema = 1
[run]
output = "{folder}/out"
[study]
kind = "spectrum"
[data]
source = "power_law"
alpha = {alpha}
dim = {v}
[kernel]
type = "random_features"
expectation = "population"
activation = "monomial"
degree = 1
features = {n}
''')
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1",
                           OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        start = time.perf_counter()
        subprocess.run(["mpirun", "--oversubscribe", "-n", str(ranks), binary, "run", str(deck)], check=True,
                       stdout=subprocess.DEVNULL, env=environment)
        seconds = time.perf_counter() - start
        with h5py.File(f"{folder}/out/run.h5") as file:
            return seconds, list(file["spectrum/eigenvalue"][:20])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fathom")
    parser.add_argument("--n", type=int, default=8000)
    parser.add_argument("--v", type=int, default=16000)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--csv")
    args = parser.parse_args()
    alpha = 1.5
    os.environ["OPENBLAS_NUM_THREADS"] = str(args.ranks)
    seconds = {name: [] for name in ["fathom", *SIDES]}
    leading = {}
    for _ in range(args.runs):
        for name in seconds:
            t, leading[name] = (run_fathom(args.fathom, args.ranks, args.n, args.v, alpha) if name == "fathom"
                                else run_python_side(name, args.n, args.v, alpha))
            seconds[name].append(t)
            print(f"{name:16s} {t:8.2f} s", flush=True)
    median = {name: statistics.median(ts) for name, ts in seconds.items()}
    best = min(SIDES, key=median.get)
    difference = max(abs(a - b) / b for a, b in zip(leading["fathom"], leading[best]))
    rows = ["side,n,v,ranks,median_s,min_s,max_s"]
    rows += [f"{name},{args.n},{args.v},{args.ranks},{median[name]:.3f},{min(ts):.3f},{max(ts):.3f}"
             for name, ts in seconds.items()]
    print("\n".join(rows))
    print(f"fathom is {median[best] / median['fathom']:.2f} x faster than the best of the others ({best}); "
          f"leading 20 eigenvalues differ by at most {difference:.1%} (different draws of W)")
    if args.csv:
        Path(args.csv).write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
