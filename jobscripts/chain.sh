#!/usr/bin/env bash
# A run, and its report when the run has ended well.
#   jobscripts/chain.sh --ntasks=64 --time=12:00:00 DECK [--set key=value …]
# The run is requeue.slurm's; it may be queued again several times before the report starts. A run that fails, or is
# stopped for good, takes the waiting report out of the queue. Prints both job numbers and the run folder.
set -euo pipefail
# shellcheck source=jobscripts/submit.sh
source "$(dirname "${BASH_SOURCE[0]}")/submit.sh"

"$FATHOM_BINARY" check "$DECK" ${SETS[@]+"${SETS[@]}"} >/dev/null
OUTPUT=$(fresh_folder "$(basename "$DECK" .toml)")
export OUTPUT
run=$(submit ${OPTIONS[@]+"${OPTIONS[@]}"} "$FATHOM/jobscripts/requeue.slurm" "$DECK" ${SETS[@]+"${SETS[@]}"})
report=$(submit ${PLACE[@]+"${PLACE[@]}"} --dependency="afterok:$run" --kill-on-invalid-dep=yes \
  "$FATHOM/jobscripts/report.slurm" "$OUTPUT") || {
  echo "run $run is submitted, in $OUTPUT; its report is not. When it has ended: sbatch jobscripts/report.slurm $OUTPUT" >&2
  exit 1
}
echo "run $run, report $report, in $OUTPUT"
