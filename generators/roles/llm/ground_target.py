"""Grounding of a target: that its column and rule give values, and which classes these are."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from generators.competitions.card import Objective
from generators.datasets.profile import TableProfile
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.ideas import Idea, IdeaTarget
from generators.roles.proposal import Target
from generators.roles.rules.candidates import MIN_ROWS
from generators.roles.rules.names import identifier
from generators.roles.rules.targets import are_whole, class_text, derive, number_in_text, order_classes

_MAX_CLASSES = 100
_MIN_PER_CLASS = 10
"""Rarer classes are left out: they could not be learned and tested."""
_RENDERED = (Objective.BINARY, Objective.MULTICLASS, Objective.REGRESSION)


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a target; both empty where it is a number."""

    kept: tuple[str, ...] = ()
    """In the order of probability columns; of two, the second is the positive one."""
    dropped: tuple[str, ...] = ()


def ground_target(wanted: IdeaTarget, rows: pd.DataFrame) -> tuple[Target | None, list[Objection]]:
    """The target in a proposal's form; None where there are objections."""
    if wanted.column not in rows.columns:
        message = f"there is no column {wanted.column!r} to be the target; there are:"
        return None, [Objection(message, "\n".join(map(str, rows.columns)))]
    values = rows[wanted.column]
    parameters, problem = _parameters(wanted, values)
    if problem is not None:
        return None, [problem]
    own = wanted.rule == "as_is"
    name = wanted.name or (wanted.column if own else f"{identifier(wanted.column)}_{wanted.rule}")
    if name != wanted.column or not own:
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}", name) is None:
            return None, [Objection(f"{name!r} is no name for a column: letters, digits and underscores only")]
        if name in rows.columns and name != wanted.column:
            return None, [Objection(f"a column is called {name!r} already; give the target another name")]
    return Target(name=name, source=wanted.column, rule=wanted.rule, parameters=parameters), []


def ground_classes(
    idea: Idea, target: Target, rows: pd.DataFrame, table: TableProfile
) -> tuple[Classes | None, list[Objection]]:
    """The classes of the target; None where its values do not suit the objective."""
    if idea.objective not in _RENDERED:
        allowed = ", ".join(one.value for one in _RENDERED)
        return None, [Objection(f"{idea.objective.value} needs a plan; without one there are: {allowed}")]
    values = derive(rows, target).dropna()
    if len(values) < MIN_ROWS:
        return None, [Objection(f"only {len(values)} rows have a target; at least {MIN_ROWS} are needed")]
    if idea.objective is Objective.REGRESSION:
        return _numbers(values)
    if pd.api.types.is_float_dtype(values) and not are_whole(values):
        return None, [
            Objection(f"{target.source!r} holds numbers, no classes: use regression, or the rule above or bins")
        ]
    counts = class_text(values).value_counts()
    if len(counts) > _MAX_CLASSES:
        return None, [
            Objection(f"{target.source!r} has {len(counts)} classes; at most {_MAX_CLASSES} can be told apart")
        ]
    kept = {str(label): int(count) for label, count in counts.items() if count >= _MIN_PER_CLASS}
    dropped = tuple(sorted(str(label) for label in counts.index if str(label) not in kept))
    if (idea.objective is Objective.BINARY) != (len(kept) == 2) or len(kept) < 2:
        listed = "\n".join(f"{label}: {count} rows" for label, count in counts.items())
        told = f"{len(kept)} classes have {_MIN_PER_CLASS} rows or more, which is no {idea.objective.value}:"
        return None, [Objection(told, listed)]
    known = {column.name: column for column in table.columns}
    order: tuple[str, ...] = ()
    if target.rule == "bins":
        order = tuple(target.parameters["labels"])
    elif target.rule == "as_is" and target.source in known:
        order = known[target.source].order
    labels = order_classes(tuple(kept), tuple(kept.values()), order)
    positive = idea.target.positive
    if positive:
        if positive not in labels or len(labels) != 2:
            return None, [Objection(f"{positive!r} is not one of the two classes:", "\n".join(labels))]
        labels = (next(label for label in labels if label != positive), positive)
    return Classes(labels, dropped), []


def _numbers(values: pd.Series) -> tuple[Classes | None, list[Objection]]:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return None, [Objection("the target holds no numbers: regression needs some, or use the rule text_value")]
    if values.nunique() < _MIN_PER_CLASS:
        return None, [Objection(f"the target has {values.nunique()} distinct values: that is classification")]
    return Classes(), []


def _parameters(wanted: IdeaTarget, values: pd.Series) -> tuple[dict[str, object], Objection | None]:
    rule = wanted.rule
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if rule in ("above", "bins") and not numeric:
        return {}, Objection(f"rule {rule!r} compares numbers; {wanted.column!r} holds none")
    if rule == "above":
        low, high = float(values.min()), float(values.max())
        if wanted.threshold is None or not low <= wanted.threshold < high:
            return {}, Objection(f"rule 'above' needs a threshold between {low:g} and {high:g}")
        return {"threshold": wanted.threshold}, None
    if rule == "bins":
        return _bins(wanted, values)
    if rule in ("equals", "in"):
        return _chosen(wanted, values)
    if rule == "text_value":
        share = float(number_in_text(values.dropna()).notna().mean()) if values.notna().any() else 0.0
        if numeric or share < 0.8:
            return {}, Objection(f"rule 'text_value' reads numbers out of texts; {share:.0%} of the values hold one")
    return {}, None


def _bins(wanted: IdeaTarget, values: pd.Series) -> tuple[dict[str, object], Objection | None]:
    edges, labels = list(wanted.edges), list(wanted.labels)
    if (
        len(labels) < 2
        or len(edges) != len(labels) + 1
        or sorted(set(edges)) != edges
        or len(set(labels)) < len(labels)
    ):
        return {}, Objection("rule 'bins' needs rising edges, one more than labels, and labels that differ")
    if not (edges[0] < float(values.min()) and float(values.max()) <= edges[-1]):
        span = f"from {float(values.min()):g} to {float(values.max()):g}"
        return {}, Objection(f"the first edge must be below all values and the last not below any; they run {span}")
    return {"edges": edges, "labels": labels}, None


def _chosen(wanted: IdeaTarget, values: pd.Series) -> tuple[dict[str, object], Objection | None]:
    """Values as the column holds them, whatever the model took them for."""
    asked = wanted.values if wanted.rule == "in" else (() if wanted.value is None else (wanted.value,))
    if not asked:
        field = "values" if wanted.rule == "in" else "value"
        return {}, Objection(f"rule {wanted.rule!r} needs `{field}`")
    present = {str(value): value for value in values.dropna().unique()}
    present |= {str(int(value)): value for value in present.values() if isinstance(value, float) and value.is_integer()}
    found = []
    for one in asked:
        text = str(int(one)) if isinstance(one, float) and one.is_integer() else str(one)
        if text not in present:
            shown = "\n".join(list(map(str, present))[:40])
            return {}, Objection(f"{one!r} is no value of {wanted.column!r}; there are:", shown)
        value = present[text]
        found.append(value.item() if hasattr(value, "item") else value)
    return ({"values": found} if wanted.rule == "in" else {"value": found[0]}), None
