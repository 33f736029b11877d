"""The progress of a generation, told by the pipeline's events."""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.text import Text

from generators.events import Found, Published, Rejected, Stage, StageFinished, StageStarted, Tiered
from generators.finding import Severity
from mlesmith_env.cli.output import stderr

if TYPE_CHECKING:
    from rich.status import Status

    from generators.events import Event

_DOING = {
    Stage.PROFILE: "profiling the data",
    Stage.PROPOSE: "looking for formulations",
    Stage.DESIGN: "writing and preparing the package",
    Stage.REFACTOR: "bringing it to the standard",
    Stage.ASSERTION: "checking assertions",
    Stage.REVIEW: "reviewing",
    Stage.TRIAL: "trying it in the environment",
    Stage.PUBLISH: "publishing",
    Stage.TIER: "making and verifying the tier",
}
_SHORT = {Stage.ASSERTION: "assertions"}


class Progress:
    """A line that says what is being done, and a line that stays for each end. `on_event` takes the events.

    Where the output is no terminal only the lines that stay are written.
    """

    def __init__(self) -> None:
        self._console = stderr()
        self._status: Status | None = None
        self._seconds: dict[str, dict[Stage, float]] = defaultdict(dict)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("starting", spinner="dots")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def on_event(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StageStarted(stage, subject, number):
                if self._status is not None:
                    repair = f", repair round {number}" if number else ""
                    self._status.update(f"{subject}: {_DOING[stage]}{repair}")
            case StageFinished(stage, subject, seconds):
                known = self._seconds[subject]
                known[stage] = known.get(stage, 0.0) + seconds
                if stage in (Stage.PROFILE, Stage.PROPOSE):
                    self._say(Text.assemble((f"  {subject}: {_DOING[stage]} took {seconds:.1f} s", "dim")))
            case Found(subject, number, finding):
                if finding.severity is Severity.ERROR:
                    where = f"  {subject}, round {number}: {finding.check}: {finding.message}"
                    self._say(Text.assemble((where, "yellow"), (f" -> {finding.blame.value}", "dim")))
            case Published(id=name):
                kept = "" if event.new else " (was there already, unchanged)"
                self._say(Text.assemble(("  published ", "green"), f"{name}{kept}", (self._took(name), "dim")))
            case Tiered(competition, tier, path, reason):
                head = ("  tier ", "green" if path else "yellow")
                told = reason or (path.name if path else "")
                none = "" if path else "none can be made: "
                self._say(Text.assemble(head, f"{tier} of {competition}: {none}{told}"))
            case Rejected(subject=name):
                self._say(Text.assemble(("  rejected ", "red"), f"{name}: {event.reason}", (self._took(name), "dim")))

    def _took(self, subject: str) -> str:
        """Seconds of each stage of one competition."""
        parts = [f"{_SHORT.get(stage, stage.value)} {seconds:.1f}" for stage, seconds in self._seconds[subject].items()]
        return f"  [{sum(self._seconds[subject].values()):.1f} s: {', '.join(parts)}]" if parts else ""

    def _say(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
