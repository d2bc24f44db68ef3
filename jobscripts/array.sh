#!/usr/bin/env bash
# Every point of a deck's [sweep] as a job of its own, and one report of all when all have ended well.
#   jobscripts/array.sh --ntasks=8 --time=02:00:00 DECK [--set key=value …]
# FATHOM_AT_ONCE limits how many points run at the same time. Prints both job numbers and the folder of the runs.
set -euo pipefail
# shellcheck source=jobscripts/submit.sh
source "$(dirname "${BASH_SOURCE[0]}")/submit.sh"

points=$("$FATHOM_BINARY" points "$DECK" --count ${SETS[@]+"${SETS[@]}"})
OUTPUT=$(fresh_folder "$(basename "$DECK" .toml)")
export OUTPUT
array=$(submit ${OPTIONS[@]+"${OPTIONS[@]}"} --array="1-$points${FATHOM_AT_ONCE:+%$FATHOM_AT_ONCE}" \
  "$FATHOM/jobscripts/point.slurm" "$DECK" ${SETS[@]+"${SETS[@]}"})
report=$(submit ${PLACE[@]+"${PLACE[@]}"} --dependency="afterok:$array" --kill-on-invalid-dep=yes \
  "$FATHOM/jobscripts/report.slurm" "$OUTPUT") || {
  echo "array $array of $points points is submitted, in $OUTPUT; its report is not. When it has ended: sbatch jobscripts/report.slurm $OUTPUT" >&2
  exit 1
}
echo "array $array of $points points, report $report, in $OUTPUT"
