"""Grounding: an idea becomes a proposal where the data bears out each of its fields; else every reason against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from generators.competitions.card import Objective
from generators.competitions.metrics import METRICS, Metric, metrics_for
from generators.datasets.profile import DatasetProfile, TableProfile
from generators.datasets.raw import RawDataset
from generators.roles.diversity import Traits
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.domain_metrics import chosen_metric, declared
from generators.roles.llm.ground_target import Classes, ground_classes, ground_target
from generators.roles.llm.ideas import Idea, one_line
from generators.roles.llm.planning import planned
from generators.roles.proposal import Exclusion, Lookup, Proposal, SplitPlan, Target
from generators.roles.rules.candidates import MIN_ROWS
from generators.roles.rules.frames import assemble, with_target
from generators.roles.rules.inputs import choose_inputs
from generators.roles.rules.names import slug
from generators.roles.rules.split_choice import choose_split, entity_columns

RENDERED_OBJECTIVES = (Objective.BINARY, Objective.MULTICLASS, Objective.REGRESSION)
"""Objectives whose target the rules of a proposal can state; others need a plan."""
_MAX_ROWS = 30_000
_MIN_GROUPS = 30


class _Base(NamedTuple):
    """What a split is chosen for."""

    table: TableProfile
    rows: pd.DataFrame
    target: Target
    classes: Classes


@dataclass(slots=True)
class Ground:
    """Checks ideas for one dataset."""

    dataset: RawDataset
    profile: DatasetProfile
    existing: Sequence[Traits] = ()
    seed: int = 0
    plans: bool = False
    """Whether the designer can follow plans in words."""
    _objections: list[Objection] = field(default_factory=list, init=False)

    def proposal(
        self, idea: Idea, *, used_slugs: Collection[str] = (), score: float = 0.0, own_slug: str = ""
    ) -> Proposal | tuple[Objection, ...]:
        """The proposal, or all that speaks against the idea. `own_slug`: of the proposal that it is a revision of."""
        self._objections = []
        name = own_slug or free_slug(idea.target.name or idea.target.column or idea.title, used_slugs)
        if idea.plan or idea.target.rule == "planned":
            if self.plans:
                return planned(idea, self.dataset, self.profile, slug=name, score=score)
            self._object("there is no designer that follows a plan in words; leave `plan` empty and use another rule")
            return tuple(self._objections)
        found = self._grounded(idea, name, score)
        return found if found is not None and not self._objections else tuple(self._objections)

    def _grounded(self, idea: Idea, name: str, score: float) -> Proposal | None:
        """None only where there are objections."""
        table = self._table(idea.table)
        if table is None:
            return None
        lookups = self._lookups(idea, table)
        rows = assemble(self.dataset, table.name, lookups)
        for column in (*idea.inputs, *(one.column for one in idea.excluded)):
            if column not in rows.columns:
                self._no_column(column, rows)
        # a looked-up column belongs to another table's rows, several of which it stands in here
        target, objections = ground_target(idea.target, rows[list(self.dataset.table(table.name).frame.columns)])
        self._objections += objections
        if target is None or self._objections:
            return None
        classes, objections = ground_classes(idea, target, rows, table)
        self._objections += objections
        metric = self._metric(idea, classes)
        if classes is None or metric is None or self._objections:
            return None
        target = target.model_copy(update={"dropped_classes": classes.dropped})
        self._check_existing(idea, target)
        inputs, excluded = self._inputs(idea, table, lookups, rows, target)
        if not inputs:
            return None
        split, inputs = self._split(idea, _Base(table, rows, target, classes), inputs)
        frame = with_target(rows, target, inputs)
        distinct = len(frame.drop_duplicates(list(inputs)))
        if distinct < MIN_ROWS:
            self._object(f"only {distinct} rows differ in these inputs; at least {MIN_ROWS} are needed")
        if self._objections:
            return None
        return Proposal(
            slug=name,
            title=one_line(idea.title),
            summary=one_line(idea.summary),
            table=table.name,
            target=target,
            objective=idea.objective,
            inputs=inputs,
            lookups=_used(lookups, inputs),
            excluded=excluded,
            metric=idea.metric,
            metric_parameters=dict(idea.metric_parameters),
            domain_metric=declared(idea, metric),
            metric_why=one_line(idea.metric_why),
            form=metric.forms[0],
            classes=classes.kept,
            split=split,
            id_column=_free_name("row_id", [*rows.columns, target.name]),
            max_rows=_MAX_ROWS if distinct > _MAX_ROWS else None,
            score=score,
            why=one_line(idea.why),
            modality=idea.modality,
        )

    def _object(self, message: str, data: str = "") -> None:
        self._objections.append(Objection(message, data))

    def _no_column(self, column: str, rows: pd.DataFrame) -> None:
        self._object(f"there is no column {column!r}; there are:", "\n".join(map(str, rows.columns)))

    def _table(self, name: str) -> TableProfile | None:
        for table in self.profile.tables:
            if table.name == name:
                if table.rows < MIN_ROWS:
                    self._object(f"table {name!r} has {table.rows} rows; at least {MIN_ROWS} are needed")
                    return None
                return table
        self._object(f"there is no table {name!r}; there are:", "\n".join(table.name for table in self.profile.tables))
        return None

    def _lookups(self, idea: Idea, table: TableProfile) -> tuple[Lookup, ...]:
        """The lookups that can be made; objections for the others."""
        here = self.dataset.table(table.name).frame
        taken = set(map(str, here.columns))
        found = []
        for one in idea.lookups:
            if one.table not in {other.name for other in self.profile.tables} or one.table == table.name:
                self._object(f"there is no other table {one.table!r} to look up in")
                continue
            there = self.dataset.table(one.table).frame
            if one.column not in here.columns:
                self._no_column(one.column, here)
                continue
            absent = [name for name in (one.other_column, *one.added) if name not in there.columns]
            if absent:
                self._no_column(absent[0], there)
                continue
            lookup = Lookup(
                table=one.table,
                column=one.column,
                other_column=one.other_column,
                added=tuple(name for name in one.added if name != one.other_column),
                prefix=one.prefix,
            )
            problem = _lookup_problem(lookup, here, there, taken)
            if problem:
                self._object(f"the lookup of {one.column!r} in {one.table!r} cannot be: {problem}")
                continue
            taken |= set(lookup.names)
            found.append(lookup)
        return tuple(found)

    def _metric(self, idea: Idea, classes: Classes | None) -> Metric | None:
        """The library's metric, or the one that the idea declares; None where there are objections to it."""
        if idea.domain_metric is not None:
            declared_one, wrong = chosen_metric(idea, writable=self.plans)
            self._objections += wrong
            return declared_one
        metric = METRICS.get(idea.metric)
        suiting = ", ".join(one.name for one in metrics_for(idea.objective))
        if metric is None:
            self._object(
                f"the registry has no metric {idea.metric!r}; for {idea.objective.value} it has: {suiting or 'none'}"
            )
            return None
        if idea.objective not in metric.objectives:
            self._object(f"metric {idea.metric!r} does not suit {idea.objective.value}; these do: {suiting}")
            return None
        try:
            metric.arguments(classes.kept if classes is not None else (), idea.metric_parameters)
        except ValueError as error:
            self._object(str(error))
            return None
        return metric

    def _check_existing(self, idea: Idea, target: Target) -> None:
        for other in self.existing:
            same = other.dataset == self.dataset.digest and other.target == target.name
            if same and other.objective == idea.objective.value:
                self._object("a competition with this target and objective exists already; predict something else")
                return

    def _inputs(
        self, idea: Idea, table: TableProfile, lookups: Sequence[Lookup], rows: pd.DataFrame, target: Target
    ) -> tuple[tuple[str, ...], tuple[Exclusion, ...]]:
        """The columns that participants get; none where there are objections."""
        entities = [name for name in entity_columns(table) if name != target.source]
        wanted = idea.inputs or tuple(name for name in map(str, rows.columns) if name != target.source)
        if target.source in wanted:
            self._object(f"the target is made of {target.source!r}, which is therefore no input")
        if len(set(wanted)) < len(wanted):
            self._object("an input is named twice")
        seen = rows[list(dict.fromkeys([*wanted, target.source]))]
        added = _used(lookups, wanted)
        keep = {*entities, idea.split.column} - {target.source}
        chosen = choose_inputs(seen, table, target, idea.objective, lookups=added, keep=keep, seed=self.seed)
        own = tuple(
            Exclusion(column=one.column, kind="leak", evidence=one_line(one.reason))
            for one in idea.excluded
            if one.column != target.source
        )
        mine = {one.column for one in own}
        excluded = tuple(one for one in chosen.excluded if one.column not in mine and one.column in rows.columns)
        for one in excluded if idea.inputs else ():
            if one.kind in ("leak", "identifier") and one.column in idea.inputs and one.column != target.source:
                self._object(f"{one.column!r} must not be an input, it is a {one.kind}:", one.evidence)
        kept = tuple(name for name in chosen.kept if name not in mine)
        if not kept and not self._objections:
            why = "\n".join(f"{one.column}: {one.kind}; {one.evidence}" for one in excluded)
            self._object("no input is left; every column is a leak, an identifier or a constant:", why)
        return (kept, (*own, *excluded)) if not self._objections else ((), ())

    def _split(self, idea: Idea, base: _Base, inputs: tuple[str, ...]) -> tuple[SplitPlan, tuple[str, ...]]:
        """The split, and the inputs with its column among them."""
        plan, (table, rows, target, classes) = idea.split, base
        columns: tuple[str, ...] = ()
        if plan.kind == "stratified":
            columns = (target.name,)
            if not classes.kept:
                self._object("a stratified split is for classes; numbers are split at random")
        elif plan.kind in ("grouped", "time"):
            if plan.column not in rows.columns or plan.column == target.source:
                self._no_column(plan.column, rows)
                return _plan(idea, (), self.seed), inputs
            columns = (plan.column,)
            inputs = inputs if plan.column in inputs else (*inputs, plan.column)
        every = with_target(rows, target, list(dict.fromkeys([*inputs, *_existing(entity_columns(table), rows)])))
        advice = choose_split(every, table, target.name, classes.kept, seed=self.seed)
        if advice.kind in ("grouped", "time") and (advice.kind, advice.columns) != (plan.kind, columns):
            told = f"a {plan.kind} split leaks from training to test rows; this one does not, kind {advice.kind!r}:"
            self._object(told, f"column {advice.columns[0]!r}; {advice.why}")
        if plan.kind == "grouped":
            groups = int(every[plan.column].nunique())
            if groups < _MIN_GROUPS:
                self._object(f"{plan.column!r} has {groups} groups; a grouped split needs {_MIN_GROUPS}")
        if plan.kind == "time" and plan.column not in table.time_columns:
            self._object(f"{plan.column!r} does not order the rows in time; these do:", "\n".join(table.time_columns))
        return _plan(idea, columns, self.seed), inputs


def free_slug(text: str, used: Collection[str]) -> str:
    """A slug made of a name that no other proposal has."""
    base = slug(text)
    base = base if len(base) >= 2 else f"predict-{base}"
    name, number = base, 1
    while name in used:
        number += 1
        name = f"{base}-{number}"
    return name


def _plan(idea: Idea, columns: tuple[str, ...], seed: int) -> SplitPlan:
    plan = idea.split
    return SplitPlan(
        kind=plan.kind, columns=columns, test_fraction=plan.test_fraction, seed=seed, why=one_line(plan.why)
    )


def _existing(names: Sequence[str], rows: pd.DataFrame) -> list[str]:
    return [name for name in names if name in rows.columns]


def _lookup_problem(lookup: Lookup, here: pd.DataFrame, there: pd.DataFrame, taken: Collection[str]) -> str:
    key, column = there[lookup.other_column].dropna(), here[lookup.column]
    if not lookup.added:
        return "it adds no column"
    if key.duplicated().any():
        return f"{lookup.other_column!r} is no key there: its values occur more than once"
    if pd.api.types.is_numeric_dtype(key) != pd.api.types.is_numeric_dtype(column):
        return "one of the two columns holds numbers, the other texts"
    found = float(column.dropna().isin(key).mean()) if column.notna().any() else 0.0
    if found < 0.5:
        return f"only {found:.0%} of its values are found there"
    if set(lookup.names) & set(taken):
        return "its new columns are named like others; choose another prefix"
    return ""


def _used(lookups: Sequence[Lookup], inputs: Collection[str]) -> tuple[Lookup, ...]:
    """The lookups with those of their columns that are wanted."""
    found = []
    for lookup in lookups:
        kept = tuple(column for column, name in zip(lookup.added, lookup.names, strict=True) if name in inputs)
        if kept:
            found.append(lookup.model_copy(update={"added": kept}))
    return tuple(found)


def _free_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"competition_{name}"
    return name
