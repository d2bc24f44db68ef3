#!/usr/bin/env bash
# Formats every C++ file with clang-format 14; with --check, says which files differ and fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tool=$(command -v clang-format-14 || command -v clang-format) || { echo "clang-format 14 is not installed"; exit 77; }
"$tool" --version | grep -q 'version 14\.' || { echo "clang-format 14 is pinned; found: $("$tool" --version)"; exit 77; }
mapfile -t files < <(find src drivers tests cmake -name '*.cpp' -o -name '*.hpp' | sort)
if [ "${1:-}" = --check ]; then
  "$tool" --dry-run --Werror "${@:2}" "${files[@]}"
else
  "$tool" -i "${files[@]}"
fi
