"""What runs inside the grading process: the only code that sees the answers, the submission and `metric.py` at once.

`generators.competitions.grading` calls `grade_submissions` here through `sandboxes.script.run_function`. Everything
that goes in and out is plain data.
"""

from __future__ import annotations

import importlib.util
import math
import numbers
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import pandas as pd

from generators.competitions.card import Card
from generators.competitions.grade import Outcome, Part
from generators.competitions.guard import InvalidSubmission, align, parse_submission
from generators.competitions.package import METRIC, read_answers, read_card
from generators.competitions.parts import part_mask
from generators.errors import CompetitionError

_INVALID = "InvalidSubmissionError"
_REFUSED = "the metric refused the submission"
_MAX_REASON = 500


class PackageMetric(Protocol):
    """The class in a competition's `metric.py`."""

    higher_is_better: bool

    def evaluate(self, y_true: pd.DataFrame, y_pred: pd.DataFrame) -> float:
        """The score of aligned predictions."""

    def validate_submission(self, submission: Any, ground_truth: Any) -> str:
        """Raise `InvalidSubmissionError` where the submission is at fault."""


def load_metric(path: Path) -> PackageMetric:
    """An instance of the one metric class that `metric.py` defines.

    That is the class with `evaluate` and `validate_submission` defined in the file whose name ends in Metric or
    Metrics. Raises `CompetitionError` where there is none or more than one; what the module itself raises passes
    through.
    """
    module = _load_module(path)
    found = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and name.endswith(("Metric", "Metrics"))
        and callable(getattr(value, "evaluate", None))
        and callable(getattr(value, "validate_submission", None))
    ]
    if len(found) != 1:
        raise CompetitionError(
            f"{path.name} must define one class named `...Metric` with evaluate and validate_submission, "
            f"it defines {len(found)}"
        )
    metric: PackageMetric = found[0]()
    return metric


def _load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("competition_metric", path)
    if spec is None or spec.loader is None:
        raise CompetitionError(f"{path.name} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


def grade_submissions(
    root: Path, data: bytes, sizes: Sequence[int], parts: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """Grade submissions on parts of the answers: for each submission, for each part, the fields of a `Grade`.

    `data` holds the submissions one after another, `sizes` their lengths in bytes. Never raises for what a submission
    or a competition does wrong.
    """
    try:
        card = read_card(root)
        answers = read_answers(root, card)
        masks = {part: part_mask(answers, card, Part(part)) for part in parts}
        metric = load_metric(root / METRIC)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - metric.py is foreign code
        return [[_grader_error("the competition cannot be loaded", error) for _ in parts] for _ in sizes]
    grades, start = [], 0
    for size in sizes:
        grades.append(_grade(data[start : start + size], card, answers, masks, metric))
        start += size
    return grades


def _grade(
    data: bytes, card: Card, answers: pd.DataFrame, masks: dict[str, Any], metric: PackageMetric
) -> list[dict[str, Any]]:
    started = time.perf_counter()
    try:
        submission = parse_submission(
            data,
            max_rows=2 * len(answers) + 1000,
            max_columns=len(card.ids) + len(card.prediction_columns) + 100,
        )
        aligned = align(submission, answers, card)
    except InvalidSubmission as error:
        return [_outcome(Outcome.INVALID, reason=str(error)) for _ in masks]
    # the whole submission is validated whatever part is asked for: a part alone must not tell which rows it holds
    rejected = _validate(metric, aligned, answers, card)
    if rejected is not None:
        return [rejected for _ in masks]
    grades = []
    for part, mask in masks.items():
        if mask.any():
            grade = _evaluate(metric, answers[mask], aligned[mask], card)
        else:
            grade = _outcome(Outcome.GRADER_ERROR, reason=f"the {part} part of the answers has no rows")
        seconds = time.perf_counter() - started
        grades.append({**grade, "seconds": seconds})
        started = time.perf_counter()
    return grades


def _validate(metric: PackageMetric, aligned: pd.DataFrame, truth: pd.DataFrame, card: Card) -> dict[str, Any] | None:
    """What stands against the submission, or None."""
    try:
        metric.validate_submission(aligned.copy(), truth.copy())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - metric.py is foreign code
        return _failure(error, lambda other: metric.validate_submission(aligned.copy(), other), _shuffled(truth, card))
    return None


def _evaluate(metric: PackageMetric, truth: pd.DataFrame, aligned: pd.DataFrame, card: Card) -> dict[str, Any]:
    try:
        # copies: a metric may change its arguments, and the next part needs them as they were
        value = metric.evaluate(truth.reset_index(drop=True), aligned.reset_index(drop=True))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - metric.py is foreign code
        return _failure(
            error, lambda other: metric.evaluate(other, aligned.reset_index(drop=True)), _shuffled(truth, card)
        )
    return _score(value, card)


def _score(value: Any, card: Card) -> dict[str, Any]:
    """The outcome of a value that `evaluate` returned: a score only where it is a finite real number within bounds."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return _outcome(
            Outcome.GRADER_ERROR, reason="the metric gave no number", detail=f"evaluate returned {value!r:.200}"
        )
    score = float(value)
    if not math.isfinite(score):
        return _outcome(
            Outcome.GRADER_ERROR, reason="the metric gave no finite score", detail=f"evaluate returned {score}"
        )
    low, high = card.bounds
    slack = 1e-6 * max(1.0, abs(score))
    if (low is not None and score < low - slack) or (high is not None and score > high + slack):
        return _outcome(
            Outcome.GRADER_ERROR,
            reason="the metric gave a score outside its bounds",
            detail=f"evaluate returned {score}, the card allows {low} to {high}",
        )
    return _outcome(Outcome.SCORED, score=score)


def _shuffled(truth: pd.DataFrame, card: Card) -> pd.DataFrame:
    """The answers with those of one row at another."""
    order = np.random.default_rng(0).permutation(len(truth))
    shuffled = truth.reset_index(drop=True)
    for column in shuffled.columns.difference(list(card.ids)):
        shuffled[column] = shuffled[column].take(order).reset_index(drop=True)
    return shuffled


def _failure(error: BaseException, again: Callable[[pd.DataFrame], object], shuffled: pd.DataFrame) -> dict[str, Any]:
    """What an exception of the metric stands for. A reason is passed on to the agent only where it cannot tell the
    answers: `again` must give the same one for shuffled answers."""
    if not _is_invalid(error):
        return _grader_error("the metric failed on this submission", error)
    reason = str(error)[:_MAX_REASON] or _REFUSED
    try:
        again(shuffled)
        other = ""
    except (Exception, SystemExit) as second:  # noqa: BLE001 - metric.py is foreign code
        other = str(second)[:_MAX_REASON] if _is_invalid(second) else ""
    if reason in (other, _REFUSED):
        return _outcome(Outcome.INVALID, reason=reason)
    return _outcome(Outcome.INVALID, reason=_REFUSED, detail=reason)


def _is_invalid(error: BaseException) -> bool:
    return any(kind.__name__ == _INVALID for kind in type(error).__mro__)


def _grader_error(reason: str, error: BaseException) -> dict[str, Any]:
    detail = "".join(traceback.format_exception(error, limit=-5))
    return _outcome(Outcome.GRADER_ERROR, reason=reason, detail=detail[-4000:])


def _outcome(outcome: Outcome, *, score: float | None = None, reason: str = "", detail: str = "") -> dict[str, Any]:
    return {"outcome": outcome.value, "score": score, "reason": reason, "detail": detail, "seconds": 0.0}
