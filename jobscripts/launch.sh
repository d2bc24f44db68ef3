# shellcheck shell=bash
# What the job scripts have in common: starting fathom so that a signal reaches it, and what to do when it has ended.
# Sourced by them, not run by itself. It counts on
#   FATHOM           the checkout (default: the folder sbatch was called in)
#   FATHOM_BINARY    the program (default: its release build)
#   FATHOM_PROFILE   the site's profile (default: the checkout's)
#   FATHOM_RESTARTS  how often a job that was stopped may queue itself again (default: never)
#
# A job ends with fathom's exit code. What became of a run is read from its status.json: the code a launcher returns
# for a run that was stopped is its own (mpirun 4 returns 1 after SIGTERM).

FATHOM=${FATHOM:-${SLURM_SUBMIT_DIR:-$PWD}}
if [ ! -r "${FATHOM_PROFILE:=$FATHOM/jobscripts/site.profile}" ]; then
  echo "there is no $FATHOM_PROFILE: submit from the folder of fathom, or set FATHOM to it" >&2
  exit 64
fi
# shellcheck source=jobscripts/site.profile
source "$FATHOM_PROFILE"
FATHOM_BINARY=${FATHOM_BINARY:-$FATHOM/build/release/bin/fathom}
FATHOM_RESTARTS=${FATHOM_RESTARTS:-0}
if ! command -v "$FATHOM_BINARY" >/dev/null; then
  echo "there is no program $FATHOM_BINARY: build fathom first, or set FATHOM_BINARY" >&2
  exit 64
fi

# One BLAS thread a rank. Since Slurm 22.05 srun does not take --cpus-per-task from the job by itself.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}

stop_asked=0   # SIGUSR1 came
terminated=0   # SIGTERM came
launcher=      # pid of srun or mpirun

# Both launchers hand SIGUSR1 on to all ranks, on all nodes.
hand_on() {
  stop_asked=1 heard=1
  echo "SIGUSR1: asking fathom to stop at its next safe point"
  [ -z "$launcher" ] || kill -USR1 "$launcher" 2>/dev/null
}
trap hand_on USR1
# scancel, the time limit itself, preemption: Slurm tells the ranks as well, and knows best whether the job comes back.
trap 'terminated=1 heard=1; echo "SIGTERM: this job is being ended"' TERM

# launch ARGUMENT…: fathom on all tasks of the job. bash runs a trap only between commands, so the launcher runs in the
# background and is waited for, again after every signal, until it is gone.
launch() {
  local words code=0
  read -ra words <<<"$FATHOM_LAUNCH"
  "${words[@]}" "$FATHOM_BINARY" "$@" &
  launcher=$!
  while :; do
    heard=0
    wait "$launcher" && code=0 || code=$?
    [ "$heard" = 1 ] || break
  done
  launcher=
  return "$code"
}

# field RUN NAME: a word or number of status.json, empty where there is none.
field() {
  sed -n -E "s/^  \"$2\": \"?([a-z0-9]*)\"?,?\$/\1/p" "$1/status.json" 2>/dev/null | head -n 1
}

# jobs_of RUN: the jobs that had a part in the run, the last one last.
jobs_of() {
  sed -n -E 's/^  "jobs": "([0-9 ]*)",?$/\1/p' "$1/status.json" 2>/dev/null | head -n 1
}

# of_this_job RUN: whether an earlier start of this very job began or went on with the run.
of_this_job() {
  [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] && [[ " $(jobs_of "$1") " == *" $SLURM_JOB_ID "* ]]
}

# can_go_on RUN: whether there is a run that is not finished. From where it goes on, fathom knows.
can_go_on() {
  [ -e "$1/deck.toml" ] && [ -e "$1/deck.resolved.toml" ] && [ "$(field "$1" state)" != finished ]
}

# key_of WORD: of KEY=VALUE as fathom takes it.
key_of() {
  tr -d "[:blank:]\"'" <<<"${1%%=*}"
}

# set_of KEY ARGUMENT…: the value that the words give a key, the last one; fails where none does.
set_of() {
  local key=$1 value='' found=1 next=0 word
  shift
  for word in "$@"; do
    if [ "$next" = 0 ]; then
      [ "$word" != --set ] || { next=1; continue; }
      [[ $word == --set=* ]] || continue
      word=${word#--set=}
    fi
    next=0
    [ "$(key_of "$word")" != "$key" ] || { value=$(tr -d '[:blank:]' <<<"${word#*=}") found=0; }
  done
  [ "$found" = 0 ] && echo "$value"
}

# toml TEXT: as a string of a deck.
toml() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# go_on RUN DECK ARGUMENT…: resumes. fathom refuses another deck or point, and words that change what the run is.
go_on() {
  local run=$1 deck=$2 words=()
  shift 2
  echo "goes on with the run in $run"
  if ! of_this_job "$run"; then
    launch resume "$run" --deck "$deck" "$@"
    return
  fi
  # A later start of a job does not look at a deck that may be another by now. The run knows its point and its places.
  while [ $# -gt 0 ]; do
    case $1 in
      --point) shift ;;
      --set)
        shift
        [ "$(key_of "$1")" = run.checkpoint_folder ] || words+=(--set "$1") ;;
      --point=*) ;;
      --set=*)
        [ "$(key_of "${1#--set=}")" = run.checkpoint_folder ] || words+=("$1") ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  launch resume "$run" ${words[@]+"${words[@]}"}
}

# run_or_resume RUN DECK ARGUMENT…: starts the run, or goes on with it where it was stopped; then ends the job.
run_or_resume() {
  local run=$1 deck=$2 before code=0
  shift 2
  if set_of run.output "$@" >/dev/null; then
    echo "the run folder of a job is named by OUTPUT, not by --set run.output" >&2
    exit 64
  fi
  echo "job $SLURM_JOB_ID on $SLURM_JOB_NODELIST: ${SLURM_NTASKS:-1} ranks, start $((${SLURM_RESTART_COUNT:-0} + 1)), run folder $run"
  before=$(cat "$run/status.json" 2>/dev/null)
  if [ "$stop_asked" = 1 ]; then
    echo "asked to stop before anything ran"
  elif of_this_job "$run" && [ "$(field "$run" state)" = finished ]; then
    echo "$run is finished already"
    exit 0
  elif ! can_go_on "$run" || { [ "$(set_of run.overwrite "$@")" = true ] && ! of_this_job "$run"; }; then
    launch run "$deck" --set "run.output=$(toml "$run")" "$@" || code=$?
  else
    go_on "$run" "$deck" "$@" || code=$?
  fi
  # What another job does there meanwhile is not this one's.
  local state=untouched jobs
  jobs=$(jobs_of "$run")
  if [ "${jobs##* }" = "$SLURM_JOB_ID" ] && [ "$(cat "$run/status.json")" != "$before" ]; then
    state=$(field "$run" state)
  fi
  conclude "$run" "$state" "$code"
}

# conclude RUN STATE CODE: says how the run ended and ends the job.
conclude() {
  local run=$1 state=$2 code=$3 stored
  stored=$(field "$run" exit_code)
  case $state in
    finished)
      echo "finished; report: scripts/fathom-report $run"
      exit 0 ;;
    failed)
      echo "failed with code $stored, see $run/status.json"
      exit "${stored:-70}" ;;
    checkpointed)
      end_stopped "$run" ;;
  esac
  if [ "$terminated" = 1 ]; then
    echo "ended by Slurm before a safe point was reached"
    exit 75
  fi
  # No last word from fathom: refused before it changed anything, or ended from outside.
  if [ "$stop_asked" = 1 ] && ended_by_the_signal "$state" "$code"; then
    echo "asked to stop before fathom could listen"
    queue_again "$run"
  fi
  [ "$code" -ne 0 ] || code=70
  [ "$state" = untouched ] ||
    echo "ended from outside (code $code): out of memory, a lost node, scancel; see scontrol show job $SLURM_JOB_ID"
  exit "$code"
}

# ended_by_the_signal STATE CODE: 138 is SIGUSR1's; a code of fathom's own, or SIGKILL's, would come again.
ended_by_the_signal() {
  [ "$2" -eq 138 ] || { [ "$1" = untouched ] && [[ ! "$2" =~ ^(6[4-9]|7[0-9]|8[0-2]|9|137)$ ]]; }
}

# end_stopped RUN: of a run that stopped in order; queued again where that can bring it further.
end_stopped() {
  local run=$1 needed given=$((${SLURM_JOB_END_TIME:-0} - ${SLURM_JOB_START_TIME:-0}))
  # The file itself is gone: the run has taken it away.
  if grep -q '^  "stop_requested": "the file STOP"' "$run/status.json"; then
    echo "stopped by the file STOP, not queued again; to go on: OUTPUT=$run sbatch … with the same deck"
    exit 75
  fi
  if grep -q '^  "message": ".*; nothing was kept' "$run/status.json"; then
    echo "not queued again: run.checkpoint is \"off\", it would begin anew"
    exit 75
  fi
  needed=$(sed -n -E 's/^  "stop_requested": ".* needs ([0-9]+) s.*/\1/p' "$run/status.json" | head -n 1)
  # A run keeps up to a minute for its end in order, and takes some time to come there again.
  if [ "$given" -gt 0 ] && [ "$((${needed:-0} + 120))" -gt "$given" ] && [ -n "$needed" ]; then
    echo "not queued again: it needs $needed s at a stretch, this job has $given s in all; give it more:"
    echo "OUTPUT=$run sbatch --time=$((2 * needed / 60 + 1)) … with the same deck"
    exit 75
  fi
  queue_again "$run"
}

# queue_again RUN: the same job, under the same number, back into the queue; exit 75 where it was there often enough.
queue_again() {
  local restarts=${SLURM_RESTART_COUNT:-0}
  if [ "$terminated" = 1 ]; then
    echo "not queued again: this job is being ended"
  elif [ "$restarts" -lt "$FATHOM_RESTARTS" ]; then
    echo "queued again, restart $((restarts + 1)) of $FATHOM_RESTARTS"
    scontrol requeue "$SLURM_JOB_ID" || echo "scontrol requeue failed: does the site allow it?"
  elif [ "$FATHOM_RESTARTS" -gt 0 ]; then
    echo "not queued again: $FATHOM_RESTARTS restarts were allowed"
  fi
  echo "to go on: OUTPUT=$1 sbatch … with the same deck"
  exit 75
}
