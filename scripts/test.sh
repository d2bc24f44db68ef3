#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every quick test (ctest, which also runs pytest).
# Arguments go to ctest: scripts/test.sh -L full, scripts/test.sh -R deck.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

install_packages "${fathom_packages[@]}" "${fathom_test_packages[@]}"
configure -DFATHOM_TESTS=ON

say "build"
cmake --build "$FATHOM_BUILD" -j "$(cores)"

say "test"
[ $# -gt 0 ] || set -- -L quick
exec ctest --test-dir "$FATHOM_BUILD" --output-on-failure -j "$(cores)" "$@"
