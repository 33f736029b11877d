"""Events of a run, for progress displays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from generators.runs.job import Job
from generators.runs.record import Record


@dataclass(frozen=True, slots=True)
class JobStage:
    """A job came to a stage."""

    job: Job
    stage: str
    """A value of `generators.events.Stage`."""
    subject: str
    round: int


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job came to its end and its competitions are in their places."""

    job: Job
    record: Record
    resumed: bool
    """Whether an earlier run had made it."""


RunEvent = JobStage | JobEnded
OnRunEvent = Callable[[RunEvent], None]
