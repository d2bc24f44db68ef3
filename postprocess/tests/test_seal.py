"""Damage to sealed run files, drawn by a seed: none of it may be accepted."""

import random
import shutil
from pathlib import Path

import fathom_report
import h5py
import make_run
import numpy as np
import pytest
from fathom_report.errors import RunFileError
from fathom_report.seal import check_seal
from fathom_report.xxh3 import _library, _Stream


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    """A small run with texts, attributes and values; tests must not change it."""
    maker = make_run.RunMaker(tmp_path_factory.mktemp("sealed"), "Sealed, é", "spectrum")
    make_run.put_spectrum(maker, "/", np.arange(1, 9.0) ** -1.2)
    make_run.put_quality(maker, "/")
    make_run.put_machine(maker)
    return maker.finish(sealed=True)


def damaged(data: bytes, rng: random.Random) -> bytes:
    place, kind = rng.randrange(len(data)), rng.randrange(4)
    if kind == 0:
        return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1:]
    if kind == 1:
        return data[:place]
    if kind == 2:
        return data + bytes(rng.randrange(1, 100))
    return data[:place] + rng.randbytes(16) + data[place + 16:]


def test_control(sealed):
    run = fathom_report.open_run(sealed)
    assert run.verified > 8 and run.unverified_because == ""
    assert check_seal(sealed)[1] == 0


def test_no_damage_is_accepted(sealed, tmp_path):
    rng, data, path = random.Random(1), sealed.read_bytes(), tmp_path / "run.h5"
    for number in range(250):
        path.write_bytes(damaged(data, rng))
        if path.read_bytes() == data:
            continue
        with pytest.raises(RunFileError) as refusal:
            fathom_report.open_run(path)
        assert str(path) in str(refusal.value), number


def test_says_which_values_are_damaged(sealed, tmp_path):
    with h5py.File(sealed, "r") as file:
        place = file["spectrum/eigenvalue"].id.get_offset()
    data = bytearray(sealed.read_bytes())
    data[place + 8] ^= 1
    (tmp_path / "run.h5").write_bytes(bytes(data))
    with pytest.raises(RunFileError, match="damaged: /spectrum/eigenvalue differs"):
        fathom_report.open_run(tmp_path)
    assert fathom_report.open_run(tmp_path, verify=False).verified == 0


def test_a_changed_file_is_refused(sealed, tmp_path):
    path = shutil.copy(sealed, tmp_path / "run.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = "mine"
    with pytest.raises(RunFileError, match="its seal is gone"):
        fathom_report.open_run(path)


def test_without_xxh3_nothing_is_accepted_in_silence(sealed, monkeypatch):
    monkeypatch.setattr("fathom_report.seal.hash_64", lambda: None)
    with pytest.raises(RunFileError, match="install python3-xxhash"):
        fathom_report.open_run(sealed)


def test_xxh3_128_known_answer():
    # of the empty input with seed 0, as xxHash documents it
    assert _library() is not None, "libxxhash must be there for this test"
    assert _Stream(_library()).hexdigest() == "99aa06d3014798d86001c324468d497f"
