"""`mlesmith verify`: judge a competition by all three layers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from generators.verification.verdict import Verdict


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the competition.")],
    raw: Annotated[
        str | None,
        typer.Option(
            metavar="SRC",
            help="Its raw data (folder, file, archive, builtin:<name>), so that preparing can be checked too. "
            "Built-in data are found without.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Judge a competition: assertions, review, trial. Exits with 0 if it is good, 1 if not, 2 if there is none."""
    from mlesmith_env.cli import FINDINGS, OK, output

    if not directory.is_dir():
        raise ValueError(f"{directory} is no folder; name the folder of a competition, which holds competition.json")
    if not _may_be_package(directory):
        raise ValueError(f"{directory} holds no competition: neither competition.json nor any other file of a package")
    with output.stderr().status("verifying", spinner="dots"):
        verdict, prepared = _verdict(directory, raw)
    if as_json:
        data = verdict.model_dump(mode="json")
        output.print_json({**data, "passed": verdict.passed, "raw": prepared})
    else:
        out = output.stdout()
        out.print(f"{verdict.competition}: {'good' if verdict.passed else 'not good'}{_sizes(directory)}")
        out.print(output.verdict_table(verdict))
        for line in output.findings_lines(verdict):
            out.print(line, soft_wrap=True)
        if prepared is None:
            out.print("Without its raw data (--raw) nobody can tell whether prepare.py makes these files.")
    raise typer.Exit(OK if verdict.passed else FINDINGS)


def _sizes(directory: Path) -> str:
    """The tier that was judged, and the others that lie beside it, each to be judged by itself."""
    from generators.competitions.package import read_card
    from generators.competitions.tiers import tier_id, tiers_beside, whole_id
    from generators.errors import CompetitionError

    root = directory.resolve()
    try:
        tier = read_card(root).tier
    except CompetitionError:
        return ""
    whole = root.parent / whole_id(root.name)
    others = [tier_id(whole.name, name) for name in tiers_beside(whole) if name != tier]
    beside = f"; beside it: {', '.join(others)}" if others else ""
    return f" (tier {tier}{beside})"


def _may_be_package(directory: Path) -> bool:
    """Whether anything of a package is there, so that what it lacks can be told."""
    from generators.competitions.package import CARD, METRIC, PREPARE, PRIVATE, PUBLIC

    return any((directory / name).exists() for name in (CARD, METRIC, PREPARE, PRIVATE, PUBLIC))


def _verdict(directory: Path, raw: str | None) -> tuple[Verdict, str | None]:
    """The verdict, and the source that the raw data came from; None where it was made without."""
    from generators.datasets.sources import open_source
    from mlesmith_env import making

    source = raw or _builtin_source(directory)
    with ExitStack() as stack:
        root = stack.enter_context(open_source(source)).root if source else None
        return making.verify(directory, raw=root), source


def _builtin_source(directory: Path) -> str | None:
    """The built-in dataset that a competition was made from."""
    from generators.competitions.package import read_card
    from generators.datasets.sources import builtin_names
    from generators.errors import CompetitionError

    try:
        source = read_card(directory).provenance.source
    except CompetitionError:
        return None
    return source if source.removeprefix("builtin:") in builtin_names() and source.startswith("builtin:") else None
