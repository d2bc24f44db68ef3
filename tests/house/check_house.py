#!/usr/bin/env python3
"""Holds the source tree to the include table and keeps vendor symbols in the bindings.

usage: check_house.py TABLE SRC [CMAKE_TABLE]   exit 0 and a count, or 1 and every fault.
"""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
VENDOR_SYMBOL = re.compile(
    r"\b(cblas_\w+|LAPACKE_\w+|openblas_\w+|p[ds](?:sy|ge|tr|la|or)\w{1,6}_|Cp[ds]\w+|Cblacs_\w+|Csys2blacs_\w+"
    r"|elpa_(?:u?n?init|allocate|deallocate|setup|set|get|eigenv\w+|strerr|autotune\w*)"
    r"|H5[A-Z]{1,2}[a-z]\w+|EPS[A-Z]\w+|Mat(?:Create|Shell)\w*|Slepc[A-Z]\w+|Petsc[A-Z]\w+)\s*\(")
VENDOR_HEADER = re.compile(r"^(mpi|cblas|lapacke|hdf5|hdf5_hl|elpa/.*|slepc.*|petsc.*|scalapack.*)(\.h)?$")
MPI_SYMBOL = re.compile(r"\bMPI_[A-Z]\w+\s*\(")
MPI_ROOMS = {"bindings", "comm"}


def read_table(path):
    table = {}
    for line in Path(path).read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            room, _, allowed = line.partition(":")
            table[room.strip()] = set(allowed.split())
    return table


def closure(table):
    def reach(room, seen):
        for other in table[room]:
            if other not in seen:
                seen.add(other)
                reach(other, seen)
        return seen

    return {room: reach(room, set()) | {room} for room in table}


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def check(table_path, src, cmake_table=None):
    table, faults, files = read_table(table_path), [], 0
    reach = closure(table)
    if cmake_table:
        built = read_table(cmake_table)
        for room in sorted(set(table) | set(built)):
            if table.get(room) != built.get(room):
                faults.append(f"room {room}: the table allows {table.get(room)}, CMake links {built.get(room)}")
    src = Path(src)
    for path in sorted(src.rglob("*.[ch]pp")):
        room = path.relative_to(src).parts[0]
        files += 1
        if room not in table:
            faults.append(f"{path}: room '{room}' is not in the table")
            continue
        text = path.read_text()
        for quote, header in INCLUDE.findall(text):
            other = header.split("/")[0]
            if quote == '"' and "/" not in header:
                faults.append(f'{path}: #include "{header}" names no room')
            elif other in table and other not in reach[room]:
                faults.append(f"{path}: {room} may not include {header}")
            elif quote == "<" and room != "bindings" and VENDOR_HEADER.match(header):
                faults.append(f"{path}: <{header}> belongs in bindings")
        body = without_comments(text)
        if room != "bindings":
            for symbol in VENDOR_SYMBOL.findall(body):
                faults.append(f"{path}: vendor symbol {symbol} belongs in bindings")
        if room not in MPI_ROOMS:
            for symbol in MPI_SYMBOL.findall(body):
                faults.append(f"{path}: {symbol.strip('( ')} belongs in comm or bindings")
    if files == 0:
        faults.append(f"{src}: no source files")
    return faults, files


if __name__ == "__main__":
    found, count = check(*sys.argv[1:])
    print("\n".join(found) if found else f"{count} files keep to the include table")
    sys.exit(1 if found else 0)
