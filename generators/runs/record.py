"""Record: what became of one dataset of a run, as the journal and the funnel keep it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from generators.funnel import Funnel

INFRASTRUCTURE = "infrastructure"
"""Blamed where the machinery failed; the data may be as good as any, and the next run tries them again."""
READABLE = "source_can_be_read"
"""Name of the check that fails where a source holds nothing that can be read."""
CARRIED_THROUGH = "machinery_carries_it_through"
"""Name of the check that fails where a worker died or the machinery failed."""


AFFORDABLE = "budget_lasts"
"""Name of the check that fails where the budget for models was spent before the dataset came to its end."""


class Ending(StrEnum):
    """How a job ended."""

    DONE = "done"
    """All of its proposals came to their end."""
    UNUSABLE = "unusable"
    """The source could not be read."""
    FAILED = "failed"
    """The machinery failed."""
    STOPPED = "stopped"
    """What may be spent on models was spent; a run that is resumed goes on with it."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class PublishedLine(_Frozen):
    """A competition that was published."""

    id: str
    title: str
    rounds: int
    """Repair rounds that were needed."""


class TierLine(_Frozen):
    """What became of one tier of a published competition."""

    competition: str
    """Id of the whole competition."""
    tier: str
    id: str | None
    """Id of what stands for the tier: its own package or the whole competition; None where there is none."""
    reason: str = ""

    def without(self, taken: Mapping[str, RejectedLine]) -> TierLine:
        """The line where packages, by id, were rejected because their places were taken."""
        lost = taken.get(self.id) if self.id is not None else None
        return self if lost is None else self.model_copy(update={"id": None, "reason": lost.reason})


class RejectedLine(_Frozen):
    """A proposal that did not become a competition, or a dataset that gave none for this reason."""

    subject: str
    title: str
    reason: str
    check: str
    blame: str | None
    """Who could mend it: a role, `data`, or `infrastructure`; None where its place is taken or the budget was spent."""
    rounds: int = 0
    """Repair rounds that were tried."""


class RefusalLine(_Frozen):
    """A table or column that supports no formulation."""

    subject: str
    reason: str


class ProblemLine(_Frozen):
    """A file of the source that could not be used, or only in part."""

    path: str
    message: str
    advice: str
    fatal: bool


class FallLine(_Frozen):
    """A role that the rules took over, once or more often, because a model's provider failed."""

    role: str
    reason: str
    """What the failure was, the first time."""


class Record(_Frozen):
    """What became of one dataset. All but `seconds` is the same whenever, wherever and beside whatever it was made."""

    source: str
    dataset: str
    ending: Ending
    digest: str = ""
    """SHA-256 of the raw data; empty where they could not be read."""
    published: tuple[PublishedLine, ...] = ()
    rejected: tuple[RejectedLine, ...] = ()
    tiers: tuple[TierLine, ...] = ()
    refusals: tuple[RefusalLine, ...] = ()
    problems: tuple[ProblemLine, ...] = ()
    falls: tuple[FallLine, ...] = ()
    funnel: dict[str, Any] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    """Wall-clock seconds by stage."""

    def counts(self) -> Funnel:
        """The funnel of this dataset."""
        return Funnel(**self.funnel)

    def packages(self) -> tuple[str, ...]:
        """Ids of all packages that were made, each whole competition before its tiers."""
        tiers = [(line.competition, line.id) for line in self.tiers if line.id not in (None, line.competition)]
        return tuple(
            name
            for line in self.published
            for name in (line.id, *(own for whole, own in tiers if whole == line.id and own is not None))
        )

    def without(self, taken: Mapping[str, RejectedLine]) -> Record:
        """The record where competitions, by id, were rejected because their places were taken."""
        if not taken:
            return self
        counts = self.counts()
        rejected = [taken[line.id] for line in self.published if line.id in taken]
        checks = sum((Funnel(rejections={line.check: 1}) for line in rejected), Funnel())
        lost = Funnel(published=-len(rejected))
        return self.model_copy(
            update={
                "published": tuple(line for line in self.published if line.id not in taken),
                "rejected": (*self.rejected, *rejected),
                "tiers": tuple(line.without(taken) for line in self.tiers if line.competition not in taken),
                "funnel": sum([counts, lost, checks], Funnel()).to_json(),
            }
        )


def failure(source: str, dataset: str, ending: Ending, reason: str, *, digest: str = "") -> Record:
    """The record of a dataset that came to nothing as a whole."""
    check, blame = {
        Ending.UNUSABLE: (READABLE, "data"),
        Ending.STOPPED: (AFFORDABLE, None),
    }.get(ending, (CARRIED_THROUGH, INFRASTRUCTURE))
    line = RejectedLine(subject=dataset, title=source, reason=reason, check=check, blame=blame)
    funnel = Funnel(datasets=1, rejections={check: 1}).to_json()
    return Record(source=source, dataset=dataset, ending=ending, digest=digest, rejected=(line,), funnel=funnel)


def total(records: Iterable[Record]) -> Funnel:
    """The funnel of all of them."""
    return sum((record.counts() for record in records), Funnel())
