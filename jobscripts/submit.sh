# shellcheck shell=bash disable=SC2034
# Sourced by array.sh and chain.sh, which submit several jobs: OPTIONS are the words before the deck, as sbatch takes
# them (--option=value), PLACE those of them that say where and for whom a job runs, DECK and SETS what follows.

FATHOM=${FATHOM:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
export FATHOM
# shellcheck source=jobscripts/site.profile
source "${FATHOM_PROFILE:-$FATHOM/jobscripts/site.profile}"
FATHOM_BINARY=${FATHOM_BINARY:-$FATHOM/build/release/bin/fathom}

OPTIONS=() PLACE=()
while [[ ${1:-} == -* ]]; do
  OPTIONS+=("$1")
  case $1 in
    --account=* | --partition=* | --qos=* | --clusters=* | --reservation=* | -A?* | -p?* | -q?* | -M?*) PLACE+=("$1") ;;
  esac
  shift
done
if [ $# -eq 0 ]; then
  echo "usage: $0 [sbatch options, each as --option=value] DECK [--set key=value …]" >&2
  exit 64
fi
DECK=$1
shift
SETS=("$@")

# submit OPTION… SCRIPT ARGUMENT…: prints the number of the new job.
submit() {
  local answer
  answer=$(sbatch --parsable "$@") || return
  echo "${answer%%;*}"
}

# fresh_folder NAME: a run folder under output/ that nobody has, unless OUTPUT names one.
fresh_folder() {
  echo "${OUTPUT:-$PWD/output/$1-$(date +%Y%m%d-%H%M%S)-$$}"
}
