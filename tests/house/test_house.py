"""The house check itself: each planted fault is seen."""
import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("check_house", HERE / "check_house.py")
check_house = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_house)


def plant(tmp_path, room, text):
    folder = tmp_path / "src" / room
    folder.mkdir(parents=True)
    (folder / "planted.cpp").write_text(text)
    return check_house.check(HERE / "include_table.txt", tmp_path / "src")[0]


def test_an_allowed_include_passes(tmp_path):
    assert plant(tmp_path, "eigen", '#include "base/error.hpp"\n#include "dist/dist_matrix.hpp"\n') == []


@pytest.mark.parametrize("room, text, word", [
    ("kernels", '#include "comm/communicator.hpp"\n', "may not include"),
    ("eigen", '#include "store/run_file.hpp"\n', "may not include"),
    ("gram", '#include "eigen/eigensolver.hpp"\n', "may not include"),
    ("dist", "#include <hdf5.h>\n", "belongs in bindings"),
    ("gram", "void f() { cblas_dgemm(1); }\n", "vendor symbol"),
    ("studies", "void f() { pdsyev_(1); }\n", "vendor symbol"),
    ("store", "void f() { H5Dopen2(1); }\n", "vendor symbol"),
    ("eigen", "void f() { MPI_Barrier(c); }\n", "belongs in comm"),
    ("attic", "int x;\n", "not in the table"),
    ("deck", '#include "deck.hpp"\n', "names no room"),
])
def test_a_planted_fault_is_seen(tmp_path, room, text, word):
    faults = plant(tmp_path, room, text)
    assert len(faults) == 1 and word in faults[0]


def test_a_comment_is_not_a_use(tmp_path):
    assert plant(tmp_path, "gram", "// as cblas_dgemm(…) would\n") == []


def test_links_that_differ_from_the_table_are_seen(tmp_path):
    (tmp_path / "src" / "base").mkdir(parents=True)
    (tmp_path / "src" / "base" / "a.cpp").write_text("")
    cmake = tmp_path / "house.txt"
    cmake.write_text((HERE / "include_table.txt").read_text().replace("deck: base", "deck: base comm"))
    faults, _ = check_house.check(HERE / "include_table.txt", tmp_path / "src", cmake)
    assert len(faults) == 1 and "deck" in faults[0]
