"""The progress of an evaluation: what is being played, and a line that stays for each episode."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from mlesmith_env.cli.evaluation import episode_line
from mlesmith_env.cli.output import stderr

if TYPE_CHECKING:
    from mlesmith_env.evaluation.episodes import EpisodeRecord
    from mlesmith_env.evaluation.evaluate import Plan
    from mlesmith_env.rollout import RolloutStep

_STYLES = {"finished": "green", "failed": "red", "stopped": "yellow"}


class EvaluationProgress:
    """A bar, and a line for each episode. Where the output is no terminal only the lines are written."""

    def __init__(self) -> None:
        console = stderr()
        self._bar = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("episodes"),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, plans: Sequence[Plan]) -> None:
        """Learn how much there is to do."""
        self._bar.update(self._task, total=len(plans))

    def on_step(self, plan: Plan, step: RolloutStep) -> None:
        """Show what is being played."""
        self._bar.update(self._task, description=f"{plan.task}, seed {plan.seed}: step {step.step}, {step.action_type}")

    def on_episode(self, record: EpisodeRecord, resumed: bool) -> None:
        """Show the end of an episode."""
        self._bar.advance(self._task)
        line = Text(f"  {episode_line(record, resumed=resumed)}", style="dim" if resumed else _STYLES[record.ending])
        self._bar.console.print(line, soft_wrap=True)
