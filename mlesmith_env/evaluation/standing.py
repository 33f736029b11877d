"""Where a score stands on a competition's own leaderboard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.competitions import leaderboard

if TYPE_CHECKING:
    from generators.competitions.package import Competition
    from mlesmith_env.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Standing:
    """A final score among the reference solutions, by their scores on the private part."""

    metric: str
    higher_is_better: bool
    position: int | None = None
    """The first place that is tied or beaten, from 1; None without a score or a leaderboard."""
    entries: int = 0
    medal: str = ""
    """`gold`, `silver`, `bronze` or empty."""

    @classmethod
    def of(cls, competition: Competition, rollout: Rollout) -> Standing:
        """Raises `CompetitionError` where the leaderboard cannot be read."""
        card = competition.card
        board = [entry.private_score for entry in competition.leaderboard()]
        if not board or not math.isfinite(rollout.score):
            return cls(card.metric, card.higher_is_better, entries=len(board))
        higher = card.higher_is_better
        return cls(
            card.metric,
            higher,
            position=leaderboard.position(rollout.score, board, higher_is_better=higher),
            entries=len(board),
            medal=leaderboard.medal(rollout.score, board, higher_is_better=higher),
        )
