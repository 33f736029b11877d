"""`mlesmith eval`: an agent plays tasks a number of times; a table of scores and of what they took."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlesmith_env.cli.players import (
    AgentOptions,
    ApiBase,
    Asked,
    BudgetCalls,
    BudgetTokens,
    BudgetUsd,
    Prices,
    chosen,
)

if TYPE_CHECKING:
    from rich.table import Table

    from mlesmith_env.evaluation.episodes import EpisodeRecord
    from mlesmith_env.evaluation.evaluate import Evaluation
    from mlesmith_env.evaluation.summary import Summary


def evaluate(
    tasks: Annotated[
        list[str],
        typer.Argument(metavar="TASK...", help="Paths of competitions or of a pool, pool:<id> or builtin:<name>."),
    ],
    *,
    model: Annotated[
        str, typer.Option("-m", "--model", metavar="MODEL", help="Model string, such as openai/gpt-5.")
    ] = "",
    agent: Annotated[str, typer.Option("--agent", metavar="NAME", help="react, tree or scripted.")] = "react",
    options: AgentOptions = None,
    n: Annotated[int, typer.Option("-n", "--episodes", metavar="N", min=1, help="Episodes of each task.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the first episode; the next have the next ones.")] = 0,
    workers: Annotated[int, typer.Option("-j", "--jobs", metavar="N", min=1, help="Episodes at a time.")] = 1,
    budget_usd: BudgetUsd = None,
    budget_tokens: BudgetTokens = None,
    budget_calls: BudgetCalls = None,
    prices: Prices = "",
    api_base: ApiBase = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for episodes.jsonl, a line an episode, and the records.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Do not repeat the episodes that DIR holds as finished.")] = False,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask no model: take the calls that this record holds.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps; by default the competition's budget.")] = None,
    feedback: Annotated[str, typer.Option(help="none, validity, public or private.")] = "public",
    tier: Annotated[
        str | None, typer.Option(help="Size of the competitions: micro, small or full; by default as named.")
    ] = None,
    pool: Annotated[Path | None, typer.Option(metavar="DIR", help="The pool that pool:<id> means.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summaries and episodes as JSON.")] = False,
) -> None:
    """Let an agent play. Exits with 1 where an episode failed through no fault of the agent, or the budget ended the
    evaluation early."""
    from generators.competitions.tiers import check_tier
    from mlesmith_env.cli import FINDINGS, OK, output
    from mlesmith_env.cli.evaluation_progress import EvaluationProgress
    from mlesmith_env.cli.readers import readers_may_leave
    from mlesmith_env.evaluation.evaluate import check_tasks
    from mlesmith_env.evaluation.evaluate import evaluate as evaluate_all

    if out is not None:
        output.check_folder(out, "--out")
    elif resume:
        raise ValueError("--resume needs the folder of the evaluation that is to go on; name it with --out")
    if tier is not None:
        check_tier(tier)
    environment: dict[str, Any] = {"max_steps": max_steps, "feedback": feedback, "tier": tier}
    if pool is not None:
        environment["pool"] = str(pool)
    asked = Asked(
        model=model,
        api_base=api_base,
        prices=prices,
        budget_usd=budget_usd,
        budget_tokens=budget_tokens,
        budget_calls=budget_calls,
        replay=replay,
    )
    asked.check()
    named = expanded(tasks)
    check_tasks(named, **environment)
    with (
        chosen(agent, options or [], asked, out=out, resume=resume) as entrant,
        EvaluationProgress() as progress,
    ):
        made = evaluate_all(
            named,
            entrant,
            n=n,
            seed=seed,
            workers=workers,
            out=out,
            resume=resume,
            on_plan=progress.begin,
            on_episode=progress.on_episode,
            on_step=progress.on_step,
            **environment,
        )
    with readers_may_leave():
        if as_json:
            output.print_json(to_json(made))
        else:
            show(made, out)
    raise typer.Exit(FINDINGS if made.failed or made.stopped else OK)


def expanded(tasks: Sequence[str]) -> list[str]:
    """The tasks with the folder of a pool as each of its competitions; a task that is named twice is played once."""
    from mlesmith_env.tasks import pool_ids

    found: dict[str, None] = {}
    for task in tasks:
        root = Path(task).expanduser()
        pooled = root.is_dir() and not (root / "competition.json").is_file()
        ids = pool_ids(root) if pooled else ()
        found.update(dict.fromkeys([str(root / name) for name in ids] or [task]))
    return list(found)


def show(made: Evaluation, out: Path | None) -> None:
    """Print the table, what all took, and what says nothing about the agent."""
    from mlesmith_env.cli import output
    from mlesmith_env.evaluation.summary import total_usage

    console = output.stdout()
    console.print(scores_table(made.summaries))
    usage = total_usage(made.records)
    if usage.calls:
        console.print(f"In all: {output.usage_line(usage)}.", markup=False)
    for record in made.failed:
        console.print(f"no verdict: {record.task}, seed {record.seed}: {record.error}", markup=False, style="yellow")
    if made.stopped:
        left = made.planned - sum(record.ending != "stopped" for record in made.records)
        console.print(f"stopped, {left} episodes not played: {made.stopped}", markup=False, style="yellow")
    if out is not None:
        console.print(f"Episodes: {output.shown_path(out / 'episodes.jsonl')}", markup=False)


def scores_table(summaries: Sequence[Summary]) -> Table:
    """One line for each task and entrant."""
    from mlesmith_env.cli import output

    rows = []
    for one in summaries:
        spread = f" ± {output.number(one.score_spread, 2)}" if math.isfinite(one.score_spread) else ""
        place = f"{one.position:.1f}/{one.entries}" if one.valid and one.entries else "-"
        rows.append(
            [
                one.task,
                f"{one.metric.replace('_', ' ')} {'↑' if one.higher_is_better else '↓'}" if one.metric else "-",
                output.number(one.score) + spread,
                output.number(one.normalized, 4),
                place,
                "/".join(map(str, one.medals)),
                f"{one.valid}/{one.finished}",
                str(one.failed),
                output.tokens(one.usage.input_tokens + one.usage.output_tokens) if one.usage.calls else "-",
                output.cost(one.usage.cost_usd) if one.usage.calls else "-",
                output.number(one.seconds, 3),
            ]
        )
    names = ["task", "metric", "score", "normalised", "place", "g/s/b", "valid", "failed", "tokens", "cost", "seconds"]
    return output.table(names, rows, right=names[2:])


def to_json(made: Evaluation) -> dict[str, Any]:
    """Summaries, episodes and why it stopped."""
    from mlesmith_env.evaluation.episodes import as_data
    from mlesmith_env.evaluation.summary import total_usage

    return {
        "summaries": [{**dataclasses.asdict(one), "valid_rate": one.valid_rate} for one in made.summaries],
        "usage": dataclasses.asdict(total_usage(made.records)),
        "planned": made.planned,
        "stopped": made.stopped,
        "episodes": [as_data(record) for record in made.records],
    }


def episode_line(record: EpisodeRecord, *, resumed: bool) -> str:
    """One episode in one line."""
    from mlesmith_env.cli import output

    head = f"{record.task}, seed {record.seed}: "
    if record.ending != "finished":
        return f"{head}{record.ending}: {record.error}"
    score = f"score {output.number(record.score)}, normalised {output.number(record.normalized_score, 4)}"
    found = score if record.valid else "no valid submission"
    end = " (played before)" if resumed else f" [{record.seconds:.1f} s]"
    return f"{head}{found}, {record.steps} steps{end}"
