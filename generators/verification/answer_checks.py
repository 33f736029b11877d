"""The check that no input depends on what the answers are made of: the answers are drawn anew, the inputs must stay."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from generators.competitions.card import AnswerSources
from generators.competitions.package import PREPARE, PRIVATE, PUBLIC, TEST, TRAIN
from generators.competitions.prepare_file import PREPARE_LIMITS
from generators.datasets.redraw import redraw
from generators.datasets.sources import open_source
from generators.errors import DatasetError
from generators.verification.check import Observation, failed, passed, skipped, warned
from generators.verification.evidence import Evidence
from generators.verification.layout import file_digests
from generators.verification.package_runs import describe
from generators.verification.tables import numbers, read_table
from sandboxes.script import run_function

_DRAWS = 2
"""How often answers are drawn, where prepare.py cannot make anything of the first ones."""
_TELLING = 0.5
"""Share of rows that must differ in some columns for these to tell the rows apart."""


def inputs_know_no_answers(evidence: Evidence) -> Observation:
    """With the answers' raw columns drawn anew, and all else as it was, prepare.py gives the same inputs."""
    sources = evidence.card.answer_sources
    if sources is None:
        return skipped("the card does not say what the answers are made of")
    if evidence.raw is None:
        return skipped("the raw data is not at hand")
    run = evidence.first_run
    present = file_digests(evidence.root)
    if run is None or any(run.outputs.get(path) != present.get(path) for path in (TRAIN, TEST)):
        return skipped("the tables are not what prepare.py writes")
    names = [name for name in evidence.test.header if name not in evidence.card.ids]
    before = _rows([evidence.train.text, evidence.test.text], names)
    told = ""
    for seed in range(_DRAWS):
        try:
            tables, told = _prepared_otherwise(evidence.root / PREPARE, evidence.raw, sources, seed)
        except DatasetError as error:
            return warned("It cannot be tried whether inputs depend on the answers.", str(error))
        if tables:
            return _compared(before, _rows(tables, names), sources)
    return warned("It cannot be tried whether inputs depend on the answers: prepare.py fails on others.", told)


def _prepared_otherwise(script: Path, raw: Path, sources: AnswerSources, seed: int) -> tuple[list[pd.DataFrame], str]:
    """The training and the test table made of other answers, and how the run went where there are none."""
    with tempfile.TemporaryDirectory(prefix="mlesmith-redrawn-") as scratch:
        # under the name it has: tables are called by their paths inside
        copy = Path(scratch, raw.name)
        shutil.copytree(raw, copy)
        _draw_answers(copy, sources, seed)
        folders = {name: Path(scratch, "package", name) for name in (PUBLIC, PRIVATE)}
        for folder in folders.values():
            folder.mkdir(parents=True)
        result = run_function(
            script,
            "prepare",
            arguments={"raw": copy, **folders},
            readable=[script, copy],
            writable=[*folders.values()],
            limits=PREPARE_LIMITS,
        )
        if not result.ok:
            return [], describe(result)
        read = [read_table(Path(scratch, "package", path)) for path in (TRAIN, TEST)]
        return [fact.text for fact in read] if all(fact.frame is not None for fact in read) else [], "no tables"


def _draw_answers(copy: Path, sources: AnswerSources, seed: int) -> None:
    by_table: dict[str, list[str]] = {}
    for name in sources.columns:
        table, _, column = name.partition(".")
        by_table.setdefault(table, []).append(column)
    with open_source(copy) as dataset:
        specs = {table.name: table.spec for table in dataset.tables}
    for place, (table, columns) in enumerate(by_table.items()):
        if table not in specs:
            raise DatasetError(f"there is no table {table!r}")
        time = sources.time.partition(".")[2]
        redraw(copy, specs[table], columns, time=time, after=sources.after, seed=seed * len(by_table) + place)


def _rows(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """The inputs of all rows, numbers to nine digits: sums in another order differ behind them."""
    both = pd.concat([table.reindex(columns=list(names), fill_value="") for table in tables], ignore_index=True)
    for name in names:
        values = numbers(both[name])
        if values is not None:
            both[name] = [f"{value:.9g}" for value in values]
    return both


def _compared(before: pd.DataFrame, after: pd.DataFrame, sources: AnswerSources) -> Observation:
    names = list(before.columns)
    common = _common(before, after, names)
    if common == len(before) == len(after):
        return passed(rows=len(before))
    leaking = _leaking(before, after, names)
    drawn = ", ".join(sources.columns) + (f" after {sources.after}" if sources.after else "")
    figures = {"rows": len(before), "rows_otherwise": len(after), "same": common}
    if not leaking:
        said = f"with {drawn} drawn anew there are {len(after)} rows for {len(before)}, {common} of them the same"
        return warned("Which rows there are depends on the answers.", said, **figures)
    said = f"with {drawn} drawn anew, {len(before) - common} of {len(before)} rows have another {', '.join(leaking)}"
    return failed("Inputs depend on what the answers are made of, or on what is not known yet.", said, **figures)


def _leaking(before: pd.DataFrame, after: pd.DataFrame, names: list[str]) -> list[str]:
    """The fewest columns without which the rows are the same; none where the rows themselves are others."""
    suspects = sorted(names, key=lambda name: _common(before, after, [name]))
    removed: list[str] = []
    while len(removed) < len(names) and not _same(before, after, [name for name in names if name not in removed]):
        removed.append(suspects[len(removed)])
    if len(removed) == len(names):
        return removed if len(before) == len(after) else []
    for name in list(removed):
        without = [other for other in removed if other != name]
        if without and _same(before, after, [other for other in names if other not in without]):
            removed = without
    return removed


def _same(before: pd.DataFrame, after: pd.DataFrame, names: list[str]) -> bool:
    """Whether the rows of both agree in these columns; rows that are fewer only where the columns tell them apart."""
    if len(before) == len(after):
        return bool(names) and _common(before, after, names) == len(before)
    fewer = min(len(before), len(after))
    telling = bool(names) and len(before.drop_duplicates(names)) >= _TELLING * len(before)
    return telling and _common(before, after, names) >= 0.999 * fewer


def _common(before: pd.DataFrame, after: pd.DataFrame, names: list[str]) -> int:
    """How many rows both have, in these columns, in any order."""
    counts = [pd.util.hash_pandas_object(table[names], index=False).value_counts() for table in (before, after)]
    joined = pd.concat(counts, axis=1, join="inner")
    return int(joined.min(axis=1).sum())
