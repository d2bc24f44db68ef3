#!/usr/bin/env bash
# Fuzzes the deck with libFuzzer under the address, leak and undefined-behaviour sanitizers, from the kept corpus, the
# shipped decks and the tests' decks. Ends with 1 at the first finding (its input is named), 77 where there is no clang.
#
#   scripts/fuzz_deck.sh [--executions N] [--seed S] [--keep]
#
# --keep merges what was found, minimised, into tests/fuzz/corpus and adds a line to docs/campaigns/deck_fuzzing.csv.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
executions=1000000 seed=1 keep=no
while [ $# -gt 0 ]; do
  case $1 in
    --executions) executions=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --keep) keep=yes; shift ;;
    *) echo "usage: $0 [--executions N] [--seed S] [--keep]" >&2; exit 64 ;;
  esac
done

command -v clang++-14 >/dev/null || { echo "skipped: clang++-14 is not installed (apt-get install clang-14 libclang-rt-14-dev)"; exit 77; }
runtime=$(clang++-14 -print-runtime-dir)
compgen -G "$runtime/libclang_rt.fuzzer*.a" >/dev/null || { echo "skipped: libFuzzer is not installed (apt-get install libclang-rt-14-dev)"; exit 77; }

build=$root/build/fuzz
(cd "$root" && cmake --preset fuzz >/dev/null && cmake --build "$build" --target deck_fuzzer write_dictionary >/dev/null)
fuzzer=$build/tests/fuzz/deck_fuzzer
work=$build/deck
mkdir -p "$work/found" "$work/seeds" "$work/faults"
rm -f "$work"/seeds/* "$work"/faults/*
cp "$root"/inputs/*.toml "$root"/tests/deck/good/*.toml "$root"/tests/deck/bad/*.toml "$work/seeds"
"$build/tests/fuzz/write_dictionary" >"$work/deck.dict"

export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
# A deck without end; what is merely slow the target itself measures, in processor time.
limits=(-max_len=4096 -timeout=600 -report_slow_units=600 -rss_limit_mb=2048)
log=$work/log
echo "fuzzing the deck: $executions executions, seed $seed; log in $log"
begun=$(date +%s)
status=0
"$fuzzer" "${limits[@]}" -runs="$executions" -seed="$seed" -dict="$work/deck.dict" -print_final_stats=1 \
  -artifact_prefix="$work/faults/" "$work/found" "$root/tests/fuzz/corpus" "$work/seeds" >"$log" 2>&1 || status=$?
seconds=$(($(date +%s) - begun))

figure() { sed -n "s/^stat::$1: *//p" "$log"; }
last=$(grep -E '^#[0-9]+.*cov:' "$log" | tail -n 1)
edges=$(sed -E 's/.* cov: ([0-9]+).*/\1/' <<<"$last") features=$(sed -E 's/.* ft: ([0-9]+).*/\1/' <<<"$last")
done_runs=$(figure number_of_executed_units)
findings=$(find "$work/faults" -type f | wc -l)
header="date,compiler,seed,executions,seconds,edges,features,slowest_seconds,peak_rss_mb,findings"
line="$(date -u +%F),clang 14,$seed,$done_runs,$seconds,$edges,$features,$(figure slowest_unit_time_sec),$(figure peak_rss_mb),$findings"
printf '%s\n%s\n' "$header" "$line"

if [ "$keep" = yes ]; then
  table=$root/docs/campaigns/deck_fuzzing.csv
  [ -f "$table" ] || echo "$header" >"$table"
  echo "$line" >>"$table"
  merged=$work/merged
  rm -rf "$merged" && mkdir "$merged"
  "$fuzzer" "${limits[@]}" -set_cover_merge=1 "$merged" "$work/found" "$root/tests/fuzz/corpus" "$work/seeds" >>"$log" 2>&1
  rm -f "$root"/tests/fuzz/corpus/*
  # Decks that the repository has already are not kept twice.
  for file in "$merged"/*; do
    copy=$(find "$work/seeds" -type f -size "$(stat -c %s "$file")c" -exec cmp -s {} "$file" \; -print -quit)
    [ -n "$copy" ] || cp "$file" "$root/tests/fuzz/corpus/"
  done
  echo "kept: $(find "$root/tests/fuzz/corpus" -type f | wc -l) files, $(du -cb "$root"/tests/fuzz/corpus/* | tail -n 1 | cut -f 1) bytes"
fi
if [ "$status" -ne 0 ] || [ "$findings" -ne 0 ]; then
  grep -v -E '^#[0-9]+' "$log" | tail -n 60
  echo "found: $(find "$work/faults" -type f | tr '\n' ' ')"
  exit 1
fi
