"""Text probe: do the texts of test rows nearly repeat texts of training rows, and are their answers then the same?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.datasets.near_copies import near_texts
from generators.roles.rules.review_probes import Material

_ROWS = 1_500
_CHARS = 600
_PROSE = 30
"""Characters on average from which a column of different texts is worth comparing."""


@dataclass(frozen=True, slots=True)
class TextCopies:
    """What nearly the same training text says of a test row."""

    copied: float
    """Share of test rows whose texts nearly repeat those of a training row."""
    same_answer: float
    """Share of these whose answer is that training row's (numbers: within 1 % of the spread)."""
    chance: float
    """Share of equal answers among rows paired at random."""

    @property
    def telling(self) -> bool:
        """Whether more than a twentieth of the test rows is given away."""
        return self.copied > 0.05 and self.same_answer > self.chance + 0.5 * (1 - self.chance)


def text_copies(material: Material, *, seed: int = 0) -> TextCopies | None:
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
    truths = material.train_truth[places[0]], material.test_truth[places[1]]
    margin = 0.0 if material.classes else 0.01 * float(np.std(material.train_truth))
    pairs = near_texts(texts[0], texts[1], seed=seed)
    same = [abs(truths[0][pair.train] - truths[1][pair.test]) <= margin for pair in pairs]
    mixed = np.abs(random.choice(truths[0], len(truths[1])) - truths[1]) <= margin
    return TextCopies(len(pairs) / max(1, len(texts[1])), float(np.mean(same)) if same else 0.0, float(np.mean(mixed)))


def _is_prose(column: pd.Series) -> bool:
    if column.dtype.kind not in "OTU":
        return False
    texts = column.dropna().map(str)
    return texts.nunique() > 0.5 * len(column) and texts.str.len().mean() >= _PROSE
