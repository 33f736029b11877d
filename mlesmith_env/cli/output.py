"""What every verb says alike: tables, scores, verdicts, complaints. People read stdout; progress goes to stderr."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from generators.chat.messages import Usage
    from generators.verification.verdict import Verdict
    from mlesmith_env.rollout import Rollout, RolloutStep

_WIDTH = 110
"""Characters of a line where the output is no terminal."""
_STYLES = {"error": "red", "failed": "red", "warning": "yellow", "warned": "yellow", "passed": "green", "ok": "green"}


def stdout() -> Console:
    """For results."""
    return _console(stderr=False)


def stderr() -> Console:
    """For progress and complaints."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


def print_json(data: Any) -> None:
    """JSON and nothing else on stdout; a number that is not finite is null."""
    print(json.dumps(_plain(data), ensure_ascii=False, indent=2, allow_nan=False))


def complain(error: BaseException) -> None:
    """One sentence about what went wrong."""
    stderr().print(Text.assemble(("error: ", "bold red"), str(error) or type(error).__name__), soft_wrap=True)


def number(value: float | None, digits: int = 5) -> str:
    """A score as text, a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}g}"


def shown_path(path: Path) -> str:
    """A path as short as it can be written from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def check_folder(folder: Path, option: str) -> None:
    """Raise `ValueError` where nothing can be written into `folder`, made if need be: before the work, not after it."""
    place = folder.expanduser().resolve()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise ValueError(f"{option} {folder}: {shown_path(place)} is a file; name a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(f"{option} {folder}: {place} may not be written to; name another folder")


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, right: Sequence[str] = ()) -> Table:
    """A plain table; columns named in `right` hold numbers."""
    drawn = Table(box=None, pad_edge=False, show_header=any(columns), header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        drawn.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return drawn


def styled(word: str) -> Text:
    """A word that means good or bad, in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def verdict_table(verdict: Verdict) -> Table:
    """Checks per layer: how many passed, warned, failed, were skipped, and how long they took."""
    from generators.finding import CheckOutcome, Layer

    rows = []
    for layer in Layer:
        results = [result for result in verdict.results if result.layer is layer]
        counts = [sum(result.outcome is outcome for result in results) for outcome in CheckOutcome]
        seconds = verdict.seconds.get(layer.value)
        rows.append([layer.value, *map(str, counts), "not run" if seconds is None else f"{seconds:.2f}"])
    names = [outcome.value for outcome in CheckOutcome]
    return table(["layer", *names, "seconds"], rows, right=[*names, "seconds"])


def findings_lines(verdict: Verdict) -> list[Text]:
    """One line for each finding, errors first."""
    order = {"error": 0, "warning": 1, "info": 2}
    found = sorted(verdict.findings, key=lambda finding: order[finding.severity.value])
    return [
        Text.assemble(
            styled(finding.severity.value),
            f" {finding.check}: {finding.message}",
            (f" ({finding.evidence})" if finding.evidence else "", "dim"),
            (f" [{finding.blame.value}]", "dim"),
        )
        for finding in found
    ]


def step_cells(step: RolloutStep) -> list[str | Text]:
    """One step as cells of `steps_table`."""
    outcome = step.outcome or step.status
    return [
        str(step.step),
        step.action_type,
        styled(outcome) if not step.outcome else Text(outcome, "green" if outcome == "scored" else "red"),
        number(step.score),
        f"{step.reward:+.4f}",
        f"{step.seconds:.2f}",
    ]


def step_line(step: RolloutStep) -> Text:
    """One step in one line."""
    cells = step_cells(step)
    score = f", score {number(step.score)}" if math.isfinite(step.score) else ""
    return Text.assemble(
        f"  step {step.step}, {step.action_type}: ", cells[2], score, (f" [{step.seconds:.2f} s]", "dim")
    )


def tokens(count: int) -> str:
    """A number of tokens."""
    return f"{count:,}"


def cost(usd: float | None) -> str:
    """Money; a price that is not known is said to be unknown, never 0."""
    return "unknown" if usd is None else f"${usd:.4f}"


def usage_line(usage: Usage) -> str:
    """Calls, tokens and money in one phrase."""
    cached = f" ({tokens(usage.cached_tokens)} of them cached)" if usage.cached_tokens else ""
    said = f"{tokens(usage.input_tokens)} tokens in{cached}, {tokens(usage.output_tokens)} out"
    return f"{usage.calls} calls of a model, {said}, cost {cost(usage.cost_usd)}, {usage.seconds:.1f} s of waiting"


def steps_table(rollout: Rollout) -> Table:
    """The steps of an episode: action, outcome, public score, reward."""
    names = ["step", "action", "outcome", "public score", "reward", "seconds"]
    return table(names, [step_cells(step) for step in rollout.steps], right=["step", *names[3:]])


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
