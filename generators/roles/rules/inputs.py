"""Inputs: which columns participants get for a target, and the evidence against those that they do not get."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from generators.competitions.card import Objective
from generators.datasets.leakage import find_leaks
from generators.datasets.profile import ColumnProfile, ColumnType, TableProfile
from generators.roles.proposal import Exclusion, Lookup, Target
from generators.roles.rules.candidates import labels_of_one_text
from generators.roles.rules.frames import thin, with_target
from generators.roles.rules.names import words
from generators.roles.rules.targets import number_in_text

_LEAK_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Inputs:
    """The columns of a formulation, in the order of its files."""

    kept: tuple[str, ...]
    excluded: tuple[Exclusion, ...]


def choose_inputs(
    rows: pd.DataFrame,
    table: TableProfile,
    target: Target,
    objective: Objective,
    *,
    lookups: Sequence[Lookup] = (),
    keep: Collection[str] = (),
    seed: int = 0,
) -> Inputs:
    """All columns of `rows` (the table with its lookups) but ids, constants, repeats of others and leaks.

    `keep`: columns kept although they name an entity (the group column of a grouped split).
    """
    excluded = [*_unusable(rows, table, target, keep), *_repeats(table, target)]
    gone = {exclusion.column for exclusion in excluded}
    added = [name for lookup in lookups for name in lookup.names]
    for name in added:
        if rows[name].nunique(dropna=False) < 2:
            excluded.append(Exclusion(column=name, kind="constant", evidence="the same value in every row"))
            gone.add(name)
    kept = [name for name in rows.columns if name not in gone and name != target.source]
    if target.name != target.source:
        evidence = f"the target {target.name} is derived from it"
        excluded.append(Exclusion(column=target.source, kind="leak", evidence=evidence))
    leaks = [
        leak
        for leak in leaking(rows, kept, target, objective, table, seed=seed)
        # an entity that comes back is a legitimate input; where it does not, the split keeps it apart
        if not (leak.column in keep and leak.evidence.startswith("identifier"))
    ]
    leaky = {leak.column for leak in leaks}
    return Inputs(tuple(name for name in kept if name not in leaky), (*excluded, *leaks))


def leaking(
    rows: pd.DataFrame,
    kept: Sequence[str],
    target: Target,
    objective: Objective,
    table: TableProfile,
    *,
    seed: int = 0,
) -> list[Exclusion]:
    """The columns among `kept` that give the target away."""
    frame = thin(with_target(rows, target, kept), _LEAK_ROWS, seed=seed)
    if frame.empty or not kept:
        return []
    # arithmetic and correlations see numbers alone: money and measures in text are read as such
    written = [name for name in kept if _is_number_in_text(name, table, frame)]
    frame = frame.assign(**{name: number_in_text(frame[name]) for name in written})
    found: dict[str, Exclusion] = {}
    # the profile tells of the raw columns: of no use where the target is not one of them
    profile = table if target.name == target.source and target.rule == "as_is" else None
    for leak in find_leaks(frame, target.name, objective=objective.value, profile=profile, seed=seed):
        evidence = f"{leak.kind.replace('_', ' ')} ({leak.strength:.2f}): {leak.evidence}"
        found.setdefault(leak.column, Exclusion(column=leak.column, kind="leak", evidence=evidence))
    return list(found.values())


def _is_number_in_text(name: str, table: TableProfile, frame: pd.DataFrame) -> bool:
    known = {column.name: column.type for column in table.columns}
    return known.get(name) is ColumnType.NUMERIC and not pd.api.types.is_numeric_dtype(frame[name])


def _unusable(rows: pd.DataFrame, table: TableProfile, target: Target, keep: Collection[str]) -> list[Exclusion]:
    labels = set(labels_of_one_text(table)) - {target.source}
    found = []
    for column in table.columns:
        name = column.name
        if name == target.source or name in keep or name not in rows.columns:
            continue
        if name in labels:
            evidence = f"another label of the same row, as unknown as {target.source} when this is to be predicted"
            found.append(Exclusion(column=name, kind="leak", evidence=evidence))
        elif column.type is ColumnType.EMPTY or column.missing_share > 0.98:
            found.append(Exclusion(column=name, kind="empty", evidence=f"{column.missing_share:.1%} missing"))
        elif column.type is ColumnType.CONSTANT:
            found.append(Exclusion(column=name, kind="constant", evidence=column.why))
        elif column.type is ColumnType.PATH:
            found.append(Exclusion(column=name, kind="media", evidence=column.why))
        elif column.type is ColumnType.ID:
            found.append(Exclusion(column=name, kind="identifier", evidence=column.why))
        elif _names_the_row(column):
            evidence = f"names the row: {column.distinct} distinct in {column.count} rows"
            found.append(Exclusion(column=name, kind="identifier", evidence=evidence))
    return found


def _names_the_row(column: ColumnProfile) -> bool:
    """Whether a text is the proper name of what the row is about: short, its own in each row, and called a name."""
    called_name = bool({"name", "fullname"} & set(words(column.name)[-1:]))
    own = column.distinct >= 0.95 * (column.count - column.missing)
    return called_name and own and column.text is not None and column.text.mean_words <= 5


def _repeats(table: TableProfile, target: Target) -> list[Exclusion]:
    """Of two columns with the same content the later one goes, unless it is the target's own."""
    order = {column.name: place for place, column in enumerate(table.columns)}
    found: dict[str, Exclusion] = {}
    for dependency in table.dependencies:
        if dependency.kind not in ("copy", "recoding") or len(dependency.determinants) != 1:
            continue
        if dependency.strength < 0.999:
            continue
        first, second = sorted((dependency.determinants[0], dependency.dependent), key=lambda name: order.get(name, -1))
        if target.source in (first, second) or first in found or second in found:
            continue
        found[second] = Exclusion(
            column=second, kind="duplicate", evidence=f"{dependency.kind} of {first}: {dependency.evidence}"
        )
    return list(found.values())
