"""`mlesmith quickstart`: the whole road once, from raw data to an episode and its report."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from generators.events import Published
    from mlesmith_env.rollout import Rollout

SOURCE = "builtin:diabetes"
"""Used where the user names no data of their own."""
COMPETITIONS = 2
_MAX_STEPS = 12


def quickstart(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]", help="Your own file or folder of tables; by default a dataset bundled with scikit-learn."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pool and the record.")] = Path("quickstart"),
    limit: Annotated[int, typer.Option(min=1, help="Competitions to make at most.")] = COMPETITIONS,
    seed: Annotated[int, typer.Option(help="Seed of splits, samples and the episode.")] = 0,
) -> None:
    """Raw data in, verified competitions out, then one episode by the scripted agent, with a report."""
    from mlesmith_env.cli import output
    from sandboxes.isolation import accepting
    from sandboxes.sandbox import IsolationLevel

    output.check_folder(out, "--out")
    # the code that runs here is all ours, so that a host without isolation can show the road all the same
    with accepting(IsolationLevel.PROCESS):
        code = _go(source or SOURCE, out, limit, seed)
    raise typer.Exit(code)


def _go(chosen: str, out: Path, limit: int, seed: int) -> int:
    """The road; gives the exit code."""
    from mlesmith_env import making
    from mlesmith_env.cli import FINDINGS, OK, output
    from mlesmith_env.cli.generate import show_problems, show_rest
    from mlesmith_env.cli.progress import Progress

    console = output.stdout()
    started = time.perf_counter()
    _head(console, f"1. Competitions from {chosen}")
    with Progress() as progress:
        made = making.generate(
            chosen,
            out / "pool",
            limit=limit,
            seed=seed,
            overwrite=True,
            on_event=progress.on_event,
            on_dataset=show_problems,
        )
    show_rest(made)
    if not made.published:
        console.print("No competition could be made of this data, so there is nothing to play.")
        return FINDINGS
    _head(console, f"2. Verification of {len(made.published)} competitions")
    for one in made.published:
        _show_verification(console, one)
    first = made.published[0]
    _head(console, f"3. An episode of {first.id}")
    rollout = _play(console, first.path, out / "trajectories", seed)
    report = _show_end(console, rollout, first.path)
    _head(console, "4. What next")
    command = _command()
    for line, what in (
        (f"play {output.shown_path(first.path)}", "play it yourself"),
        (f"replay {output.shown_path(rollout.trajectory or out)}", "run the record again and compare"),
        (f"list {output.shown_path(out / 'pool')}", "see the pool"),
        ("quickstart PATH", "the same with your own data"),
    ):
        console.print(f"{command} {line}   # {what}", markup=False, soft_wrap=True)
    console.print(f"\nDone in {time.perf_counter() - started:.0f} s. Open {output.shown_path(report)} in a browser.")
    return FINDINGS if rollout.mask_sample else OK


def _head(console: Console, title: str) -> None:
    console.print(f"\n{title}", style="bold", markup=False)


def _show_verification(console: Console, one: Published) -> None:
    from mlesmith_env.cli import output

    console.print(f"{one.id}: {one.title}", markup=False)
    console.print(output.verdict_table(one.verdict))
    for line in output.findings_lines(one.verdict) or [Text("no findings")]:
        console.print(line, soft_wrap=True)
    console.print()


def _play(console: Console, root: Path, records: Path, seed: int) -> Rollout:
    """One episode by the scripted agent, its steps printed as they are done."""
    import gymnasium as gym

    from generators.competitions.solutions import has_solutions
    from mlesmith_env.agents.scripted import ScriptedAgent
    from mlesmith_env.cli import output
    from mlesmith_env.rollout import play
    from sandboxes.sandbox import IsolationLevel

    env = gym.make(
        "mlesmith_env:MLESmith-v0",
        task=str(root),
        max_steps=_MAX_STEPS,
        trajectory_dir=str(records),
        # our own programs can be shown on a host without isolation all the same, those that a package brings cannot
        min_isolation=(IsolationLevel.LANDLOCK if has_solutions(root) else IsolationLevel.PROCESS).value,
    )
    agent = ScriptedAgent.for_task(root, seed=seed)
    try:
        with output.stderr().status("playing", spinner="dots"):
            rollout = play(env, agent, seed=seed)
    finally:
        env.close()
    console.print(output.steps_table(rollout))
    return rollout


def _show_end(console: Console, rollout: Rollout, root: Path) -> Path:
    """Final score, where the record and the report lie; gives the report's path."""
    from generators.competitions.package import Competition
    from mlesmith_env.cli import output
    from mlesmith_env.evaluation.report import write_report
    from mlesmith_env.trajectory import read_trajectory
    from sandboxes.sandbox import IsolationLevel

    assert rollout.trajectory is not None
    recorded = read_trajectory(rollout.trajectory)
    competition = Competition.load(root)
    report = write_report(recorded, competition=competition)
    console.print()
    if rollout.mask_sample:
        console.print(f"The environment failed: {rollout.error}", style="red", markup=False)
    metric = competition.card.metric.replace("_", " ")
    direction = "higher" if competition.card.higher_is_better else "lower"
    level = recorded.header["isolation"]
    if level == IsolationLevel.PROCESS.value:
        level += " (this host offers nothing better; see `mlesmith doctor`)"
    facts = [
        ("final private score", f"{output.number(rollout.score, 6)} ({metric}, {direction} is better)"),
        ("normalised", f"{output.number(rollout.normalized_score)} (0 is the best trivial answer, 1 the reference)"),
        ("sum of rewards", output.number(rollout.total_reward)),
        ("isolation", level),
        ("trajectory", output.shown_path(rollout.trajectory)),
        ("report", output.shown_path(report)),
    ]
    console.print(output.table(["", ""], facts))
    return report


def _command() -> str:
    """How this program was started, so that what is shown can be typed."""
    if shutil.which("mlesmith"):
        return "mlesmith"
    from mlesmith_env.cli import output

    program = Path(sys.argv[0])
    return (
        f"{Path(sys.executable).name} -m mlesmith_env" if program.name == "__main__.py" else output.shown_path(program)
    )
