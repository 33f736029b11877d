"""Which rows are looked at when a table is too large to look at all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PAIR_ROWS = 20_000
"""Rows on which columns are compared with each other."""
PROBE_ROWS = 5_000
"""Rows on which a model is fitted."""


def sample_rows(rows: int, limit: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions of at most `limit` rows in ascending order: all of them, or a draw that depends on the seed alone."""
    if rows <= limit:
        return np.arange(rows, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(rows, size=limit, replace=False)).astype(np.int64)
