"""Seeds of the branches of a fork: as given, or derived so that the same calls give the same seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def branch_seeds(n: int, seeds: Sequence[int] | None, *, own: int, made: int) -> list[int]:
    """One seed for each of `n` branches, none negative.

    Where none are given they follow from the seed `own` of what is forked and from the number of branches that were
    `made` of it before. Raises `ValueError` where `n` is not positive or `seeds` does not fit it.
    """
    if n < 1:
        raise ValueError(f"a fork needs at least one branch, got n={n!r}")
    if seeds is None:
        return [_derived(own, made + place) for place in range(n)]
    if len(seeds) != n:
        raise ValueError(f"{n} branches need {n} seeds, got {len(seeds)}")
    if any(seed < 0 for seed in seeds):
        raise ValueError(f"seeds must not be negative, got {list(seeds)!r}")
    return [int(seed) for seed in seeds]


def _derived(own: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{own}/{number}".encode()).digest()[:4], "big") >> 1
