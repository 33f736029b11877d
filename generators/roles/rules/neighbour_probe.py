"""Nearest-neighbour probe: do test rows lie much closer to training rows than training rows to each other?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.roles.rules.probe import encode
from generators.roles.rules.review_probes import Material

_ROWS = 2_000
_COLUMNS = 40
_CLOSE = 0.02


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the nearest training row says of a test row."""

    close: float
    """Share of test rows that lie within 2 % of the usual distance of a training row."""
    limit: float
    """The share that training rows have among themselves, and four standard errors."""
    same: float
    """Share of the close ones whose answer is the neighbour's (numbers: within 1 % of the spread)."""
    rest: float
    """The same of the test rows that are not close."""

    @property
    def telling(self) -> bool:
        """Whether more test rows than chance explains lie on a training row, and its answer is theirs."""
        return self.close > max(0.05, self.limit) and self.same > self.rest + 0.5 * (1 - self.rest)


def neighbours(material: Material, *, seed: int = 0) -> Neighbours | None:
    """Compare at most 2,000 rows of each side in their scaled numeric columns; None where these are fewer than two or
    so coarse that the usual distance is 0."""
    from scipy.spatial import cKDTree

    names = [
        name
        for name in material.inputs
        if material.train[name].dtype.kind == "f" and material.train[name].nunique() > 20
    ][:_COLUMNS]
    if len(names) < 2:
        return None
    random = np.random.default_rng(seed)
    sides = []
    for table in (material.train, material.test):
        chosen = np.sort(random.permutation(len(table))[:_ROWS])
        sides.append((encode(table[names].iloc[chosen].fillna(material.train[names].median())), chosen))
    (train, train_at), (test, test_at) = sides
    spread = train.std(axis=0)
    spread[spread == 0] = 1.0
    train, test = train / spread, test / spread
    tree = cKDTree(train)
    among = np.asarray(tree.query(train, k=2)[0])[:, 1]
    distance, place = map(np.asarray, tree.query(test))
    usual = float(np.median(among))
    if usual <= 0:
        return None
    expected = float((among <= _CLOSE * usual).mean())
    limit = expected + 4 * np.sqrt(max(expected, 1 / len(train)) * (1 / len(test) + 1 / len(train)))
    close = distance <= _CLOSE * usual
    same = material.agree(train_at[place], test_at)
    return Neighbours(
        float(close.mean()),
        float(limit),
        float(same[close].mean()) if close.any() else 0.0,
        float(same[~close].mean()) if (~close).any() else 0.0,
    )
