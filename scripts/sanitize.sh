#!/usr/bin/env bash
# Runs the tests under the address, leak and undefined-behaviour sanitizers (preset debug, build/debug): every unit test,
# then tests of the rooms with MPI on two ranks. Ends with 1 where one of them fails or a sanitizer speaks.
#
#   scripts/sanitize.sh [--sample] [-j JOBS]
#
# --sample: base, deck, the local part of store and the communicator on two ranks.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sample=no jobs=2
while [ $# -gt 0 ]; do
  case $1 in
    --sample) sample=yes; shift ;;
    -j) jobs=$2; shift 2 ;;
    *) echo "usage: $0 [--sample] [-j JOBS]" >&2; exit 64 ;;
  esac
done

build=$root/build/debug
cd "$root"
mkdir -p build
cmake --preset debug -DFATHOM_TESTS=ON -DFATHOM_MINIAPPS=OFF >build/configure-debug.log || { cat build/configure-debug.log; exit 1; }
targets() { ninja -C "$build" -t targets all | sed -n "s,^$1: .*,&,p" | cut -d : -f 1; }
if [ "$sample" = yes ]; then
  unit=$(targets 'tests/unit/test_\(base\|deck\|store\)_[a-z_]*')
  two_ranks="comm.communicator"
else
  unit=$(targets 'tests/\(unit\|fuzz\)/test_[a-z_]*')
  two_ranks="comm.communicator dist.matrix gram.assembly eigen.solve store.run_file store.run_folder store.matrix_file
    training.trainer"
fi
programs=$unit
tests=""
for name in $(sed -E 's,tests/(unit|fuzz)/test_,,g' <<<"$unit"); do tests+="^${name/_/.}\$|"; done
for name in $two_ranks; do
  programs+=" tests/mpi/test_${name//./_}"
  tests+="^${name}\.np2\$|"
done
programs+=" tests/sanitizers/planted_fault"
tests+="^sanitizers\\.planted\\.|"
ninja -C "$build" -j "$jobs" $programs >"$build/build.log" || { tail -n 40 "$build/build.log"; exit 1; }

# With -fno-sanitize-recover every finding of undefined behaviour ends its test.
export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$root/tests/sanitizers/lsan.supp:print_suppressions=0
ctest --test-dir "$build" --output-on-failure -j "$jobs" --timeout 1800 -R "${tests%|}"
