"""The guard before every metric: a submission is checked against the answers and put in their order.

Whatever a participant can do wrong is an `InvalidSubmission` whose message says what to change. What passes has the
expected columns, every id once, finite numbers or known classes, and rows aligned with the answers, so that a metric
never decides what a missing or repeated row is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.forms import NUMBER_FORMS, SUBMITTED_CELLS, cell_problem
from generators.competitions.labels import Spellings, match_labels
from generators.competitions.metrics import METRICS
from generators.competitions.submission_file import InvalidSubmission

LARGEST_NUMBER = 1e100
"""Magnitude beyond which a prediction is refused: squares and sums of what is below stay finite."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from summing to 1."""

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_NOT_A_VALUE = frozenset({"nan", "<na>", "nat"})
"""What libraries write for a missing value and hardly anybody for a word."""
_MISSING = frozenset({"", "nan", "na", "n/a", "<na>", "null", "none", "nat"})


def align(submission: pd.DataFrame, answers: pd.DataFrame, card: Card) -> pd.DataFrame:
    """The submission in the rows and ids of `answers` and the columns of the card: ids, then predictions.

    `submission` is what `parse_submission` gives (any frame is taken as the text it would be written as), `answers`
    what `Competition.answers` gives. Predictions come as class labels spelled as in `card.classes`, as finite
    floats, or as texts that the card's form can read. The order of rows and columns does not matter. Raises
    `InvalidSubmission`.
    """
    _check_columns([str(name) for name in submission.columns], card)
    order = _row_order(submission, answers, card.ids)
    aligned = answers.loc[:, list(card.ids)].reset_index(drop=True)
    for column in card.prediction_columns:
        texts = _as_object(submission[column])[order]
        if card.form in NUMBER_FORMS:
            aligned[column] = _numbers(texts, column)
        elif card.form is SubmissionForm.LABEL:
            aligned[column] = _labels(texts, column, card)
        else:
            _check_not_missing(texts, column)
            _check_cells(texts, column, aligned, card)
            aligned[column] = texts
    if card.form in NUMBER_FORMS:
        check_range(aligned, card)
    return aligned


def _as_object(column: pd.Series[str]) -> np.ndarray:
    """A column as an array of `str`, missing cells of a frame that was not parsed from text as the empty text."""
    values = column.to_numpy(dtype=object)
    if pd.api.types.infer_dtype(values, skipna=False) == "string":
        return values
    return np.array(
        ["" if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True)], dtype=object
    )


def _some(values: Iterable[str], limit: int = 3) -> str:
    """Up to `limit` values as a person would list them."""
    listed = list(values)
    shown = ", ".join(repr(value if len(value) <= 60 else value[:57] + "...") for value in listed[:limit])
    return f"{shown} and {len(listed) - limit:,} more" if len(listed) > limit else shown


def _count(rows: np.ndarray, noun: str) -> str:
    """How many of `rows` are true, as words."""
    number = int(rows.sum())
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _check_columns(given: Sequence[str], card: Card) -> None:
    expected = [*card.ids, *card.prediction_columns]
    if sorted(given) == sorted(expected):
        return
    known = set(expected)
    duplicated = sorted({name for name in given if given.count(name) > 1})
    missing = [name for name in expected if name not in given]
    extra = [name for name in dict.fromkeys(given) if name not in known]
    problems = []
    if len(given) == 1 and len(expected) > 1:
        problems += [f"is it separated by {kind}? use commas" for mark, kind in _SEPARATORS.items() if mark in given[0]]
    if missing:
        problems.append(f"missing: {_some(missing, 10)}")
    if extra:
        problems.append(f"not expected: {_some(extra, 10)}")
    if duplicated:
        problems.append(f"more than once: {_some(duplicated, 10)}")
    if any(not name.strip() or name.startswith("Unnamed:") for name in extra):
        problems.append("a column without a name is usually the index, write with `index=False`")
    if [name for name in missing if name.lower() in {other.strip().lower() for other in extra}]:
        problems.append("names must match exactly, capitals and spaces included")
    raise InvalidSubmission(f"the columns must be {_some(expected, 30)}; {'; '.join(problems)}")


def _row_order(submission: pd.DataFrame, answers: pd.DataFrame, ids: Sequence[str]) -> np.ndarray:
    """For each row of the answers, the number of the submission's row with the same id."""
    expected = _keys([_as_object(answers[name]) for name in ids])
    given = _keys([_as_object(submission[name]) for name in ids])
    index = pd.Index(expected)
    position = index.get_indexer(pd.Index(given))
    if (position < 0).any():
        given = _respelled(given, position, submission, answers, ids)
        position = index.get_indexer(pd.Index(given))
    name = " and ".join(ids)
    unknown = position < 0
    blank = np.array([not key.strip() or key.strip().lower() == "nan" for key in given[unknown]], dtype=bool)
    if blank.any():
        raise InvalidSubmission(f"{_count(blank, 'row')} without a {name}")
    counts = np.bincount(position[~unknown], minlength=len(expected))
    problems = []
    if unknown.any():
        examples = pd.unique(given[unknown])
        problems.append(f"not in the test data: {_some(map(_shown, examples))}")
    if (counts > 1).any():
        examples = expected[counts > 1]
        problems.append(f"more than once: {_some(map(_shown, examples))}")
    if (counts == 0).any():
        examples = expected[counts == 0]
        problems.append(f"missing: {_some(map(_shown, examples))}")
    if problems:
        raise InvalidSubmission(
            f"the submission must have each {name} of the test data exactly once ({len(expected):,} rows, it has "
            f"{len(given):,}): {'; '.join(problems)}"
        )
    order = np.empty(len(expected), dtype=np.int64)
    order[position] = np.arange(len(given))
    return order


def _keys(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One text per row out of the id columns."""
    if len(columns) == 1:
        return columns[0]
    return np.array(["\x1f".join(row) for row in zip(*columns, strict=True)], dtype=object)


def _shown(key: str) -> str:
    return key.replace("\x1f", ", ")


def _respelled(
    given: np.ndarray, position: np.ndarray, submission: pd.DataFrame, answers: pd.DataFrame, ids: Sequence[str]
) -> np.ndarray:
    """The keys with unknown ids replaced by the ids of the answers that they spell differently (`7.0`, `7`, `007`)."""
    unknown = np.flatnonzero(position < 0)
    columns = []
    for name in ids:
        spellings = Spellings(dict.fromkeys(_as_object(answers[name])))
        texts = _as_object(submission[name])[unknown]
        columns.append(np.array([spellings.find(text) or text for text in texts], dtype=object))
    respelled = given.copy()
    respelled[unknown] = _keys(columns)
    return respelled


def _labels(texts: np.ndarray, column: str, card: Card) -> np.ndarray:
    if not card.classes:
        empty = texts == ""
        if empty.any():
            raise InvalidSubmission(f"{_count(empty, 'row')} of column {column!r} without a label")
        return texts
    labels = match_labels(pd.Series(texts, dtype=object), card.classes)
    unknown = np.array([label is None for label in labels], dtype=bool)
    if not unknown.any():
        return labels
    wrong = pd.unique(texts[unknown])
    if all(text.strip().lower() in _MISSING for text in wrong):
        advice = ""
        if any(label.strip().lower() in _MISSING for label in card.classes):
            advice = "; some class names look like missing values, read the data with `keep_default_na=False`"
        raise InvalidSubmission(f"{_count(unknown, 'row')} of column {column!r} without a label{advice}")
    raise InvalidSubmission(
        f"column {column!r} must hold class labels; unknown: {_some(wrong)}; the classes are {_some(card.classes, 20)}"
    )


def _check_cells(texts: np.ndarray, column: str, aligned: pd.DataFrame, card: Card) -> None:
    """Raise `InvalidSubmission` for a cell that the card's form cannot read."""
    problem = cell_problem(texts, SUBMITTED_CELLS[card.form], card.classes)
    if problem is not None:
        row, why = problem
        key = _shown(_keys([_as_object(aligned[name]) for name in card.ids])[row])
        advice = f"; the labels are {_some(card.classes, 20)}" if card.classes else ""
        raise InvalidSubmission(
            f"column {column!r} of {' and '.join(card.ids)} {key!r} cannot be read as {card.form}: {why}{advice}"
        )


def _check_not_missing(texts: np.ndarray, column: str) -> None:
    """Raise `InvalidSubmission` for cells that spell a missing value."""
    missing = np.array([text.strip().lower() in _NOT_A_VALUE for text in texts], dtype=bool)
    if missing.any():
        raise InvalidSubmission(f"{_count(missing, 'missing value')} (NaN) in column {column!r}; fill them all")


def _numbers(texts: np.ndarray, column: str) -> np.ndarray:
    try:
        numbers = texts.astype(np.float64)
    except ValueError:
        numbers = np.array([_float(text) for text in texts], dtype=np.float64)
        wrong = [text for text, number in zip(texts, numbers, strict=True) if np.isnan(number)]
        if any(text.strip().lower() not in _MISSING for text in wrong):
            strange = [text for text in dict.fromkeys(wrong) if text.strip().lower() not in _MISSING]
            raise InvalidSubmission(f"column {column!r} must hold numbers, it holds {_some(strange)}") from None
    missing = np.isnan(numbers)
    if missing.any():
        raise InvalidSubmission(f"{_count(missing, 'missing value')} (NaN) in column {column!r}; fill them all")
    if np.isinf(numbers).any():
        raise InvalidSubmission(f"{_count(np.isinf(numbers), 'infinite value')} in column {column!r}")
    if (np.abs(numbers) > LARGEST_NUMBER).any():
        raise InvalidSubmission(f"column {column!r} holds numbers beyond {LARGEST_NUMBER:g} in magnitude")
    return numbers


def _float(text: str) -> float:
    """The number, 1 and 0 for True and False, or nan."""
    lowered = text.strip().lower()
    if lowered in {"true", "false"}:
        return float(lowered == "true")
    try:
        return float(text)
    except ValueError:
        return float("nan")


def check_range(aligned: pd.DataFrame, card: Card) -> None:
    """Raise `InvalidSubmission` for numbers that the metric does not take."""
    metric = METRICS.get(card.metric)
    low, high = metric.prediction_range if metric else (None, None)
    if metric is None or (low is None and high is None and not metric.rows_sum_to_one):
        return
    columns = list(card.prediction_columns)
    values = aligned[columns].to_numpy(dtype=np.float64)
    for bound, outside, side in ((low, np.less, "below"), (high, np.greater, "above")):
        if bound is not None and outside(values, bound).any():
            row, place = np.argwhere(outside(values, bound))[0]
            raise InvalidSubmission(
                f"column {columns[place]!r} holds values {side} {bound:g}, such as {values[row, place]:.6g}; "
                f"{metric.title} does not take them"
            )
    if metric.rows_sum_to_one:
        sums = values.sum(axis=1)
        wrong = np.abs(sums - 1.0) > SUM_TOLERANCE
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidSubmission(
                f"the probabilities of {_count(wrong, 'row')} do not sum to 1 (within {SUM_TOLERANCE:g}); those of "
                f"{_shown(_keys([_as_object(aligned[name]) for name in card.ids])[row])!r} sum to {sums[row]:.6g}"
            )
