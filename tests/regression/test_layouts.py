"""The same deck over layouts: the spectrum does not depend on them. A seeded sample here; all of them with FATHOM_FULL=1."""
import itertools
import os
import random

import numpy as np
import pytest

from conftest import deck_of

SIZES = [1, 2, 15, 16, 17, 257, 1000]
BLOCKS = [1, 3, 16, 64]
GRIDS = {1: [(1, 1)], 2: [(1, 2), (2, 1)], 3: [(1, 3), (3, 1)], 4: [(2, 2), (1, 4)], 6: [(2, 3), (3, 2)]}
LAYOUTS = [(n, nb, p, grid) for n, nb, p in itertools.product(SIZES, BLOCKS, GRIDS) for grid in GRIDS[p]]
FULL = bool(os.environ.get("FATHOM_FULL"))
SAMPLE = LAYOUTS if FULL else random.Random(7).sample(LAYOUTS, 14)


def deck(n, solver):
    return deck_of(study=dict(kind="spectrum"), data=dict(source="sphere", n=n, dim=7),
                   kernel=dict(type="nngp", activation="erf", depth=2, weight_variance=1.5, bias_variance=0.1), solver=solver)


@pytest.fixture(scope="module")
def reference():
    return {}


@pytest.mark.parametrize("n, nb, ranks, grid", SAMPLE)
def test_same_spectrum(run, reference, n, nb, ranks, grid):
    if n not in reference:
        one = run(deck(n, dict(backend="lapack")), ranks=1, folder="one")
        assert one.code == 0, one.err
        reference[n] = one.spectrum()["eigenvalue"]
    result = run(deck(n, dict(grid=list(grid), block=nb)), ranks=ranks)
    assert result.code == 0, result.err
    s = result.spectrum()
    assert np.max(np.abs(s["eigenvalue"] - reference[n])) <= 60 * max(n, 1) * 2.0**-53 * reference[n][0]


@pytest.mark.parametrize("ranks", [5, 7])
def test_idle_ranks(run, ranks):
    result = run(deck(100, {}), ranks=ranks)
    assert result.code == 0, result.err
