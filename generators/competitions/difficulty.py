"""Difficulty: what the trial measured of how hard a competition is, and a word for it that follows from the figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Level = Literal["easy", "medium", "hard", "unclear"]

RELIABLE = 0.5
"""Below this discrimination at least half of the variance between solutions is noise, and the level is `unclear`."""
EASY_FIRST, EASY_SHARE = 0.9, 0.5
"""Easy: the simplest learned solution has nine tenths of the reference's gain, and the reference half of what is to be
gained at all."""
HARD_FIRST, HARD_SHARE = 0.5, 0.25
"""Hard: the simplest one has less than half of the reference's gain, or the reference less than a quarter of all."""
APART = 2.0
"""Standard errors of a difference by which two solutions are told apart."""


class Difficulty(BaseModel):
    """Measured on the ladder of reference solutions; scores in the metric's unit, on the whole test part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Level
    """See `level_of`."""
    headroom: float = Field(ge=0)
    """How far the reference is above the floor, positive where it is better."""
    headroom_share: float | None = None
    """The same as a share of the way from the floor to the best possible score; None where the metric has no best."""
    first_share: float
    """Share of the headroom that the simplest learned solution takes; below 0 where it is worse than the floor."""
    ladder_spread: float = Field(ge=0)
    """From the lowest to the highest score of the learned solutions."""
    seed_noise: float = Field(ge=0)
    """Standard deviation of the reference's score over its seeds."""
    row_noise: float = Field(ge=0)
    """Standard deviation of the headroom by the choice of test rows."""
    discrimination: float | None = None
    """Separation reliability of the floor and the learned solutions, 0 to 1; None where it is not known. See
    `separation_reliability`."""
    pairs_apart: float | None = None
    """Share of all pairs of them whose scores differ by more than `APART` standard errors; None as above."""


def measure(
    *,
    floor: float,
    learned: Mapping[str, float],
    best: float | None,
    higher_is_better: bool,
    seed_noise: float,
    row_noise: float,
    draws: np.ndarray | None = None,
) -> Difficulty | None:
    """The difficulty by the scores of the floor and of the `learned` solutions, simplest first; None where none of
    these beats the floor.

    `draws`: scores of the floor and the learned solutions in that order on resampled test rows, shape (draws,
    1 + solutions), scaled to as many rows as the test part has; None where the metric cannot be resampled.
    """
    sign = 1.0 if higher_is_better else -1.0
    gains = {name: sign * (score - floor) for name, score in learned.items()}
    headroom = max(gains.values(), default=0.0)
    if not headroom > 0:
        return None
    span = abs(best - floor) if best is not None else 0.0
    share = min(headroom / span, 1.0) if span > 0 else None
    first = next(iter(gains.values())) / headroom
    scores = np.array([floor, *learned.values()])
    known = draws is not None and len(draws) > 1
    errors = None if draws is None or not known else draws - draws.mean(axis=0)
    discrimination = None if errors is None else separation_reliability(scores, errors, seed_noise)
    return Difficulty(
        level=level_of(share, first, discrimination),
        headroom=_rounded(headroom),
        headroom_share=None if share is None else _rounded(share),
        first_share=_rounded(first),
        ladder_spread=_rounded(max(learned.values()) - min(learned.values())),
        seed_noise=_rounded(seed_noise),
        row_noise=_rounded(row_noise),
        discrimination=None if discrimination is None else _rounded(discrimination),
        pairs_apart=None if errors is None else _rounded(pairs_apart(scores, errors, seed_noise)),
    )


def level_of(headroom_share: float | None, first_share: float, discrimination: float | None) -> Level:
    """The word for the figures, by the thresholds of this module; `unclear` where noise hides who is better."""
    if discrimination is not None and discrimination < RELIABLE:
        return "unclear"
    if first_share < HARD_FIRST or (headroom_share is not None and headroom_share < HARD_SHARE):
        return "hard"
    if first_share >= EASY_FIRST and (headroom_share is None or headroom_share >= EASY_SHARE):
        return "easy"
    return "medium"


def separation_reliability(scores: np.ndarray, errors: np.ndarray, seed_noise: float = 0.0) -> float:
    """How much of the variance between solutions is not measurement error: (S^2 - E^2) / S^2, from 0 to 1.

    S^2 is the variance of their scores, E^2 the mean of the squared standard errors: the separation reliability of
    Wright and Masters, Rating Scale Analysis (1982), chapter 5. The errors come from resampled test rows (`errors`,
    shape (draws, solutions), each column around its mean; bootstrap, Efron 1979) less what all solutions have in
    common in a draw, for that separates none of them; the noise of seeds counts for each solution.
    """
    own = errors - errors.mean(axis=1, keepdims=True)
    observed = float(np.var(scores, ddof=1))
    if observed <= 0:
        return 0.0
    error = float(np.mean(np.var(own, axis=0, ddof=1))) + seed_noise**2
    return min(max(0.0, 1.0 - error / observed), 1.0)


def pairs_apart(scores: np.ndarray, errors: np.ndarray, seed_noise: float = 0.0) -> float:
    """Share of pairs of solutions whose scores differ by more than `APART` standard errors of their difference (from
    the same resampled rows, and the noise of seeds in both)."""
    pairs = list(itertools.combinations(range(len(scores)), 2))
    told = 0
    for one, other in pairs:
        spread = float(np.std(errors[:, one] - errors[:, other], ddof=1))
        told += abs(scores[one] - scores[other]) > APART * math.hypot(spread, math.sqrt(2) * seed_noise)
    return told / len(pairs) if pairs else 0.0


def _rounded(value: float) -> float:
    """What no order of additions can change."""
    return round(float(f"{value:.10g}"), 12)
