"""Events: what the pipeline tells while it works, for progress displays and logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from generators.finding import Blame, Finding
from generators.verification.verdict import Verdict


class Stage(StrEnum):
    """A step of the pipeline, in the order they are taken."""

    PROFILE = "profile"
    PROPOSE = "propose"
    DESIGN = "design"
    REFACTOR = "refactor"
    ASSERTION = "assertion"
    REVIEW = "review"
    TRIAL = "trial"
    PUBLISH = "publish"
    TIER = "tier"
    """One tier of a published competition: made, verified and published."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage began."""

    stage: Stage
    subject: str
    """The dataset's name, or the competition's working name (`<dataset>-<slug>`)."""
    round: int = 0
    """0 for the first draft, then the number of the repair round."""


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage ended."""

    stage: Stage
    subject: str
    seconds: float
    """Wall-clock seconds."""
    round: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Verification found something."""

    subject: str
    round: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Published:
    """A competition was verified and lies in the pool folder."""

    id: str
    path: Path
    title: str
    verdict: Verdict
    rounds: int
    """Repair rounds that were needed."""
    new: bool = True
    """False where the very same competition had been published before and was kept."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A proposal did not become a competition."""

    subject: str
    title: str
    reason: str
    """One sentence: what stopped it."""
    check: str
    """The check that stopped it."""
    blame: Blame | None
    """Who could have mended it; None where nothing is wrong with it but its place is taken."""
    findings: tuple[Finding, ...]
    """Errors of the last round."""
    rounds: int
    """Repair rounds that were tried."""


@dataclass(frozen=True, slots=True)
class Tiered:
    """What became of one tier of a published competition."""

    competition: str
    """Id of the whole competition."""
    tier: str
    path: Path | None
    """Where the tier lies; the whole competition itself where that is as small already; None where there is none."""
    reason: str = ""
    """Why there is none, or why the whole competition stands for it; empty for a tier that was made."""
    verdict: Verdict | None = None
    new: bool = True
    """False where nothing was made: the very same tier was there already, or none is needed."""


Event = StageStarted | StageFinished | Found | Published | Rejected | Tiered
OnEvent = Callable[[Event], None]


@dataclass(slots=True)
class Clock:
    """Tells the events and adds up the seconds of each stage."""

    on_event: OnEvent | None = None
    _spent: dict[Stage, float] = field(default_factory=dict)

    def tell(self, event: Event) -> None:
        """Pass an event on, where someone listens."""
        if self.on_event is not None:
            self.on_event(event)

    @contextmanager
    def stage(self, stage: Stage, subject: str, number: int = 0) -> Iterator[None]:
        """Time what happens inside as a stage of round `number`, also where it raises."""
        self.tell(StageStarted(stage, subject, number))
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            self._spent[stage] = self._spent.get(stage, 0.0) + seconds
            self.tell(StageFinished(stage, subject, seconds, number))

    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds by stage, in the order of the pipeline."""
        return {stage.value: round(self._spent[stage], 6) for stage in Stage if stage in self._spent}
