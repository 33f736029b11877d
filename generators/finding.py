"""Finding: the one word that verification and the roles share."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


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
