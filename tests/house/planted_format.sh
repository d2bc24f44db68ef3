#!/usr/bin/env bash
# The format check refuses a badly formatted file.
set -u
cd "$1" || exit 1
tool=$(command -v clang-format-14 || command -v clang-format) || exit 77
"$tool" --version | grep -q 'version 14\.' || exit 77
bad=$(mktemp --suffix=.cpp)
trap 'rm -f "$bad"' EXIT
printf 'int   main( ){return   0 ;}\n' >"$bad"
if "$tool" --style=file:.clang-format --dry-run --Werror "$bad" 2>/dev/null; then
  echo "a badly formatted file passed"
  exit 1
fi
