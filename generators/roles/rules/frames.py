"""The rows of a formulation, put together from the raw tables as its `prepare.py` will do it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from generators.datasets.raw import RawDataset
from generators.roles.proposal import Lookup, Proposal, Target
from generators.roles.rules.targets import class_text, derive


def assemble(dataset: RawDataset, table: str, lookups: Sequence[Lookup] = ()) -> pd.DataFrame:
    """A table with the columns that lookups add; its rows and their order stay as they are."""
    rows = dataset.table(table).frame
    for lookup in lookups:
        other = dataset.table(lookup.table).frame
        known = other.dropna(subset=[lookup.other_column]).drop_duplicates(lookup.other_column)
        added = known.set_index(lookup.other_column)[list(lookup.added)]
        added.columns = pd.Index(lookup.names)
        rows = rows.join(added, on=lookup.column)
    return rows


def with_target(rows: pd.DataFrame, target: Target, inputs: Sequence[str]) -> pd.DataFrame:
    """The inputs and, as last column, the target: only rows where it is known and of a class that is kept."""
    values = derive(rows, target)
    known = values.notna()
    frame = rows.loc[known, list(inputs)]
    values = values[known]
    if target.dropped_classes:
        kept = ~class_text(values).isin(target.dropped_classes)
        frame, values = frame[kept], values[kept]
    # one copy first: adding a column to hundreds that pandas keeps apart warns and is slow
    return frame.copy().assign(**{target.name: values}).reset_index(drop=True)


def competition_rows(dataset: RawDataset, proposal: Proposal) -> pd.DataFrame:
    """Inputs and target of every row that the competition would hold, in raw order and before any sampling."""
    frame = with_target(assemble(dataset, proposal.table, proposal.lookups), proposal.target, [*proposal.inputs])
    return frame.drop_duplicates(list(proposal.inputs)) if proposal.drop_duplicates else frame


def thin(frame: pd.DataFrame, rows: int, *, seed: int = 0) -> pd.DataFrame:
    """At most `rows` rows in their order, the same for the same seed."""
    if len(frame) <= rows:
        return frame
    chosen = np.random.default_rng(seed).choice(len(frame), rows, replace=False)
    return frame.iloc[np.sort(chosen)]
