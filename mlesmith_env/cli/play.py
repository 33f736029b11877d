"""`mlesmith play`: a person plays an episode in the terminal, or watches an agent play one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
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

_HELP = """\
  i [TOPIC|PATH]   ask: overview, description, data, sample_submission, metric, leaderboard, history, budget, help;
                   or the path of a file, such as public/train.csv
  w [PATH]         write a file (solution.py); the code follows
  r [PATH]         run a file, or code that follows
  rf [PATH]        the same in a fresh session
  f [PATH]         replace the code of a file and run it; the code follows
  s                submit: the episode ends
  q                leave without submitting
Code ends with a line that holds only a dot; `@file.py` in its first line takes it from a file of yours.
A line that begins with { is taken as an action in JSON."""
_END = "."


class LeaveEpisode(Exception):  # noqa: N818 - a decision, not an error
    """The person wants no more, or their input has ended."""


class Person:
    """An agent whose actions are typed at the terminal, or come line by line from a pipe."""

    name = "person"

    def __init__(self, *, prompting: bool) -> None:
        self._prompting = prompting

    def begin(self) -> None:
        """Show how to play."""
        if self._prompting:
            typer.echo(_HELP)

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> Any:
        """Show what the environment said and read the next action. Raises `LeaveEpisode`."""
        del info
        typer.echo(f"\n{observation['text']}\n")
        while True:
            action = self._action(self._line("action (h for help)> ").strip())
            if action is not None:
                return action

    def _action(self, line: str) -> Any:
        """The action that a line begins; None where it says nothing."""
        if line.startswith("{"):
            return line
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        match word:
            case "i":
                return _question(rest or "overview")
            case "w":
                return {"type": "write_code", "path": rest or "solution.py", "code": self._code()}
            case "r" | "rf":
                what = {"path": rest} if rest else {"code": self._code()}
                return {"type": "run_code", "fresh": word == "rf", **what}
            case "f":
                return {"type": "fix_code", "path": rest or "solution.py", "code": self._code()}
            case "s":
                return {"type": "submit"}
            case "q":
                raise LeaveEpisode
            case "":
                return None
            case _:
                typer.echo(_HELP)
                return None

    def _code(self) -> str:
        lines: list[str] = []
        while (line := self._line("... ")) != _END:
            if not lines and line.startswith("@"):
                return self._file(line.removeprefix("@").strip())
            lines.append(line)
        return "\n".join(lines) + "\n"

    def _file(self, name: str) -> str:
        try:
            return Path(name).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            typer.echo(f"{name} cannot be read: {error}")
            return ""

    def _line(self, prompt: str) -> str:
        if self._prompting:
            sys.stdout.write(prompt)
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise LeaveEpisode
        return line.rstrip("\r\n")


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
    rollout = None
    try:
        if by_agent:
            with chosen(agent or "react", options or [], asked) as entrant:
                root = load_task(task, pool=pool, tier=tier).root
                rollout = _watched(env, entrant.make(root, seed), seed)
        else:
            rollout = _by_person(env, seed)
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
            out.print(f"No verdict on the agent: {rollout.error}", markup=False, style="red", soft_wrap=True)
        if rollout.usage.calls:
            out.print(f"It took {output.usage_line(rollout.usage)}.", markup=False)
    if record is not None:
        out.print(f"Record: {output.shown_path(record)}\nReport: {output.shown_path(write_report(record))}")
    raise typer.Exit(FINDINGS if rollout is not None and rollout.mask_sample else OK)


def _by_person(env: Any, seed: int) -> Rollout | None:
    """None where the person left."""
    from mlesmith_env.cli import output
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


def _question(what: str) -> dict[str, str]:
    from mlesmith_env.actions import TOPICS

    if what in TOPICS and what != "file":
        return {"type": "request_info", "topic": what}
    return {"type": "request_info", "topic": "file", "path": what}
