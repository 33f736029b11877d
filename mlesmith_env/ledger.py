"""The account of one episode: best score so far, milestones reached, rewards paid."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

from generators.competitions.grade import Part
from mlesmith_env import rewards
from mlesmith_env.turn import Turn

if TYPE_CHECKING:
    from generators.competitions.package import Competition
    from mlesmith_env.submissions import Submissions


class Ledger:
    """Turns what a step did into its reward, by the reward function called `reward`."""

    def __init__(self, competition: Competition, reward: str, part: Part) -> None:
        """`part`: the test rows whose score is shown."""
        self._card = competition.card
        self._reward = rewards.get_reward(reward)
        entries = competition.leaderboard()
        self._boards = {
            Part.PUBLIC: {entry.name: entry.public_score for entry in entries},
            Part.PRIVATE: {entry.name: entry.private_score for entry in entries},
        }
        self.board = self._boards[part]
        """Reference solutions with their scores on the part that is shown."""
        self.paid = 0.0
        """Sum of the rewards so far."""
        self.best = 0.0
        """Best shown normalised score so far; 0 before the first."""
        self._milestones: frozenset[str] = frozenset()
        self.nothing = 0.0 if not math.isnan(self._floor()) else math.nan
        """Normalised score of an episode without a valid submission; nan where scores cannot be normalised."""

    def copy(self) -> Ledger:
        """The same account, kept apart from here on."""
        return copy.copy(self)

    def normalized(self, score: float) -> float:
        """Normalised score; nan where it is unknown, or the competition has no usable reference scores."""
        scores = self._card.scores
        if scores is None or not math.isfinite(score):
            return math.nan
        try:
            return rewards.normalize(
                score, floor=scores.floor, reference=scores.reference, higher_is_better=self._card.higher_is_better
            )
        except ValueError:  # a reference that does not beat the floor: the verification says so, no score hangs on it
            return math.nan

    def settle(self, turn: Turn, submissions: Submissions) -> None:
        """Write reward and terms into a turn that is otherwise finished. A masked turn earns nothing."""
        if turn.mask_sample:
            turn.reward_terms = dict.fromkeys(self._reward(rewards.Step()), 0.0)
            return
        best = max(self.best, turn.normalized) if math.isfinite(turn.normalized) else self.best
        shown = turn.grade.score if turn.grade else math.nan
        reached = self._milestones | rewards.milestones(
            valid_action=turn.status not in ("malformed", "refused"),
            ran=turn.execution is not None and turn.execution.ok,
            shown_score=shown,
            board=self.board,
            higher_is_better=self._card.higher_is_better,
        )
        chosen = submissions.of_step(turn.chosen_step) if turn.chosen_step is not None else None
        turn.reward_terms = self._reward(
            rewards.Step(
                score=shown,
                normalized=turn.normalized,
                best_before=self.best,
                best=best,
                paid=self.paid,
                done=turn.done,
                final_score=turn.final.score if turn.final else math.nan,
                final_shown=chosen.grade.score if chosen else math.nan,
                final=turn.final_normalized if math.isfinite(turn.final_normalized) else 0.0,
                higher_is_better=self._card.higher_is_better,
                public_board=tuple(self._boards[Part.PUBLIC].values()),
                private_board=tuple(self._boards[Part.PRIVATE].values()),
                milestones_before=self._milestones,
                milestones=reached,
            )
        )
        turn.reward = rewards.total(turn.reward_terms)
        self.paid += turn.reward
        self.best, self._milestones = best, reached

    def _floor(self) -> float:
        return self.normalized(self._card.scores.floor) if self._card.scores else math.nan
