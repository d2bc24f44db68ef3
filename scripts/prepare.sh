# Sourced by quickstart.sh and test.sh: system packages, configure. Not run by itself.
# Sets FATHOM_ROOT, FATHOM_BUILD and FATHOM_PRESET.

FATHOM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FATHOM_PRESET=release
[ -n "${CI:-}" ] && FATHOM_PRESET=ci
FATHOM_BUILD=$FATHOM_ROOT/build/release

fathom_packages=(
  g++ cmake ninja-build pkg-config git help2man
  libopenmpi-dev openmpi-bin libopenblas-pthread-dev liblapacke-dev
  libscalapack-openmpi-dev libelpa-dev libslepc-real-dev libpetsc-real-dev
  libhdf5-openmpi-dev libtomlplusplus-dev libspdlog-dev libfmt-dev libcli11-dev
  nlohmann-json3-dev librandom123-dev libxxhash-dev libqd-dev libboost-math-dev
  python3 python3-numpy python3-scipy python3-h5py python3-xarray python3-h5netcdf
  python3-matplotlib python3-jinja2
)
fathom_test_packages=(libgtest-dev libgmock-dev libmpfr-dev clang-format-14 python3-pytest python3-sklearn python3-mpmath
  slurm-wlm munge shellcheck)

say() { printf '\n== %s\n' "$*"; }

# install_packages NAME…: installs what is missing; without root and sudo, says what to install and stops.
install_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: make sure these (or your site's modules for them) are installed:"
    printf '  %s\n' "$@"
    return 0
  fi
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && { say "system packages: all ${#} present"; return 0; }
  local elevate=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      elevate=(sudo)
    elif command -v sudo >/dev/null && [ -t 0 ]; then
      elevate=(sudo)
    else
      echo "These packages are missing and this user may not install them. Ask your administrator for:"
      echo "  apt-get install ${missing[*]}"
      exit 1
    fi
  fi
  say "installing ${#missing[@]} system packages"
  "${elevate[@]}" apt-get update -qq
  "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/fathom-apt-$$.log 2>&1 || {
      tail -n 20 /tmp/fathom-apt-$$.log
      echo "apt-get failed; its whole output is in /tmp/fathom-apt-$$.log"
      exit 1
    }
  rm -f /tmp/fathom-apt-$$.log
}

# configure: the release preset, in CI the one that makes warnings errors.
configure() {
  say "configure ($FATHOM_PRESET)"
  mkdir -p "$FATHOM_ROOT/build"
  local log=$FATHOM_ROOT/build/configure.log
  (cd "$FATHOM_ROOT" && cmake --preset "$FATHOM_PRESET" "$@" >"$log" 2>&1) || { cat "$log"; exit 1; }
  sed -n '/^-- fathom /,$p' "$log"
}

# Open MPI refuses root and more ranks than cores unless told.
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
# Containers often forbid the system call behind single-copy messages; Open MPI then warns at every start.
export OMPI_MCA_btl_vader_single_copy_mechanism=none

# cores: physical cores, within what a container's CPU quota gives.
cores() {
  local count usable quota period
  usable=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)  # nproc counts no more than OpenMP may use
  count=$(lscpu -p=core,socket 2>/dev/null | grep -v '^#' | sort -u | wc -l)
  { [ "$count" -gt 0 ] && [ "$count" -le "$usable" ]; } || count=$usable
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
    quota=$(((quota + period - 1) / period))
    [ "$quota" -ge "$count" ] || count=$quota
  fi
  echo "$count"
}
