"""Runs inside an isolated process: puts a package's metric through its paces and answers with plain data."""

from __future__ import annotations

import numbers
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.card import Card
from generators.competitions.forms import NUMBER_FORMS, OPEN_FORMS
from generators.competitions.metric_file import load_metric
from generators.competitions.package import METRIC, SAMPLE_SUBMISSION, read_answers, read_card
from generators.competitions.scoring import perfect_submission
from generators.competitions.submission_file import parse_submission
from generators.repeatable import repeatable

_UNKNOWN = "surely-not-in-the-data"


def exercise(*, root: Path) -> dict[str, Any]:
    """What the metric says to the sample, to a perfect submission, to that in other orders, and to malformed ones.

    The metric gets what grading gives it: ids and labels as text, numbers as floats.
    """
    card = read_card(root)
    metric = load_metric(root / METRIC)
    truth = read_answers(root, card)[[*card.ids, *card.targets]]
    sample = _typed(parse_submission((root / SAMPLE_SUBMISSION).read_bytes()), card)
    attempts: dict[str, dict[str, Any]] = {}
    for name, frame in _orders(sample, perfect_submission(truth, card)):
        attempts[name] = _attempt(metric, truth, frame, root, score=True)
    for name, frame in _malformed(sample, card):
        attempts[name] = _attempt(metric, truth, frame, root, score=False)
    direction = getattr(metric, "higher_is_better", None)
    return {"higher_is_better": direction if isinstance(direction, bool) else repr(direction), "attempts": attempts}


def _typed(texts: pd.DataFrame, card: Card) -> pd.DataFrame:
    if card.form not in NUMBER_FORMS:
        return texts
    return texts.assign(**{column: texts[column].astype(float) for column in card.prediction_columns})


def _orders(sample: pd.DataFrame, perfect: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Valid submissions. The orders are tried on the perfect one: a constant one scores the same in any order."""
    yield "sample", sample
    yield "perfect", perfect
    yield "again", perfect
    yield "shuffled_rows", perfect.sample(frac=1.0, random_state=0)
    yield "shuffled_columns", perfect[perfect.columns[::-1]]


def _malformed(sample: pd.DataFrame, card: Card) -> Iterator[tuple[str, pd.DataFrame]]:
    column, key = card.prediction_columns[-1], card.ids[0]
    yield "missing_column", sample.drop(columns=column)
    yield "extra_column", sample.assign(unexpected=0.0)
    yield "missing_row", sample.iloc[:-1]
    yield "duplicate_id", _changed(sample, key, sample[key].iloc[0])
    yield "unknown_id", _changed(sample, key, _UNKNOWN)
    yield "nan", _changed(sample, column, None)
    if card.form in NUMBER_FORMS:
        yield "infinite", _changed(sample, column, np.inf)
    if card.classes or card.form not in OPEN_FORMS:
        yield "wrong_type", _changed(sample, column, _UNKNOWN)
    yield "empty", sample.iloc[:0]


def _changed(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """The frame with another value in the last row of a column, in the dtype that pandas would read it with."""
    values = [*frame[column].tolist()[:-1], value]
    return frame.assign(**{column: pd.Series(values, index=frame.index)})


def _attempt(metric: Any, truth: pd.DataFrame, submission: pd.DataFrame, root: Path, *, score: bool) -> dict[str, Any]:
    """One submission through `validate_submission` and, where it is accepted and `score` asks for it, `evaluate`."""
    started = time.perf_counter()
    # copies go in: a metric that changes its inputs must not spoil the attempts after it
    given, expected = submission.copy(deep=True), truth.copy(deep=True)
    outcome: dict[str, Any] = {"verdict": "accepted", "error": "", "score": None, "score_type": ""}
    try:
        reply = metric.validate_submission(given, expected)
        outcome["reply_type"] = type(reply).__name__
        if score:
            value = metric.evaluate(expected, given)
            real = isinstance(value, numbers.Real) and not isinstance(value, bool)
            outcome["score_type"] = type(value).__name__
            outcome["score"] = float(value) if real else None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; what it raises is the answer
        named = any(kind.__name__ == "InvalidSubmissionError" for kind in type(error).__mro__)
        outcome["verdict"] = "rejected" if named else "error"
        outcome["error"] = repeatable(f"{type(error).__name__}: {error}", {root: ""})[:500]
    outcome["inputs_changed"] = not (_same(submission, given) and _same(truth, expected))
    outcome["seconds"] = time.perf_counter() - started
    return outcome


def _same(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    return list(before.columns) == list(after.columns) and before.equals(after)
