"""`mlesmith list`: the competitions of a pool."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer


def slowest(root: Path) -> float | None:
    """Seconds of the slowest reference solution of a competition, as its trial measured; None without a leaderboard."""
    from generators.competitions.leaderboard import read_leaderboard
    from generators.competitions.package import LEADERBOARD

    path = root / LEADERBOARD
    return max((row.seconds for row in read_leaderboard(path)), default=None) if path.is_file() else None


def list_competitions(
    pool: Annotated[
        Path | None, typer.Argument(metavar="[POOL]", help="A folder of competitions; by default your own pool.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the competitions of a pool, and the names of the built-in ones. Exits with 1 where one is broken."""
    from generators.competitions.package import read_card
    from generators.datasets.sources import builtin_names
    from generators.errors import CompetitionError
    from mlesmith_env.cli import FINDINGS, OK, output
    from mlesmith_env.pool import Entry, Pool
    from mlesmith_env.tasks import default_pool

    if pool is not None and not pool.is_dir():
        raise ValueError(f"no pool at {pool}; `mlesmith generate SRC --out {pool}` makes one")
    place = pool or default_pool()
    entries, seconds = [], []
    code = OK
    for name in Pool(place).ids(tiers=True):
        try:
            entries.append(Entry.of(read_card(place / name)))
            seconds.append(slowest(place / name))
        except CompetitionError as error:
            code = FINDINGS
            output.complain(error)
    if as_json:
        rows = zip(entries, seconds, strict=True)
        output.print_json([{**dataclasses.asdict(entry), "slowest_s": spent} for entry, spent in rows])
        raise typer.Exit(code)
    out = output.stdout()
    if entries:
        lines = [
            [
                entry.id,
                entry.objective.removesuffix(" classification"),
                entry.metric,
                f"{entry.train_rows:,}",
                f"{entry.test_rows:,}",
                output.number(entry.floor),
                output.number(entry.reference),
                entry.level or "-",
                "-" if spent is None else f"{spent:.2f}",
                entry.source,
            ]
            for entry, spent in zip(entries, seconds, strict=True)
        ]
        names = ["id", "objective", "metric", "train", "test", "floor", "reference", "level", "slowest s", "source"]
        out.print(output.table(names, lines, right=[*names[3:7], "slowest s"]))
    elif code == OK:
        out.print(f"{place} holds no competition yet; `mlesmith generate SRC --out {place}` makes some.")
    if pool is None:
        out.print(f"Built in, made on first use: {', '.join(f'builtin:{name}' for name in builtin_names())}")
    raise typer.Exit(code)
