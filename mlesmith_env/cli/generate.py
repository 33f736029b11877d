"""`mlesmith generate`: raw data in, verified competitions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from generators.datasets.raw import RawDataset
    from generators.pipeline import Generation
    from generators.runs.record import Record
    from generators.runs.run import Run

_SHOWN_REFUSALS = 5
"""Lines about columns that were turned down, where something else was published."""
_SHOWN_DATASETS = 10
"""Datasets up to which the competitions of each are shown; of more, the funnel alone."""


def generate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SRC...", help="Folders, files or archives of raw data, or builtin:<name>."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Pool folder to publish into.")],
    workers: Annotated[int, typer.Option("-j", "--jobs", metavar="N", min=1, help="Datasets at a time.")] = 1,
    resume: Annotated[bool, typer.Option(help="Leave out what an earlier run into DIR has finished.")] = False,
    listing: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Text file that names more sources, one in a line.")
    ] = None,
    each: Annotated[bool, typer.Option(help="Every entry of a folder SRC is a dataset of its own.")] = False,
    limit: Annotated[
        int, typer.Option("--max-per-dataset", "--limit", min=1, help="Competitions per dataset at most.")
    ] = 3,
    rounds: Annotated[int, typer.Option(min=0, help="Repair rounds for a draft that fails its verification.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of splits and samples.")] = 0,
    tiers: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Sizes in which each competition is made: full, and micro, small besides, with commas."
        ),
    ] = "full",
    timeout: Annotated[
        float, typer.Option(metavar="S", min=1, help="Seconds after which a dataset is given up.")
    ] = 3600.0,
    overwrite: Annotated[bool, typer.Option(help="Replace other competitions that have the same ids.")] = False,
    model: Annotated[
        str,
        typer.Option("-m", "--model", metavar="MODEL", help="Roles are played by this model, such as openai/gpt-5."),
    ] = "",
    brainstormer: Annotated[str, typer.Option(metavar="BACKEND", help="llm or rules; with -m llm.")] = "",
    designer: Annotated[str, typer.Option(metavar="BACKEND", help="llm or rules; with -m llm.")] = "",
    refactor: Annotated[str, typer.Option(metavar="BACKEND", help="llm or rules; with -m llm.")] = "",
    reviewer: Annotated[str, typer.Option(metavar="BACKEND", help="llm or rules; with -m llm.")] = "",
    fallback: Annotated[
        str, typer.Option(metavar="BACKEND", help="rules: they take a role over where the model's provider fails.")
    ] = "",
    steps: Annotated[
        int | None,
        typer.Option(min=1, show_default="15", help="Replies of the model at most, for one task of a role."),
    ] = None,
    designer_steps: Annotated[
        int | None, typer.Option(min=1, show_default="30", help="The same for the designer.")
    ] = None,
    budget_usd: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="Money for models; no further call once it is spent.")
    ] = None,
    budget_tokens: Annotated[int | None, typer.Option(metavar="N", min=0, help="The same in tokens.")] = None,
    budget_calls: Annotated[int | None, typer.Option(metavar="N", min=0, help="The same in calls.")] = None,
    prices: Annotated[
        str, typer.Option(metavar="IN,OUT", help="USD per million tokens, for models that litellm has no price of.")
    ] = "",
    api_base: Annotated[
        str, typer.Option(metavar="URL", help="Where the provider answers, for servers of your own.")
    ] = "",
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask no model: take the calls that this record holds.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what funnel.json holds.")] = False,
) -> None:
    """Make verified competitions and DIR/funnel.json, which tells what became of each dataset. Exits with 1 where a
    dataset gave none, with 2 where no source can be used.

    With a model, its calls are recorded in DIR/calls.jsonl. Where a budget is spent the run ends with 1 and is gone on
    with by --resume, which pays for no call again."""
    from generators.competitions.tiers import check_tier
    from generators.runs.job import listed
    from mlesmith_env import making
    from mlesmith_env.cli import output
    from mlesmith_env.cli.readers import readers_may_leave
    from mlesmith_env.cli.role_options import role_models
    from mlesmith_env.cli.run_progress import RunProgress

    output.check_folder(out, "--out")
    cast = {"brainstormer": brainstormer, "designer": designer, "refactor": refactor, "reviewer": reviewer}
    models = role_models(
        model,
        cast,
        steps=steps,
        designer_steps=designer_steps,
        fallback=fallback,
        budget_usd=budget_usd,
        budget_tokens=budget_tokens,
        budget_calls=budget_calls,
        prices=prices,
        api_base=api_base,
        replay=replay,
    )
    wanted = [check_tier(name.strip()) for name in tiers.split(",") if name.strip()]
    named = [*(sources or ()), *(listed(listing) if listing is not None else ())]
    with RunProgress() as progress:
        made = making.generate_many(
            named,
            out,
            each=each,
            workers=workers,
            resume=resume,
            limit=limit,
            rounds=rounds,
            seed=seed,
            overwrite=overwrite,
            tiers=wanted,
            limit_s=timeout,
            models=models,
            on_event=progress.on_event,
            on_jobs=progress.begin,
        )
    with readers_may_leave():
        if as_json:
            output.print_json(made.to_json())
        else:
            show(made, out)
            if models is not None and models.replay is None:
                show_models(out)
    show_stopped(made)
    raise typer.Exit(exit_code(made))


def exit_code(made: Run) -> int:
    """0 where each dataset gave a competition, 2 where none could be read, 1 otherwise."""
    from generators.runs.record import Ending
    from mlesmith_env.cli import FINDINGS, OK, USAGE

    if all(record.ending is Ending.UNUSABLE for record in made.records):
        return USAGE
    return OK if all(record.published for record in made.records) else FINDINGS


def show(made: Run, out: Path) -> None:
    """Print what was made of each dataset, where they are few, and the funnel."""
    from mlesmith_env.cli import output

    console = output.stdout()
    for record in made.records if len(made.records) <= _SHOWN_DATASETS else ():
        console.print(f"{record.source}: {len(record.published)} published", markup=False, soft_wrap=True)
        if record.published:
            rows = [[one.id, one.title, output.shown_path(out / one.id)] for one in record.published]
            console.print(output.table(["id", "title", "folder"], rows))
        for tier in record.tiers:
            console.print(f"  tier {tier.tier} of {tier.competition}: {tier.reason or tier.id}", markup=False)
        show_rest(record)
    console.print()
    console.print(funnel_table(made))
    if made.seconds:
        spent = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in made.seconds.items())
        console.print(f"seconds of work: {spent}", soft_wrap=True, style="dim")


def show_models(out: Path) -> None:
    """Print what models took, in all runs into the folder together."""
    from mlesmith_env.cli import output
    from mlesmith_env.model_crew import CALLS, paid

    record = out / CALLS
    if record.is_file():
        used = paid(record)
        cost = "an unknown sum" if used.cost_usd is None else f"{used.cost_usd:.4g} USD"
        tokens = used.input_tokens + used.output_tokens
        output.stdout().print(f"models: {used.calls} calls, {tokens:,} tokens, {cost}", style="dim")


def show_stopped(made: Run) -> None:
    """Say how a run goes on whose budget was spent."""
    from generators.runs.record import Ending
    from mlesmith_env.cli import output

    stopped = [one for one in made.records if one.ending is Ending.STOPPED]
    if stopped:
        told = f"{len(stopped)} of {len(made.records)} datasets are not finished: {stopped[0].rejected[0].reason}"
        output.stderr().print(told, markup=False, soft_wrap=True, style="yellow")


def funnel_table(made: Run) -> Table:
    """Counts from wide to narrow, and below them how many fell at which check, with whom it blames."""
    from mlesmith_env.cli import output

    counts = made.funnel.to_json()
    blamed: dict[tuple[str, str], int] = {}
    for record in made.records:
        for line in record.rejected:
            where = (line.check, line.blame or "nobody")
            blamed[where] = blamed.get(where, 0) + 1
    rows = [[name.replace("_", " "), str(count)] for name, count in counts.items() if isinstance(count, int)]
    rows += [[f"  fell at {check} ({blame})", str(count)] for (check, blame), count in sorted(blamed.items())]
    return output.table(["funnel", ""], rows, right=[""])


def show_rest(made: Generation | Record) -> None:
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


def show_problems(dataset: RawDataset | Record) -> None:
    """Say which files could not be used, and what to do about it."""
    from mlesmith_env.cli import output

    console = output.stderr()
    for problem in dataset.problems:
        weight = "not used" if problem.fatal else "note"
        console.print(f"  {weight}: {problem.path}: {problem.message}; {problem.advice}", markup=False, style="yellow")


def show_falls(made: Record) -> None:
    """Say which roles the rules took over, and what the failure of the model's provider was."""
    from mlesmith_env.cli import output

    console = output.stderr()
    for reason in dict.fromkeys(fall.reason for fall in made.falls):
        roles = ", ".join(fall.role for fall in made.falls if fall.reason == reason)
        console.print(f"  note: rules took over {roles}: {reason}", markup=False, soft_wrap=True, style="yellow")
