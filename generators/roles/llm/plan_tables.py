"""Plans over several tables: every input, join and answer is held against the tables that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from generators.competitions.card import AnswerSources
from generators.datasets.profile import ColumnType, DatasetProfile
from generators.datasets.raw import RawDataset
from generators.datasets.redraw import later_than
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.ideas import Idea, PlannedCutoff, PlannedJoin, one_line
from generators.roles.proposal import DerivedInput, Join

_FOUND = 0.5
"""Share of a column's values that a joined column must hold."""


class Tables:
    """The raw tables as a plan names them."""

    def __init__(self, dataset: RawDataset, profile: DatasetProfile) -> None:
        self._frames = {table.name: table.frame for table in dataset.tables}
        self._profile = profile

    def objections(self, idea: Idea) -> list[Objection]:
        """What speaks against the tables, inputs, joins and answers of a plan. Its sources are known to exist."""
        wrong = [*self._about_inputs(idea), *self._about_answers(idea)]
        if not wrong and len(self._used(idea)) > 1:
            wrong += [*self._about_joins(idea), *_about_leaks(idea)]
        elif not wrong:
            wrong += _about_leaks(idea)
        return wrong

    def joins(self, idea: Idea) -> tuple[Join, ...]:
        """How the tables hang together that a plan uses: the joins it states, and the links that the profile knows."""
        used = self._used(idea)
        stated = [(one.column, one.other_column) for one in idea.plan_joins]
        linked = [
            (f"{link.table}.{link.column}", f"{link.other_table}.{link.other_column}")
            for link in self._profile.links
            if link.table in used and link.other_table in used
        ]
        known = {frozenset(pair) for pair in stated}
        both = [*stated, *(pair for pair in linked if frozenset(pair) not in known)]
        return tuple(Join(column=column, other_column=other) for column, other in both)

    def column(self, name: str) -> pd.Series | None:
        """The column `table.column`, None where there is none."""
        table, _, column = name.partition(".")
        frame = self._frames.get(table)
        return None if frame is None or column not in frame.columns else frame[column]

    def _used(self, idea: Idea) -> list[str]:
        """The tables that a plan draws on, its own first."""
        named = [*idea.plan_sources, *(name for one in idea.plan_inputs for name in one.sources), *idea.plan_answers]
        tables = [idea.table, *(name.partition(".")[0] for name in named if self.column(name) is not None)]
        return [name for name in dict.fromkeys(tables) if name in self._frames]

    def _about_inputs(self, idea: Idea) -> Iterator[Objection]:
        stated = {one.name for one in idea.plan_inputs}
        for one in idea.plan_inputs:
            if one.name not in idea.inputs:
                yield Objection(f"`plan_inputs` speaks of {one.name!r}, which is not among the inputs")
            for name in one.sources:
                if self.column(name) is None and name not in idea.plan_sources:
                    yield Objection(
                        f"input {one.name!r} is to be made of {name!r}, which is no column as table.column, nor a file "
                        "that `plan_sources` names; there are:",
                        self._columns(),
                    )
        if len(stated) < len(idea.plan_inputs):
            yield Objection("`plan_inputs` speaks of an input twice")
        if len(self._used(idea)) < 2:
            return
        own = set(map(str, self._frames[idea.table].columns)) if idea.table in self._frames else set()
        own |= set(idea.file_inputs)
        unsaid = [name for name in idea.inputs if name not in stated and name not in own]
        if unsaid:
            yield Objection(
                f"the plan draws on several tables; say in `plan_inputs` of which columns and how these inputs are "
                f"made, which are no columns of {idea.table!r}: {', '.join(unsaid)}"
            )

    def _about_answers(self, idea: Idea) -> Iterator[Objection]:
        if len(self._used(idea)) > 1 and not idea.plan_answers:
            yield Objection("`plan_answers` must name the columns, as table.column, that the answers are made of")
        absent = [name for name in idea.plan_answers if self.column(name) is None]
        if absent:
            yield Objection(f"`plan_answers` names {absent[0]!r}, which is no column; there are:", self._columns())
            return
        cutoff = idea.plan_cutoff
        if cutoff is None:
            return
        yield from self._about_cutoff(cutoff)
        place = cutoff.column.partition(".")[0]
        elsewhere = [name for name in idea.plan_answers if name.partition(".")[0] != place]
        if elsewhere or not idea.plan_answers:
            yield Objection(
                f"with a cutoff by {cutoff.column!r} the answers are made of columns of that table: which rows are the "
                f"future is said there alone; `plan_answers` names {', '.join(elsewhere) or 'none'}"
            )

    def _about_cutoff(self, cutoff: PlannedCutoff) -> Iterator[Objection]:
        cells = self.column(cutoff.column)
        if cells is None:
            yield Objection(f"the cutoff's {cutoff.column!r} is no column; there are:", self._columns())
            return
        table, _, column = cutoff.column.partition(".")
        profile = self._profile.table(table)
        types = {one.name: one.type for one in profile.columns}
        later = later_than(cells, cutoff.moment)
        if later is None or (types.get(column) is not ColumnType.DATETIME and column not in profile.time_columns):
            yield Objection(
                f"{cutoff.column!r} tells no time that {cutoff.moment!r} could be compared with; its values are like:",
                "\n".join(map(str, cells.dropna().head(3))),
            )
        elif not later.any() or later.all():
            rows = "every row is" if later.any() else "no row is"
            known = cells.dropna()
            yield Objection(
                f"{rows} later than {cutoff.moment!r}; the values run:", f"from {known.min()} to {known.max()}"
            )

    def _about_joins(self, idea: Idea) -> Iterator[Objection]:
        for join in idea.plan_joins:
            yield from self._about_join(join)
        used = self._used(idea)
        joined = {frozenset(_tables(join)) for join in idea.plan_joins}
        joined |= {frozenset((link.table, link.other_table)) for link in self._profile.links}
        reached = {used[0]}
        while grown := {table for pair in joined if pair & reached for table in pair} - reached:
            reached |= grown
        alone = [table for table in used if table not in reached]
        if alone:
            yield Objection(
                f"nothing says how {', '.join(map(repr, alone))} and {used[0]!r} hang together; state the columns in "
                "`plan_joins`, or leave the table out"
            )

    def _about_join(self, join: PlannedJoin) -> Iterator[Objection]:
        names = (join.column, join.other_column)
        here, there = (self.column(name) for name in names)
        if here is None or there is None:
            absent = names[0] if here is None else names[1]
            yield Objection(f"the join's {absent!r} is no column; there are:", self._columns())
            return
        if len(set(_tables(join))) < 2:
            yield Objection(f"{names[0]!r} and {names[1]!r} are of one table; a join is of two")
            return
        if pd.api.types.is_numeric_dtype(here) != pd.api.types.is_numeric_dtype(there):
            yield Objection(f"{names[0]!r} and {names[1]!r} do not join: one holds numbers, the other texts")
            return
        found = max(_found(here, there), _found(there, here))
        if found < _FOUND:
            yield Objection(f"{names[0]!r} and {names[1]!r} do not join: {found:.0%} of the values of one are found")

    def _columns(self) -> str:
        return "\n".join(sorted(f"{name}.{column}" for name, frame in self._frames.items() for column in frame.columns))


def derived_inputs(idea: Idea) -> tuple[DerivedInput, ...]:
    """The planned inputs as a proposal holds them."""
    return tuple(DerivedInput(name=one.name, sources=one.sources, how=one_line(one.how)) for one in idea.plan_inputs)


def answer_sources(idea: Idea) -> AnswerSources | None:
    """What the answers are made of, None where the plan does not say it."""
    if not idea.plan_answers:
        return None
    cutoff = idea.plan_cutoff
    time, after = (cutoff.column, cutoff.moment) if cutoff is not None else ("", "")
    return AnswerSources(columns=idea.plan_answers, time=time, after=after)


def _about_leaks(idea: Idea) -> Iterator[Objection]:
    """Without a cutoff an input must not be made of what the answers are made of."""
    answers = set(idea.plan_answers)
    if idea.plan_cutoff is not None or not answers:
        return
    sources = {one.name: one.sources for one in idea.plan_inputs}
    for name in idea.inputs:
        shared = [one for one in sources.get(name, (f"{idea.table}.{name}",)) if one in answers]
        if shared:
            yield Objection(
                f"input {name!r} is made of {shared[0]!r}, which the answers are made of: leave it out, or state in "
                "`plan_cutoff` what of it is known by then"
            )


def _tables(join: PlannedJoin) -> Sequence[str]:
    return join.column.partition(".")[0], join.other_column.partition(".")[0]


def _found(here: pd.Series, there: pd.Series) -> float:
    known = here.dropna()
    return float(known.isin(there.dropna()).mean()) if len(known) else 0.0
