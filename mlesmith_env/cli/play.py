"""`mlesmith play`: a person plays an episode in the terminal, or watches an agent play one."""

from __future__ import annotations

import sys
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
    from mlesmith_env.agents.agent import Player
    from mlesmith_env.rollout import Rollout


def play(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Path of a competition, pool:<id> or builtin:<name>.")],
    *,
    model: Annotated[
        str, typer.Option("-m", "--model", metavar="MODEL", help="Let a model play, such as openai/gpt-5.")
    ] = "",
    agent: Annotated[
        str,
        typer.Option("--agent", metavar="NAME", help="Let an agent play: react (by default with -m), tree, scripted."),
    ] = "",
    options: AgentOptions = None,
    budget_usd: BudgetUsd = None,
    budget_tokens: BudgetTokens = None,
    budget_calls: BudgetCalls = None,
    prices: Prices = "",
    api_base: ApiBase = "",
    tier: Annotated[
        str | None, typer.Option(help="Size of the competition: micro, small or full; by default as named.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps; by default the competition's budget.")] = None,
    feedback: Annotated[str, typer.Option(help="none, validity, public or private.")] = "public",
    seed: Annotated[int, typer.Option(help="Seed of the episode.")] = 0,
    trajectories: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the record and the report.")] = Path(
        "trajectories"
    ),
    pool: Annotated[Path | None, typer.Option(metavar="DIR", help="The pool that pool:<id> means.")] = None,
) -> None:
    """Play a competition yourself, or let an agent. Actions may also come from a pipe, one JSON object a line."""
    import gymnasium as gym

    from generators.errors import BudgetSpent
    from mlesmith_env.cli import FINDINGS, OK, output
    from mlesmith_env.evaluation.report import write_report
    from mlesmith_env.tasks import load_task

    output.check_folder(trajectories, "--trajectories")
    asked = Asked(
        model=model,
        api_base=api_base,
        prices=prices,
        budget_usd=budget_usd,
        budget_tokens=budget_tokens,
        budget_calls=budget_calls,
    )
    asked.check()
    by_agent = bool(model or agent)
    if options and not by_agent:
        raise ValueError("--agent-option needs an agent: name one with --agent, or a model with -m")
    env: Any = gym.make(
        "mlesmith_env:MLESmith-v0",
        task=task,
        tier=tier,
        max_steps=max_steps,
        feedback=feedback,
        trajectory_dir=str(trajectories),
        pool=str(pool) if pool else None,
    )
    rollout, code = None, OK
    try:
        if by_agent:
            with chosen(agent or "react", options or [], asked) as entrant:
                root = load_task(task, pool=pool, tier=tier).root
                rollout = _watched(env, entrant.make(root, seed), seed)
        else:
            rollout = _by_person(env, seed)
    except BudgetSpent as spent:
        output.complain(spent)
        code = FINDINGS
    finally:
        record = rollout.trajectory if rollout else env.unwrapped.trajectory_path
        last = env.unwrapped.history[-1].shown if env.unwrapped.history else ""
        env.close()
    out = output.stdout()
    if rollout is not None:
        if not by_agent:
            typer.echo(f"\n{last}\n")
        out.print(output.steps_table(rollout))
        out.print(f"Final private score: {output.number(rollout.score, 6)}, sum of rewards {rollout.total_reward:+.4f}")
        if rollout.mask_sample:
            code = FINDINGS
            out.print(f"No verdict on the agent: {rollout.error}", markup=False, style="red", soft_wrap=True)
        if rollout.usage.calls:
            out.print(f"It took {output.usage_line(rollout.usage)}.", markup=False)
    if record is not None:
        out.print(f"Record: {output.shown_path(record)}\nReport: {output.shown_path(write_report(record))}")
    raise typer.Exit(code)


def _by_person(env: Any, seed: int) -> Rollout | None:
    """None where the person left."""
    from mlesmith_env.cli import output
    from mlesmith_env.cli.person import LeaveEpisode, Person
    from mlesmith_env.rollout import play as play_episode

    try:
        return play_episode(env, Person(prompting=sys.stdin.isatty()), seed=seed)
    except LeaveEpisode:
        output.stdout().print("\nYou left the episode before its end.")
        return None


def _watched(env: Any, player: Player, seed: int) -> Rollout:
    """Play, and say each step as it is done."""
    from mlesmith_env.cli import output
    from mlesmith_env.rollout import play as play_episode

    console = output.stderr()
    with console.status("playing", spinner="dots"):
        return play_episode(
            env, player, seed=seed, on_step=lambda step: console.print(output.step_line(step), soft_wrap=True)
        )
