"""The text of `description.md`: what a participant reads. It speaks of public files only."""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd

from generators.competitions.card import Card, Objective, SubmissionForm
from generators.competitions.metrics import get_metric
from generators.datasets.profile import ColumnProfile, ColumnType, DatasetProfile
from generators.roles.proposal import Proposal
from generators.roles.rules.names import plain
from generators.roles.rules.rendering import render
from generators.roles.rules.targets import class_text

_LOOKS_MISSING = frozenset({"none", "na", "n/a", "nan", "null", "nil", "-", "nat", "<na>", "#n/a"})
_SERIES = 12
"""So many columns that are named alike but for their numbers are described in one line."""


class Counts(NamedTuple):
    """Raw rows that did not become rows of the competition, by reason."""

    raw: int
    without_target: int
    rare_class: int
    repeated: int
    sampled_out: int


class Tables(NamedTuple):
    """The public tables as participants read them."""

    train: pd.DataFrame
    test: pd.DataFrame
    sample: pd.DataFrame


def description(card: Card, proposal: Proposal, profile: DatasetProfile, tables: Tables, counts: Counts) -> str:
    """Markdown, ending in a newline."""
    metric = get_metric(card.metric)
    target = proposal.target.name
    return render(
        "description.md",
        title=card.title,
        summary=card.summary,
        about=_about(proposal, card),
        train_rows=f"{len(tables.train):,}",
        test_rows=f"{len(tables.test):,}",
        target=target,
        id=proposal.id_column,
        words_like_missing=_words_like_missing(tables, proposal),
        columns=_columns(proposal, profile, tables),
        target_about=_target_about(proposal, tables.train),
        target_text=_target_text(proposal, tables.train),
        class_table=_class_table(proposal, tables.train),
        explanation=metric.explanation,
        metric_why=_metric_why(proposal, metric.title, metric.explanation),
        submission_columns=_listed([f"`{name}`" for name in tables.sample.columns]),
        example=tables.sample.head(3).to_csv(index=False, lineterminator="\n").strip(),
        form_text=_form_text(card),
        notes=_notes(proposal, counts),
    )


def _metric_why(proposal: Proposal, title: str, explanation: str) -> str:
    """Why this metric, and its name where nothing else says it."""
    named = title.casefold() in f"{explanation} {proposal.metric_why}".casefold()
    return _sentence(f"Why {'this metric' if named else title}: {proposal.metric_why}")


def _about(proposal: Proposal, card: Card) -> list[str]:
    told = f"The data comes from `{card.provenance.source}`"
    if card.provenance.licence:
        told += f" (licence: {card.provenance.licence})"
    texts = [f"{told}; each row is one of its table `{proposal.table}`."]
    for lookup in proposal.lookups:
        names = _listed([f"`{name}`" for name in lookup.names])
        texts.append(
            f"{names} {'come' if len(lookup.names) > 1 else 'comes'} from the table `{lookup.table}`, "
            f"joined by `{lookup.column}`."
        )
    return texts


class _Row(NamedTuple):
    name: str
    type: str
    missing: str
    about: str


def _columns(proposal: Proposal, profile: DatasetProfile, tables: Tables) -> list[_Row]:
    known: dict[str, ColumnProfile] = {c.name: c for c in profile.table(proposal.table).columns}
    for lookup in proposal.lookups:
        other = profile.table(lookup.table)
        known |= {name: other.column(column) for name, column in zip(lookup.names, lookup.added, strict=True)}
    stems: dict[str, list[str]] = {}
    for name in proposal.inputs:
        stems.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    rows = []
    for names in stems.values():
        if len(names) >= _SERIES and "".join(names) != names[0]:
            rows.append(_series_row(names, tables))
        else:
            rows += [_row(name, known.get(name), proposal, tables) for name in names]
    return rows


def _row(name: str, profile: ColumnProfile | None, proposal: Proposal, tables: Tables) -> _Row:
    values = pd.concat([tables.train[name], tables.test[name]])
    missing = values.isna().mean()
    kind = profile.type if profile else None
    if proposal.split.columns == (name,) and proposal.split.kind == "grouped":
        group = "a number given at random to each entity; no test entity is in the training data"
        return _Row(_cell(name), "group", "", group)
    about = [_content(values, kind, profile)]
    if proposal.split.columns == (name,) and proposal.split.kind == "time":
        about.append("the test rows are the latest")
    return _Row(
        _cell(name), _type_word(kind, values), f"{missing:.1%}" if missing else "", "; ".join(filter(None, about))
    )


def _series_row(names: list[str], tables: Tables) -> _Row:
    values = pd.concat([tables.train[names], tables.test[names]])
    missing = float(values.isna().to_numpy().mean())
    about = f"{len(names)} columns of one kind"
    if all(pd.api.types.is_numeric_dtype(values[name]) for name in names):
        low, high = values.min().min(), values.max().max()
        about += f"; from {_number(low)} to {_number(high)}"
    return _Row(f"`{names[0]}` ... `{names[-1]}`", "number", f"{missing:.1%}" if missing else "", about)


def _cell(name: str) -> str:
    name = name.replace("\r", "\\r").replace("\n", "\\n")  # a line end would end the table
    quote = "`` " if "`" in name else "`"
    return quote + name.replace("|", "\\|") + quote[::-1]


def _type_word(kind: ColumnType | None, values: pd.Series) -> str:
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    words = {
        ColumnType.ID: "identifier",
        ColumnType.CATEGORICAL: "category",
        ColumnType.ORDINAL: "ordered category",
        ColumnType.BOOLEAN: "yes or no",
        ColumnType.DATETIME: "time",
        ColumnType.TEXT: "text",
        ColumnType.LOCATION: "location",
    }
    if kind in words:
        return words[kind]
    return "number" if numeric else "text"


def _content(values: pd.Series, kind: ColumnType | None, profile: ColumnProfile | None) -> str:
    known = values.dropna()
    if known.empty:
        return "empty"
    if kind is ColumnType.DATETIME and profile and profile.time_range:
        written = profile.time_format if profile.time_format not in ("", "mixed", "ISO8601") else ""
        if written and pd.to_datetime(known.iloc[:1], format=written, errors="coerce").isna().all():
            written = ""  # prepare.py wrote it anew
        if pd.api.types.is_numeric_dtype(known):
            return f"from {known.min():.0f} to {known.max():.0f}"
        return f"such as {_shown(known.iloc[0])}" + (f", written `{written}`" if written else "")
    if (
        pd.api.types.is_numeric_dtype(known)
        and not pd.api.types.is_bool_dtype(known)
        and kind not in (ColumnType.CATEGORICAL, ColumnType.BOOLEAN, ColumnType.ID)
    ):
        return f"from {_number(known.min())} to {_number(known.max())}, the median is {_number(known.median())}"
    counts = known.map(str).value_counts()
    if kind is ColumnType.ORDINAL and profile and profile.order:
        return "from low to high: " + ", ".join(map(_shown, profile.order))
    if len(counts) <= 8:
        return ", ".join(_shown(value) for value in sorted(counts.index))
    if kind in (ColumnType.TEXT, ColumnType.ID):
        return f"such as {_shown(known.iloc[0])}"
    return f"{len(counts)} values, the most frequent {_shown(counts.index[0])}"


def _number(value: float) -> str:
    """A number as people write it: no exponent where a few digits do, no more digits than say something."""
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.5g}"


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = " ".join(str(value).split()).replace("|", "\\|")
    return f"`{text[:57] + '...' if len(text) > 60 else text}`"


def _target_about(proposal: Proposal, train: pd.DataFrame) -> str:
    values = train[proposal.target.name]
    if proposal.objective is Objective.REGRESSION:
        return f"from {_number(values.min())} to {_number(values.max())}; only in `train.csv`"
    return "the class; only in `train.csv`"


def _target_text(proposal: Proposal, train: pd.DataFrame) -> str:
    target, values = proposal.target, train[proposal.target.name]
    name = f"`{target.name}`"
    source = plain(target.source)
    if target.rule == "above":
        text = f"{name} is 1 where {source} is above {target.parameters['threshold']:.10g}, else 0."
    elif target.rule == "equals":
        text = f"{name} is 1 where {source} is {target.parameters['value']!r}, else 0."
    elif target.rule == "in":
        text = f"{name} is 1 where {source} is {_listed([repr(v) for v in target.parameters['values']], 'or')}, else 0."
    elif target.rule == "text_value":
        source = "the raw column" if target.name == target.source else source
        text = f"{name} is the number written in {source}, without unit and thousands separators."
    else:
        text = f"{name} is to be predicted for every row of `test.csv`."
    if proposal.objective is Objective.REGRESSION:
        low, middle, high = values.quantile([0.05, 0.5, 0.95])
        text += (
            f" In the training data it lies between {_number(values.min())} and {_number(values.max())}; the median is "
            f"{_number(middle)}, and 90 % of the values lie between {_number(low)} and {_number(high)}."
        )
    elif len(proposal.classes) == 2 and proposal.form is SubmissionForm.PROBABILITY:
        text += f" The positive class is `{proposal.classes[1]}`."
    elif proposal.metric == "quadratic_weighted_kappa":
        text += f" The classes have an order, from low to high: {_listed([f'`{c}`' for c in proposal.classes])}."
    return text


def _class_table(proposal: Proposal, train: pd.DataFrame) -> list[dict[str, str]]:
    if not proposal.classes:
        return []
    counts = class_text(train[proposal.target.name]).value_counts().reindex(proposal.classes).fillna(0).astype(int)
    total = int(counts.sum())
    return [{"label": str(label), "count": f"{n:,}", "share": f"{n / total:.1%}"} for label, n in counts.items()]


def _words_like_missing(tables: Tables, proposal: Proposal) -> str:
    found: set[str] = set()
    for name in (*proposal.inputs, proposal.target.name):
        values = tables.train[name]
        if not pd.api.types.is_numeric_dtype(values):
            found |= {str(v) for v in values.dropna().unique() if str(v).strip().lower() in _LOOKS_MISSING}
    return _listed([f"`{word}`" for word in sorted(found)])


def _form_text(card: Card) -> str:
    target = card.targets[0]
    if card.form is SubmissionForm.PROBABILITY:
        return f"`{target}` is the predicted probability of the class `{card.classes[1]}`."
    if card.form is SubmissionForm.PROBABILITIES:
        return "Each class column holds the predicted probability of that class; the probabilities of a row sum to 1."
    if card.form is SubmissionForm.LABEL:
        return f"`{target}` is the predicted class, written as in `train.csv`."
    return f"`{target}` is the predicted number; it must be finite."


def _notes(proposal: Proposal, counts: Counts) -> list[str]:
    notes = [_sentence(f"The split: {proposal.split.why}")]
    if counts.without_target:
        notes.append(f"{counts.without_target:,} rows whose target is not known were left out.")
    if counts.rare_class:
        classes = _listed([f"`{label}`" for label in proposal.target.dropped_classes])
        notes.append(f"{counts.rare_class:,} rows of classes too rare to learn were left out: {classes}.")
    if counts.repeated:
        notes.append(f"{counts.repeated:,} rows whose inputs repeat those of another row were left out.")
    if counts.sampled_out:
        notes.append(f"Of the remaining rows {counts.sampled_out:,} were left out at random to keep the data small.")
    leaks = [e.column for e in proposal.excluded if e.kind == "leak" and e.column != proposal.target.source]
    if leaks:
        shown = _listed([f"`{name}`" for name in leaks])
        notes.append(
            f"Columns of the source that give the target away, or are known only after it, were left out: {shown}."
        )
    notes.append(f"`{proposal.id_column}` was given at random: neither it nor the order of the rows tells anything.")
    return notes


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _listed(items: list[str], word: str = "and") -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}" if items else ""
