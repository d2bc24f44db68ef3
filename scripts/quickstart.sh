#!/usr/bin/env bash
# From a fresh clone to a certified spectrum and its report: installs, builds, runs inputs/quickstart.toml, plots.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

install_packages "${fathom_packages[@]}"
# Tests need more packages and minutes; keep them as an earlier test.sh left them.
tests=OFF
grep -qs 'FATHOM_TESTS:BOOL=ON' "$FATHOM_BUILD/CMakeCache.txt" && tests=ON
configure -DFATHOM_TESTS=$tests

say "build"
cmake --build "$FATHOM_BUILD" --target fathom -j "$(cores)"

ranks=${FATHOM_RANKS:-$(cores)}
output=${FATHOM_OUTPUT:-$FATHOM_ROOT/output/quickstart}
say "run inputs/quickstart.toml on $ranks ranks"
mpirun --oversubscribe -n "$ranks" "$FATHOM_BUILD/bin/fathom" run "$FATHOM_ROOT/inputs/quickstart.toml" \
  --set "run.output=$output" --set run.overwrite=true

say "report"
"$FATHOM_ROOT/scripts/fathom-report" "$output"
