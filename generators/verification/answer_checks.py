"""The check that no input depends on what the answers are made of: the answers are drawn anew, the inputs must stay."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.card import AnswerSources
from generators.competitions.package import PREPARE, PRIVATE, PUBLIC, TEST, TRAIN
from generators.competitions.prepare_file import PREPARE_LIMITS
from generators.datasets.redraw import redraw
from generators.datasets.sources import open_source
from generators.errors import DatasetError
from generators.repeatable import repeatable
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
_BITS = 10.0
"""Bits of surprise from which on agreement is no accident."""
_MOST_MIB = 2048
"""Size of raw data that is copied for a try."""


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
    size = sum(path.stat().st_size for path in evidence.raw.rglob("*") if path.is_file()) >> 20
    if size > _MOST_MIB:
        return warned("It cannot be tried whether inputs depend on the answers.", f"the raw data are {size} MiB")
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
        names = {Path(scratch, "package"): "", script.parent: "", copy: "raw"}
        try:
            _draw_answers(copy, sources, seed)
        except DatasetError as error:
            raise DatasetError(repeatable(str(error), names)) from None
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
            return [], describe(result, names)
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
    same = _common(before, after, names)
    if same == len(before) == len(after):
        return passed(rows=len(before))
    leaking = _leaking(before, after, names) or ([] if same else names)
    drawn = ", ".join(sources.columns) + (f" after {sources.after}" if sources.after else "")
    figures: dict[str, Any] = {"rows": len(before), "rows_otherwise": len(after), "same": same}
    if not leaking:
        said = f"with {drawn} drawn anew there are {len(after)} rows for {len(before)}, {same} of them the same"
        return warned("Which rows there are depends on the answers.", said, **figures)
    said = f"with {drawn} drawn anew, {len(before) - same} of {len(before)} rows have another {', '.join(leaking)}"
    return failed("Inputs depend on what the answers are made of, or on what is not known yet.", said, **figures)


def _leaking(before: pd.DataFrame, after: pd.DataFrame, names: list[str]) -> list[str]:
    """The columns in which rows have changed; none where other rows are there instead.

    A row that has changed is found again by its other columns, where these tell rows apart. Columns that are the least
    alike before and after are suspected first.
    """
    fewer = min(len(before), len(after))
    lost = fewer - _common(before, after, names)
    suspects = sorted(names, key=lambda name: _common(before, after, [name]))
    best, removed = lost, list[str]()
    for count in range(1, len(names)):
        others = [name for name in names if name not in suspects[:count]]
        left = fewer - _common(before, after, others)
        if left < best and left <= lost / 2 and _tell_rows(before, after, names, others, left):
            best, removed = left, suspects[:count]
    for name in list(removed):
        without = [other for other in removed if other != name]
        if without and fewer - _common(before, after, [one for one in names if one not in without]) <= best:
            removed = without
    return removed


def _tell_rows(before: pd.DataFrame, after: pd.DataFrame, names: list[str], others: list[str], left: int) -> bool:
    """Whether it is no accident that rows agree in `others`: these tell rows apart, or the changed rows agree in all.

    The chance that counts of so many values agree by accident is taken as the product of those of single counts, each
    the return probability of a difference of two Poisson counts.
    """
    if len(before.drop_duplicates(others)) >= _TELLING * len(before):
        return True
    if left or len(before) != len(after):
        return False
    counts = np.sort(_changed(before, after, names)[others].value_counts().to_numpy())[:-1]
    return float(0.5 * np.log2(4 * np.pi * counts).sum()) >= _BITS


def _changed(before: pd.DataFrame, after: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The rows of `before` that `after` lacks."""
    keys = [pd.util.hash_pandas_object(table[names], index=False) for table in (before, after)]
    numbered = [key.to_frame("key").assign(n=key.groupby(key).cumcount()) for key in keys]
    found = numbered[0].merge(numbered[1], on=["key", "n"], how="left", indicator=True)
    return before[(found["_merge"] == "left_only").to_numpy()]


def _common(before: pd.DataFrame, after: pd.DataFrame, names: list[str]) -> int:
    """How many rows both have, in these columns, in any order."""
    counts = [pd.util.hash_pandas_object(table[names], index=False).value_counts() for table in (before, after)]
    joined = pd.concat(counts, axis=1, join="inner")
    return int(joined.min(axis=1).sum())
