"""What the training items that test items nearly repeat say of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.datasets.near_copies import NearCopy
from generators.roles.rules.review_probes import Material

Places = Sequence[int] | np.ndarray


@dataclass(frozen=True, slots=True)
class Copies:
    """Test items that nearly repeat a training item, and whether that item's answer is theirs."""

    copied: float = 0.0
    """Share of test items that nearly repeat a training item."""
    same_answer: float = 0.0
    """Share of these whose answer is that training item's (numbers: within 1 % of the spread)."""
    chance: float = 0.0
    """Share of equal answers among items paired at random."""

    @property
    def telling(self) -> bool:
        """Whether more than a twentieth of the test items is given away."""
        return self.copied > 0.05 and self.same_answer > self.chance + 0.5 * (1 - self.chance)


def compare_answers(
    material: Material,
    pairs: Sequence[NearCopy],
    train: Sequence[int] | np.ndarray,
    test: Sequence[int] | np.ndarray,
    *,
    seed: int = 0,
) -> Copies:
    """What `pairs` of items say, whose rows in the material are `train` and `test`."""
    if not len(test):
        return Copies()
    same = material.agree([train[pair.train] for pair in pairs], [test[pair.test] for pair in pairs])
    at_random = np.random.default_rng(seed).integers(len(material.train_truth), size=len(material.test_truth))
    by_chance = material.agree(at_random, np.arange(len(material.test_truth)))
    return Copies(len(pairs) / len(test), float(same.mean()) if len(same) else 0.0, float(by_chance.mean()))
