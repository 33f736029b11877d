"""Formulation: one candidate worked out into a proposal, or the reason why it is none."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from generators.competitions.card import Objective
from generators.competitions.metrics import get_metric
from generators.datasets.profile import ColumnType, TableProfile
from generators.datasets.raw import RawDataset
from generators.roles.proposal import Exclusion, Lookup, Proposal, SplitPlan
from generators.roles.rules.candidates import MIN_ROWS, Candidate
from generators.roles.rules.frames import assemble, competition_rows, thin, with_target
from generators.roles.rules.inputs import Inputs, choose_inputs
from generators.roles.rules.metric_choice import choose_metric
from generators.roles.rules.names import plain, slug, words
from generators.roles.rules.probe import Probe, probe
from generators.roles.rules.split_choice import choose_split, entity_columns, moments
from generators.roles.rules.targets import class_text

_MAX_ROWS = 30_000
_PROBE_ROWS = 4000
_PROBE_COLUMNS = 40
_PAIR_COLUMNS = 12
_DIFFERENT_SHARE, _DIFFERENT_ROWS = 0.35, 400
"""Rows that must differ in their inputs: this share of all, or so many. Of rows alike only one is kept."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a candidate came to nothing."""

    reason: str


def formulate(
    candidate: Candidate,
    dataset: RawDataset,
    table: TableProfile,
    *,
    lookups: Sequence[Lookup] = (),
    used_slugs: Collection[str] = (),
    seed: int = 0,
) -> Proposal | Refused:
    """Inputs without leaks, split, metric and words for one candidate, if a quick model can learn it."""
    target, objective = candidate.target, candidate.objective
    lookups = tuple(lookup for lookup in lookups if target.source != lookup.column)
    rows = assemble(dataset, table.name, lookups)
    entities = [name for name in entity_columns(table) if name != target.source]
    inputs = choose_inputs(rows, table, target, objective, lookups=lookups, keep=entities, seed=seed)
    if not inputs.kept:
        return Refused(f"no input is left: {_gone(inputs, target.source)}")
    frame = with_target(rows, target, inputs.kept)
    split = choose_split(frame, table, target.name, candidate.classes, seed=seed)
    inputs = _without_idle_entities(inputs, table, entities, split)
    before = len(frame)
    frame = frame[[*inputs.kept, target.name]].drop_duplicates(list(inputs.kept))
    if not inputs.kept or list(inputs.kept) == list(split.columns):
        return Refused(f"no input is left: {_gone(inputs, target.source)}")
    if len(frame) < max(MIN_ROWS, min(_DIFFERENT_SHARE * before, _DIFFERENT_ROWS)):
        return Refused(f"only {len(frame)} of {before} rows differ in their inputs")
    pair = _determined_by_pair(frame, target.name)
    if pair:
        return Refused(f"{pair[0]} and {pair[1]} together fix it: it can be looked up in the training data")
    seen = _probe(frame, candidate, split, table, seed=seed)
    if not seen.learnable:
        gone = f"; {_gone(inputs, target.source)}" if _leaks(inputs, target.source) else ""
        return Refused(
            f"a quick model on {len(inputs.kept)} inputs does no better than guessing "
            f"(skill {seen.skill:.2f}, noise {seen.noise:.2f}){gone}"
        )
    if seen.perfect:
        return Refused(f"a quick model is right in {seen.exact:.1%} of held-out rows: nothing is left to compete for")
    if candidate.classes:
        shares = class_text(frame[target.name]).value_counts(normalize=True).reindex(candidate.classes).fillna(0.0)
        if (shares * len(frame) < 10).any():
            return Refused("a class has fewer than 10 rows once rows with the same inputs are counted once")
    else:
        shares = pd.Series(dtype=float)
    metric = choose_metric(objective, frame[target.name], dict(shares), ordered=candidate.ordered)
    title = _title(candidate, dataset.name)
    return Proposal(
        slug=_slug(candidate, used_slugs),
        title=title,
        summary=_summary(candidate, inputs, lookups),
        table=table.name,
        target=target,
        objective=objective,
        inputs=inputs.kept,
        lookups=_used(lookups, inputs),
        excluded=inputs.excluded,
        metric=metric.name,
        metric_why=metric.why,
        form=get_metric(metric.name).forms[0],
        classes=candidate.classes,
        split=split,
        id_column=_free_name("row_id", [*rows.columns, target.name]),
        max_rows=_MAX_ROWS if len(frame) > _MAX_ROWS else None,
        score=round(candidate.prior + _gain(seen), 4),
        why=f"{candidate.why}; a quick model reaches {_measure(seen, candidate)}",
    )


def renew_metric(proposal: Proposal, dataset: RawDataset, *, used: Collection[str] = ()) -> Proposal | None:
    """The proposal with the next suitable metric that is not `used` either, None where there is no other."""
    values = competition_rows(dataset, proposal)[proposal.target.name]
    shares = dict(class_text(values).value_counts(normalize=True)) if proposal.classes else {}
    ordered = proposal.metric == "quadratic_weighted_kappa"
    choice = choose_metric(proposal.objective, values, shares, ordered=ordered, used=(proposal.metric, *used))
    if choice.name in (proposal.metric, *used):
        return None
    form = get_metric(choice.name).forms[0]
    return proposal.model_copy(update={"metric": choice.name, "metric_why": choice.why, "form": form})


def _without_idle_entities(inputs: Inputs, table: TableProfile, entities: Sequence[str], split: SplitPlan) -> Inputs:
    """Ids of entities are of use where they come back (time) or tell the groups apart, and nowhere else."""
    idle = [
        name
        for name in entities
        if name in inputs.kept
        and name not in split.columns
        and table.column(name).type is ColumnType.ID
        and split.kind != "time"
    ]
    gone = tuple(Exclusion(column=name, kind="identifier", evidence=table.column(name).why) for name in idle)
    return Inputs(tuple(name for name in inputs.kept if name not in idle), (*inputs.excluded, *gone))


def _probe(frame: pd.DataFrame, candidate: Candidate, split: SplitPlan, table: TableProfile, *, seed: int) -> Probe:
    target = candidate.target.name
    sample = thin(frame, _PROBE_ROWS, seed=seed)
    columns = [name for name in sample.columns if name != target]
    if split.kind == "grouped":
        columns = [name for name in columns if name not in split.columns]
    groups = sample[split.columns[0]] if split.kind == "grouped" else None
    when = None
    if split.kind == "time":
        when = moments(sample[split.columns[0]], table.column(split.columns[0]).time_format)
    inputs = sample[columns[:_PROBE_COLUMNS]].copy()
    for column in table.columns:
        if column.name in inputs and column.type.value == "datetime" and column.time_format:
            inputs[column.name] = moments(inputs[column.name], column.time_format)
    classes = candidate.objective is not Objective.REGRESSION
    return probe(inputs, sample[target], classes=classes, groups=groups, moments=when, seed=seed)


def _determined_by_pair(frame: pd.DataFrame, target: str) -> tuple[str, str] | None:
    """Two columns of names whose every combination that comes back has one value of the target."""
    inputs = frame.columns.drop(target)
    codes = {}
    for name in inputs:
        if not pd.api.types.is_float_dtype(frame[name]) and 2 < frame[name].nunique() < len(frame) / 4:
            codes[name] = pd.factorize(frame[name], use_na_sentinel=False)[0].astype("int64")
    truth = pd.factorize(frame[target])[0].astype("int64")
    for first, second in itertools.combinations(list(codes)[:_PAIR_COLUMNS], 2):
        pairs = codes[first] * (int(codes[second].max()) + 1) + codes[second]
        groups = pd.DataFrame({"pair": pairs, "truth": truth}).groupby("pair")["truth"]
        sizes = groups.size().to_numpy()
        again = sizes > 1
        # enough rows are repeats, and a target of many values agrees in all of them
        if sizes[again].sum() > 0.3 * len(frame) and (groups.nunique().to_numpy()[again] == 1).mean() > 0.99:
            return str(first), str(second)
    return None


def _gain(seen: Probe) -> float:
    """What learnability adds to a candidate's prior: little to learn is worse than nearly all."""
    return 1.2 * min(seen.skill, 0.8) - (0.8 if seen.skill < 0.15 else 0.3 if seen.skill < 0.25 else 0.0)


def _used(lookups: Sequence[Lookup], inputs: Inputs) -> tuple[Lookup, ...]:
    """The lookups with those of their columns that are inputs."""
    found = []
    for lookup in lookups:
        kept = tuple(column for column, name in zip(lookup.added, lookup.names, strict=True) if name in inputs.kept)
        if kept:
            found.append(lookup.model_copy(update={"added": kept}))
    return tuple(found)


def _leaks(inputs: Inputs, source: str) -> list[str]:
    """Columns other than the target's own that give it away."""
    return [one.column for one in inputs.excluded if one.kind == "leak" and one.column != source]


def _gone(inputs: Inputs, source: str) -> str:
    leaks = _leaks(inputs, source)
    return f"as leaks were left out: {', '.join(leaks[:6])}" if leaks else "all columns are ids or constants"


def _slug(candidate: Candidate, used: Collection[str]) -> str:
    base = slug(candidate.target.name)
    if len(base) < 2:
        base = f"predict-{base}"
    several = f"{slug(candidate.table, 24)}-{base}"[:60].strip("-")
    for name in (base, several, f"{several[:50]}-{slug(candidate.objective.value, 9)}"):
        if name not in used:
            return name
    return f"{several[:50]}-{len(used) + 1}"


def _free_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"competition_{name}"
    return name


def _title(candidate: Candidate, dataset: str) -> str:
    return f"{_capital(' '.join(words(dataset)))}: predict {_asked(candidate)}"


def _asked(candidate: Candidate) -> str:
    target = candidate.target
    source = plain(target.source)
    if target.rule == "above":
        return f"whether {source} is above {target.parameters['threshold']:.10g}"
    if target.rule == "in":
        return f"whether there is any {source}"
    if target.rule == "equals":
        return f"whether {source} is {target.parameters['value']}"
    return source


def _summary(candidate: Candidate, inputs: Inputs, lookups: Sequence[Lookup]) -> str:
    from_other = sorted({lookup.table for lookup in _used(lookups, inputs)})
    more = f", joined with {' and '.join(from_other)}" if from_other else ""
    count = len(inputs.kept)
    columns = f"{count} columns" if count > 1 else "one column"
    what = {
        Objective.BINARY: "one of two classes",
        Objective.MULTICLASS: f"one of {len(candidate.classes)} classes",
    }.get(candidate.objective, "a number")
    return f"Predict {_asked(candidate)} ({what}) from {columns} of the table {candidate.table}{more}."


def _measure(seen: Probe, candidate: Candidate) -> str:
    if candidate.objective is Objective.REGRESSION:
        return f"a rank correlation of {seen.skill:.2f} on rows it has not seen"
    return f"a ROC AUC of {(seen.skill + 1) / 2:.2f} on rows it has not seen"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
