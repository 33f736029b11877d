"""Finding and the result of a check: the words that verification and the roles share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Layer(StrEnum):
    """The layer of verification that found it, cheapest first."""

    ASSERTION = "assertion"
    REVIEW = "review"
    TRIAL = "trial"


class Severity(StrEnum):
    """`error` stops publication, `warning` and `info` are recorded."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Blame(StrEnum):
    """Who can mend it: the role that a finding goes back to, or the raw data itself."""

    DESIGNER = "designer"
    REFACTOR = "refactor"
    BRAINSTORMER = "brainstormer"
    DATA = "data"


class Finding(BaseModel):
    """One thing that a check saw, with its evidence."""

    model_config = ConfigDict(frozen=True)

    layer: Layer
    check: str
    """Name of the check in its table, such as `test_rows_match_answers`."""
    severity: Severity
    message: str
    """One sentence for a person: what is wrong and where."""
    evidence: str = ""
    """The figures or values seen."""
    blame: Blame = Blame.DESIGNER


class CheckOutcome(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    SKIPPED = "skipped"


class CheckResult(BaseModel):
    """One check that was run, also where it found nothing."""

    model_config = ConfigDict(frozen=True)

    layer: Layer
    check: str
    outcome: CheckOutcome
    findings: tuple[Finding, ...] = ()
    figures: dict[str, Any] = Field(default_factory=dict)
    """The measured values, JSON only."""
    seconds: float = 0.0


def outcome_of(findings: Iterable[Finding]) -> CheckOutcome:
    """What became of a check that was run, by the gravest of its findings."""
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return CheckOutcome.FAILED
    return CheckOutcome.WARNED if Severity.WARNING in severities else CheckOutcome.PASSED
