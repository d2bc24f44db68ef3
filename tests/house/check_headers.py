#!/usr/bin/env python3
"""Every header under SRC compiles alone, with its own room's flags from compile_commands.json.

usage: check_headers.py SRC BUILD [HEADER …]
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def room_flags(build, src):
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        if src in path.parents:
            words = shlex.split(entry["command"])
            if "ccache" in os.path.basename(words[0]):
                words = words[1:]
            keep = [w for w in words[:1] + words[1:] if w.startswith(("-D", "-I", "-std", "-W", "-m"))]
            isystem = [x for i, w in enumerate(words) if w == "-isystem" for x in (w, words[i + 1])]
            flags[path.relative_to(src).parts[0]] = [words[0], *keep, *isystem]
    return flags


def compile_alone(header, flags):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(f'#include "{header}"\n#include "{header}"\n')
        file.flush()
        run = subprocess.run([*flags, "-Werror", "-fsyntax-only", file.name], capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def main():
    src, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    headers = [Path(h).resolve() for h in sys.argv[3:]] or sorted(src.rglob("*.hpp"))
    flags = room_flags(build, src)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = list(pool.map(lambda h: compile_alone(h, flags.get(h.parent.name, flags["base"])), headers))
    for header, fault in zip(headers, faults):
        if fault:
            print(f"{header} does not compile alone:\n{fault}")
    print(f"{len(headers) - sum(map(bool, faults))} of {len(headers)} headers compile alone")
    return 1 if any(faults) or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
