"""Scores on many draws of the same rows are those of the metrics' functions, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from generators.competitions.card import SubmissionForm
from generators.competitions.metrics import METRICS, get_metric
from generators.competitions.metrics.draws import score_of_rows

SINGLE = (SubmissionForm.LABEL, SubmissionForm.PROBABILITY, SubmissionForm.PROBABILITIES, SubmissionForm.VALUE)
CLASSES = ("b", "a", "D", "c", "é")


def tables(form: SubmissionForm, rng: np.random.Generator, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and predictions that are often right, with ties, and with classes that are rare."""
    shares = rng.dirichlet(np.full(classes, 0.5))
    true, guess = (rng.choice(classes, rows, p=shares) for _ in range(2))
    guess = np.where(rng.random(rows) < 0.5, true, guess)
    if form is SubmissionForm.LABEL:
        names = np.array(CLASSES, dtype=object)
        return names[true], names[guess]
    if form is SubmissionForm.PROBABILITY:
        return (true == 1).astype(np.int64), (rng.random(rows) + (guess == 1)).round(rng.integers(1, 6)) / 2
    if form is SubmissionForm.PROBABILITIES:
        chances = rng.random((rows, classes)).round(rng.integers(1, 6)) + (guess[:, None] == np.arange(classes)) + 0.01
        return true, chances / chances.sum(axis=1, keepdims=True)
    return rng.gamma(2.0, 3.0, rows), rng.gamma(2.0, 3.0, rows).round(2)


def outcome(score: Any, *given: Any, **named: Any) -> str:
    """The score as bytes, or that there is none."""
    try:
        return np.float64(score(*given, **named)).tobytes().hex()
    except ValueError:
        return "not defined"


@pytest.mark.parametrize("name", [name for name, one in METRICS.items() if one.forms[0] in SINGLE])
def test_every_draw_scores_as_the_function_does(name: str) -> None:
    metric = get_metric(name)
    rng = np.random.default_rng(len(name))
    defined = 0
    for rows, classes in ((4, 2), (12, 2), (40, 5), (301, 3)):
        count = 2 if "positive" in metric.parameters or metric.forms[0] is SubmissionForm.PROBABILITY else classes
        true, predicted = tables(metric.forms[0], rng, rows, count)
        given = {"scale": 1.5} if "scale" in metric.parameters else {}
        arguments = metric.arguments(CLASSES[:count], given)
        score = score_of_rows(metric, true, predicted, arguments)
        for _ in range(6):
            drawn = rng.integers(rows, size=rows)
            expected = outcome(metric.function, true[drawn], predicted[drawn], **arguments)
            assert outcome(score, drawn) == expected
            defined += expected != "not defined"
    assert defined > 6


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0, 3, np.inf])
def test_f_beta_of_any_beta_scores_as_the_function_does(beta: float) -> None:
    metric = get_metric("f_beta")
    rng = np.random.default_rng(1)
    true, predicted = tables(SubmissionForm.LABEL, rng, 60, 2)
    arguments = {"positive": CLASSES[0], "beta": beta}
    rows = rng.integers(60, size=60)
    expected = outcome(metric.function, true[rows], predicted[rows], **arguments)
    assert outcome(score_of_rows(metric, true, predicted, arguments), rows) == expected


def test_a_class_never_predicted_and_predictions_all_alike_score_as_the_function_does() -> None:
    true = np.array(["a", "b", "a", "b", "c"], dtype=object)
    one = np.full(5, "a", dtype=object)
    rows = np.arange(5)
    for name in ("macro_f1", "mcc", "cohen_kappa", "balanced_accuracy", "weighted_f1", "micro_f1"):
        metric = get_metric(name)
        assert outcome(score_of_rows(metric, true, one), rows) == outcome(metric.function, true, one)
    for name in ("f1", "precision", "recall", "f_beta"):
        metric = get_metric(name)
        assert outcome(score_of_rows(metric, true, one, {"positive": "b"}), rows) == outcome(
            metric.function, true, one, positive="b"
        )


def test_more_labels_than_are_counted_score_as_the_function_does() -> None:
    rng = np.random.default_rng(2)
    true, predicted = (rng.integers(900, size=2000).astype(str).astype(object) for _ in range(2))
    metric = get_metric("macro_f1")
    rows = rng.integers(2000, size=2000)
    expected = outcome(metric.function, true[rows], predicted[rows])
    assert outcome(score_of_rows(metric, true, predicted), rows) == expected
