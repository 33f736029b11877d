"""Verdict: what verification says of a package, as kept in `verification.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from generators.competitions.card import ReferenceScores
from generators.competitions.difficulty import Difficulty
from generators.finding import CheckResult, Finding, Severity


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class LeaderboardEntry(_Frozen):
    """One reference solution: name, scores in the metric's unit, seconds."""

    name: str
    public_score: float
    private_score: float
    score: float
    """On the whole test part."""
    seconds: float
    kind: str = "scripted"
    """`trivial` (never looks at an input) or `scripted`."""


class TrialResult(_Frozen):
    """What the trial in the environment gave."""

    checks: tuple[CheckResult, ...]
    leaderboard: tuple[LeaderboardEntry, ...] = ()
    scores: ReferenceScores | None = None
    """None where the trial did not get that far."""
    difficulty: Difficulty | None = None
    """As above."""


class Trial(Protocol):
    """The third layer, supplied by the floor above: agents solve the competition in the real environment."""

    def __call__(self, root: Path) -> TrialResult:
        """Try the complete package in `root`, whose card may have no reference scores yet.

        Raises `SandboxError` where the machinery fails; that is never a finding.
        """


class Verdict(_Frozen):
    """All results of one verification."""

    version: int = 1
    competition: str
    results: tuple[CheckResult, ...]
    leaderboard: tuple[LeaderboardEntry, ...] = ()
    scores: ReferenceScores | None = None
    difficulty: Difficulty | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    """Per layer."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, in the order of the checks."""
        return tuple(finding for result in self.results for finding in result.findings)

    @property
    def passed(self) -> bool:
        """Whether no check failed with an error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)
