"""States of a mode, as /spectrum/state stores them."""

from typing import List, Tuple

import numpy as np

UNTRUSTED = 0  # the error bound exceeds a tenth of the value: rounding noise may have made it
TRUSTED = 1  # the error bound is below a tenth of the value
NULL_BY_RANK = 2  # the factor's shape says zero: counted, never listed as a tail


def runs(mask: np.ndarray) -> List[Tuple[int, int]]:
    """Half-open index ranges over which mask holds, so that no line is drawn across a gap."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], np.asarray(mask, bool), [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]
