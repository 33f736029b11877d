"""`mlesmith replay`: run a recorded episode again and compare the scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from mlesmith_env.comparison import StepComparison


def replay(
    trajectory: Annotated[Path, typer.Argument(metavar="TRAJECTORY", help="Record of an episode (.jsonl).")],
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="Where the competition lies now, if it was moved.")
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0, help="Difference of scores that still counts as the same.")] = 1e-9,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Play the recorded actions again and compare. Exits with 1 where a score differs."""
    from mlesmith_env.cli import FINDINGS, OK, output
    from mlesmith_env.comparison import replay as run_again

    with output.stderr().status("replaying", spinner="dots"):
        comparison = run_again(trajectory, task=task, tolerance=tolerance)
    end = comparison.trajectory.end or {}
    if as_json:
        output.print_json(
            {
                "same": comparison.same,
                "same_task": comparison.same_task,
                "recorded_score": end.get("score"),
                "replayed_score": comparison.replayed_score,
                "steps": [dataclasses.asdict(step) for step in comparison.steps],
            }
        )
    else:
        out = output.stdout()
        rows: list[list[str | Text]] = [_cells(step) for step in comparison.steps]
        names = ["step", "action", "outcome", "score then", "score now", "reward then", "reward now", "same"]
        out.print(output.table(names, rows, right=["step", *names[3:7]]))
        if not comparison.same_task:
            out.print("The competition has changed since the record was made.")
        missing = len(comparison.trajectory.steps) - len(comparison.steps)
        if missing:
            out.print(f"The replay ended {missing} steps before the record does.")
        verdict = "the same" if comparison.same else "NOT the same"
        then, now = output.number(end.get("score"), 8), output.number(comparison.replayed_score, 8)
        out.print(f"Final private score: {then} then, {now} now. The episodes are {verdict}.")
    raise typer.Exit(OK if comparison.same else FINDINGS)


def _cells(step: StepComparison) -> list[str | Text]:
    from mlesmith_env.cli.output import number, styled

    then, now = (outcome or status for outcome, status in zip(step.outcome, step.status, strict=True))
    return [
        str(step.step),
        step.action_type,
        then if then == now else f"{then} / {now}",
        *(number(score, 8) for score in step.score),
        *(f"{reward:+.6f}" for reward in step.reward),
        styled("ok" if step.same else "failed"),
    ]
