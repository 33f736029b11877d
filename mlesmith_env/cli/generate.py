"""`mlesmith generate`: raw data in, verified competitions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from generators.datasets.raw import RawDataset
    from generators.pipeline import Generation

_SHOWN_REFUSALS = 5
"""Lines about columns that were turned down, where something else was published."""


def generate(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SRC...", help="Folders, files or archives of raw data, or builtin:<name>."),
    ],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Pool folder to publish into.")],
    limit: Annotated[int, typer.Option(min=1, help="Competitions per source at most.")] = 3,
    rounds: Annotated[int, typer.Option(min=0, help="Repair rounds for a draft that fails its verification.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of splits and samples.")] = 0,
    tiers: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Sizes in which each competition is made: full, and micro, small besides, with commas."
        ),
    ] = "full",
    overwrite: Annotated[bool, typer.Option(help="Replace other competitions that have the same ids.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each source as JSON.")] = False,
) -> None:
    """Make verified competitions. Exits with 1 where a source gave none, 2 where one cannot be used."""
    from generators.competitions.tiers import check_tier
    from generators.errors import DatasetError
    from generators.roles.diversity import pool_traits
    from mlesmith_env import making
    from mlesmith_env.cli import FINDINGS, OK, USAGE, output
    from mlesmith_env.cli.progress import Progress

    output.check_folder(out, "--out")
    wanted = [check_tier(name.strip()) for name in tiers.split(",") if name.strip()]
    existing = pool_traits(out)  # of all sources alike: what one of them adds does not depend on their order
    results: list[dict[str, Any]] = []
    code = OK
    for source in sources:
        try:
            with Progress() as progress:
                made = making.generate(
                    source,
                    out,
                    limit=limit,
                    rounds=rounds,
                    seed=seed,
                    overwrite=overwrite,
                    tiers=wanted,
                    existing=existing,
                    on_event=progress.on_event,
                    on_dataset=show_problems,
                )
        except DatasetError as error:
            code = USAGE
            results.append({"source": source, "error": str(error), "published": []})
            output.complain(error)
            continue
        if not made.published:
            code = max(code, FINDINGS)
        results.append({"source": source, **summary(made)})
        if not as_json:
            show(source, made)
    if as_json:
        output.print_json(results)
    raise typer.Exit(code)


def summary(made: Generation) -> dict[str, Any]:
    """What became of one source, as JSON data."""
    return {
        "dataset": made.dataset,
        "published": [
            {"id": one.id, "path": str(one.path), "title": one.title, "rounds": one.rounds, "new": one.new}
            for one in made.published
        ],
        "rejected": [
            {"subject": one.subject, "title": one.title, "reason": one.reason, "check": one.check, "rounds": one.rounds}
            for one in made.rejected
        ],
        "tiers": [
            {
                "competition": one.competition,
                "tier": one.tier,
                "path": str(one.path) if one.path else None,
                "reason": one.reason,
                "new": one.new,
            }
            for one in made.tiers
        ],
        "refusals": [refusal.model_dump(mode="json") for refusal in made.refusals],
        "funnel": made.funnel.to_json(),
        "seconds": made.seconds,
    }


def show(source: str, made: Generation) -> None:
    """Print what became of one source."""
    from mlesmith_env.cli import output

    out = output.stdout()
    out.print(f"{source}: {len(made.published)} of {made.funnel.proposals} formulations published")
    if made.published:
        rows = [[one.id, one.title, output.shown_path(one.path)] for one in made.published]
        out.print(output.table(["id", "title", "folder"], rows))
    show_rest(made)


def show_rest(made: Generation) -> None:
    """Print what did not become a competition, and why."""
    from mlesmith_env.cli import output

    out = output.stdout()
    for rejected in made.rejected:
        out.print(f"  not {rejected.title}: {rejected.reason}", markup=False)
    shown = made.refusals if not made.published else made.refusals[:_SHOWN_REFUSALS]
    for refusal in shown:
        out.print(f"  not {refusal.subject}: {refusal.reason}", markup=False, style="dim")
    if len(shown) < len(made.refusals):
        out.print(f"  and {len(made.refusals) - len(shown)} more that were turned down (--json gives all)", style="dim")


def show_problems(dataset: RawDataset) -> None:
    """Say which files could not be used, and what to do about it."""
    from mlesmith_env.cli import output

    console = output.stderr()
    for problem in dataset.problems:
        weight = "not used" if problem.fatal else "note"
        console.print(f"  {weight}: {problem.path}: {problem.message}; {problem.advice}", markup=False, style="yellow")
