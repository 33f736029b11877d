"""Grade: what becomes of a submission."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How grading ended."""

    SCORED = "scored"
    MISSING = "missing"
    """There is no submission."""
    INVALID = "invalid"
    """The submission is at fault; the reason says what to change."""
    TIMEOUT = "timeout"
    """The metric ran out of time on this submission."""
    GRADER_ERROR = "grader_error"
    """The competition or the machinery is at fault, never the agent."""


class Part(StrEnum):
    """Rows of the test answers that a grade is about."""

    PUBLIC = "public"
    PRIVATE = "private"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Grade:
    """Outcome, score and reason. A score is finite exactly where the outcome is `scored`, else nan."""

    outcome: Outcome
    score: float = math.nan
    reason: str = ""
    seconds: float = 0.0
    part: Part = Part.PUBLIC
    detail: str = ""
    """For `grader_error`: what went wrong, for those who keep the competition. It may quote answers: participants never
    see it."""

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.SCORED) != math.isfinite(self.score):
            raise ValueError(
                f"a grade has a finite score exactly where it is scored, got {self.outcome} with {self.score}"
            )
