"""The seal of run.h5: text behind the last byte of HDF5 with a hash for every byte of the file.

It is compared before HDF5 opens the file, which may crash over damaged texts and references. Lines: `fathom seal 1`;
`bytes N` of HDF5; `values OFFSET BYTES PANEL HASH,… PATH` a numeric dataset; `rest HASH` of all other bytes;
`seal HASH LENGTH`, of the lines before.
"""

import re
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Tuple

from .errors import RunFileError
from .xxh3 import hash_64, hash_128

LAST_LINE = re.compile(rb"seal ([0-9a-f]{32}) ([0-9]{10})\n")
LAST_LINE_BYTES = 49
BUFFER = 1 << 24


class SealedValues(NamedTuple):
    path: str
    offset: int
    bytes: int
    panel: int
    hashes: List[str]


def check_seal(path: Path) -> Optional[Tuple[int, int]]:
    """(numeric datasets compared, matrices not read because they are hashed by several panels); None: no seal.

    RunFileError names every part that is damaged.
    """
    with open(path, "rb") as file:
        text = _read_seal(file, path)
        if text is None:
            return None
        size, values, rest = _parse(text)
        faults = [f"{part.path} differs from its stored checksum" for part in values
                  if len(part.hashes) == 1 and _hash_of_values(file, part) != part.hashes[0]]
        if _hash_of_rest(file, size, values) != rest:
            faults.append("its structure, texts or attributes differ from their stored checksum")
    if faults:
        raise RunFileError(f"{path}: damaged: " + "; ".join(faults))
    large = sum(len(part.hashes) != 1 for part in values)
    return len(values) - large, large


def make_seal(path: Path, values: List[SealedValues]) -> None:
    """Seals a file as fathom does: for tests."""
    size = path.stat().st_size
    lines = ["fathom seal 1", f"bytes {size}"]
    lines += [f"values {v.offset} {v.bytes} {v.panel} {','.join(v.hashes)} {v.path}" for v in values]
    with open(path, "r+b") as file:
        lines.append(f"rest {_hash_of_rest(file, size, values)}")
        text = ("\n".join(lines) + "\n").encode()
        file.seek(size)
        file.write(text + f"seal {_hash_128(text)} {len(text) + LAST_LINE_BYTES:010d}\n".encode())


def _read_seal(file: BinaryIO, path: Path) -> Optional[bytes]:
    size = file.seek(0, 2)
    if size < LAST_LINE_BYTES:
        return None
    file.seek(size - LAST_LINE_BYTES)
    last = LAST_LINE.fullmatch(file.read())
    if last is None:
        return None
    if hash_64() is None:
        raise RunFileError(f"{path}: its checksums cannot be compared: install python3-xxhash or libxxhash, or do "
                           "without the comparison (--no-verify)")
    length = int(last[2])
    if not LAST_LINE_BYTES <= length <= size:
        raise RunFileError(f"{path}: damaged: its seal differs from its own checksum")
    file.seek(size - length)
    text = file.read(length - LAST_LINE_BYTES)
    if _hash_128(text) != last[1].decode():
        raise RunFileError(f"{path}: damaged: its seal differs from its own checksum")
    if not text.startswith(b"fathom seal 1\n"):
        raise RunFileError(f"{path}: sealed in another format; use the fathom-report of the version that wrote it")
    if _parse(text)[0] + length != size:
        raise RunFileError(f"{path}: damaged: {size - length} bytes before its seal instead of {_parse(text)[0]}")
    return text


def _parse(text: bytes) -> Tuple[int, List[SealedValues], str]:
    size, rest, values = 0, "", []
    for line in text.decode().splitlines():
        what, _, words = line.partition(" ")
        if what == "bytes":
            size = int(words)
        elif what == "rest":
            rest = words
        elif what == "values":
            offset, length, panel, hashes, path = words.split(" ", 4)
            values.append(SealedValues(path, int(offset), int(length), int(panel), hashes.split(",")))
    return size, values, rest


def _hash_128(data: bytes) -> str:
    stream = hash_128()
    stream.update(data)
    return stream.hexdigest()


def _hash_of_values(file: BinaryIO, part: SealedValues) -> str:
    file.seek(part.offset)
    return f"{hash_64()(file.read(part.bytes)):016x}"


def _hash_of_rest(file: BinaryIO, size: int, values: List[SealedValues]) -> str:
    stream, place = hash_128(), 0
    for begin, end in [(v.offset, v.offset + v.bytes) for v in values] + [(size, size)]:
        for data in _pieces(file, place, begin):
            stream.update(data)
        place = end
    return stream.hexdigest()


def _pieces(file: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    while begin < end:
        file.seek(begin)
        data = file.read(min(BUFFER, end - begin))
        if not data:
            return
        begin += len(data)
        yield data
