"""The progress of a run over many datasets: what is being done, how fast, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from mlesmith_env.cli.output import stderr

if TYPE_CHECKING:
    from generators.runs.events import RunEvent
    from generators.runs.job import Job
    from generators.runs.record import Record

_PERIOD_S = 600.0
"""Seconds back that the speed is reckoned from, for datasets differ much."""


class RunProgress:
    """A bar with rates and the remaining time, and a line that stays for each dataset.

    Where the output is no terminal only the lines that stay are written.
    """

    def __init__(self) -> None:
        self._console = stderr()
        self._bar = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("datasets{task.fields[rates]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            speed_estimate_period=_PERIOD_S,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, rates="")
        self._made = self._done = 0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, jobs: Sequence[Job]) -> None:
        """Learn how much there is to do."""
        self._bar.update(self._task, total=len(jobs))

    def on_event(self, event: RunEvent) -> None:
        """Show one event."""
        from generators.runs.events import JobStage

        if isinstance(event, JobStage):
            self._bar.update(self._task, description=f"{event.subject}: {event.stage}")
            return
        if not event.resumed:  # what was made before says nothing about the speed
            self._done += 1
            self._made += len(event.record.published)
            minutes = max(time.monotonic() - self._started, 1e-9) / 60
            rates = f", {self._done / minutes:.1f} a minute, {self._made / minutes:.1f} competitions a minute"
            self._bar.update(self._task, rates=rates)
        self._bar.advance(self._task)
        self._say(event.record, resumed=event.resumed)

    def _say(self, record: Record, *, resumed: bool) -> None:
        from generators.runs.record import Ending
        from mlesmith_env.cli.generate import show_falls, show_problems

        if record.ending is not Ending.DONE:
            reason = record.rejected[0].reason
            self._print(Text.assemble(("error: ", "bold red"), f"{record.source}: {reason}"))
            return
        spent = sum(record.seconds.values())
        counts = f"{len(record.published)} published, {len(record.rejected)} rejected"
        style = "green" if record.published else "red"
        end = " (made before)" if resumed else f" [{spent:.1f} s]"
        self._print(Text.assemble(("  ", ""), record.source, ": ", (counts, style), (end, "dim")))
        show_problems(record)
        show_falls(record)

    def _print(self, line: Text) -> None:
        self._bar.console.print(line, soft_wrap=True)
