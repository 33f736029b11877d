"""Text probe: do the texts of test rows nearly repeat texts of training rows, and are their answers then the same?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from generators.datasets.near_copies import near_texts
from generators.roles.rules.copies import Copies, compare_answers
from generators.roles.rules.review_probes import Material

_ROWS = 1_500
_CHARS = 600
_PROSE = 30
"""Characters on average from which a column of different texts is worth comparing."""


def text_copies(material: Material, *, seed: int = 0) -> Copies | None:
    """Compare the first 600 characters of at most 1,500 rows of each side; None where no column holds prose."""
    names = [name for name in material.inputs if _is_prose(material.train[name])]
    if not names:
        return None
    random = np.random.default_rng(seed)
    places = [np.sort(random.permutation(len(side))[:_ROWS]) for side in (material.train, material.test)]
    texts = [
        side[names].iloc[chosen].fillna("").astype(str).agg("\n".join, axis=1).str[:_CHARS].tolist()
        for side, chosen in zip((material.train, material.test), places, strict=True)
    ]
    return compare_answers(material, near_texts(texts[0], texts[1], seed=seed), *places, seed=seed)


def _is_prose(column: pd.Series) -> bool:
    if column.dtype.kind not in "OTU":
        return False
    texts = column.dropna().map(str)
    return texts.nunique() > 0.5 * len(column) and texts.str.len().mean() >= _PROSE
