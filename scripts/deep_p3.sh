#!/bin/sh
# The benchmark of the README's central picture: inputs/deep_p3.toml, d = 33,000, on one rank whose BLAS has
# all cores (LAPACK's two-stage reduction holds one matrix and nothing else of its size: 8.7 GiB), and its report.
# usage: scripts/deep_p3.sh [THREADS, default: all cores]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
threads=${1:-$(nproc)}
[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cd "$root"
FATHOM_BLAS_THREADS=$threads mpirun -n 1 --bind-to none build/release/bin/fathom run inputs/deep_p3.toml \
  --set solver.backend=lapack
scripts/fathom-report output/deep_p3
