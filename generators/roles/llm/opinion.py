"""Opinion: what a model answers as Reviewer, and what of it counts: the five scores, and objections with evidence."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from generators.finding import Blame, Finding, Layer, Severity
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.ideas import Line, one_line

AXES = ("validity", "data_sufficiency", "use_of_raw_data", "complexity", "quality")
ADMITTED = 4.0
"""Mean of the five scores from which on a competition is admitted."""
CHECK = "judged_on_axes"
_QUOTE = 8
"""Characters of a quotation at least: fewer are found in every text."""

Axis = Literal["validity", "data_sufficiency", "use_of_raw_data", "complexity", "quality"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rating(_Strict):
    """A score on one axis."""

    score: float = Field(ge=0, le=5, description="0 useless, 3 has faults that matter, 4 good, 5 nothing to add.")
    why: Line


class ReviewObjection(_Strict):
    """One thing that is wrong, with the place where it can be seen."""

    axis: Axis
    severity: Literal["major", "minor"]
    message: Line = Field(description="What is wrong and what would mend it.")
    source: str = Field(description="The material that shows it, by the name that the task gives it.")
    quote: str = Field(min_length=_QUOTE, max_length=400, description="A passage of that material, word by word.")
    blame: Blame = Field(description="Who can mend it; data where nobody can.")


class Opinion(_Strict):
    """The answer: five scores from 0 to 5, and every objection with its evidence."""

    validity: Rating
    data_sufficiency: Rating
    use_of_raw_data: Rating
    complexity: Rating
    quality: Rating
    objections: tuple[ReviewObjection, ...] = ()

    @property
    def scores(self) -> dict[str, float]:
        """The score on each axis."""
        return {axis: float(getattr(self, axis).score) for axis in AXES}

    @property
    def mean(self) -> float:
        """The mean of the five scores; nothing else decides."""
        # as on paper: scores of 20.0 in all are a mean of 4, in whatever order binary fractions are added
        return round(math.fsum(self.scores.values()) / len(AXES), 6)

    @property
    def admitted(self) -> bool:
        """Whether the mean reaches `ADMITTED`."""
        return self.mean >= ADMITTED


def unproven(opinion: Opinion, materials: Mapping[str, str]) -> list[Objection]:
    """What an opinion lacks: objections whose quotation is not in the material, a refusal without a reason."""
    found = []
    for number, one in enumerate(opinion.objections, start=1):
        if one.source not in materials:
            found.append(
                Objection(f"objection {number}: there is no material {one.source!r}; use the names of the task")
            )
        elif len(_plain(one.quote)) < _QUOTE:
            found.append(
                Objection(
                    f"objection {number}: the quotation is too short to prove anything; quote at least {_QUOTE} "
                    "characters, a run of white space being one, or leave the objection out"
                )
            )
        elif _plain(one.quote) not in _plain(materials[one.source]):
            found.append(
                Objection(
                    f"objection {number}: the quotation does not stand in {one.source!r}; quote a passage word by "
                    "word, or leave the objection out"
                )
            )
    major = {one.axis for one in opinion.objections if one.severity == "major"}
    if not opinion.admitted and not major:
        found.append(
            Objection(
                f"the mean is {opinion.mean:.7g}, below {ADMITTED:g}: a major objection must say why, with evidence"
            )
        )
    return found


def findings_of(opinion: Opinion) -> tuple[Finding, ...]:
    """The objections as findings: major ones are errors where the competition is not admitted."""
    scores = opinion.scores
    return tuple(
        Finding(
            layer=Layer.REVIEW,
            check=CHECK,
            severity=_severity(one, opinion),
            message=f"{one.axis.replace('_', ' ')} {scores[one.axis]:g} of 5: {one_line(one.message)}",
            evidence=f"{one.source}: {one_line(one.quote)}",
            blame=one.blame,
        )
        for one in opinion.objections
    )


def _severity(objection: ReviewObjection, opinion: Opinion) -> Severity:
    if objection.severity == "minor":
        return Severity.INFO
    return Severity.WARNING if opinion.admitted else Severity.ERROR


def _plain(text: str) -> str:
    """Without what a quotation loses on its way: breaks, widths of space, case."""
    return re.sub(r"\s+", " ", text).strip().casefold()
