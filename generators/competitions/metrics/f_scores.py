"""Precision, recall and the scores made of them, on predicted class labels as text."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_LABEL = (SubmissionForm.LABEL,)
_BINARY = (Objective.BINARY,)
_CLASSES = (Objective.BINARY, Objective.MULTICLASS)


def f_beta(y_true: np.ndarray, y_pred: np.ndarray, positive: str, beta: float = 2.0) -> float:
    """Weighted harmonic mean of precision and recall of the class `positive`, recall weighing `beta` times as much.

    0 where the class is never predicted. Raises ValueError where no row truly is positive: the score is not defined
    then.
    """
    from sklearn.metrics import fbeta_score

    actual = y_true == positive
    if not actual.any():
        raise ValueError(f"F-beta is not defined: no true label is {positive!r}")
    return float(fbeta_score(actual, y_pred == positive, beta=beta, zero_division=0.0))


def precision(y_true: np.ndarray, y_pred: np.ndarray, positive: str) -> float:
    """Share of the rows predicted as `positive` that truly are; 0 where it is never predicted.

    Raises ValueError where no row truly is positive: no submission could be right then.
    """
    from sklearn.metrics import precision_score

    actual = y_true == positive
    if not actual.any():
        raise ValueError(f"precision is not defined: no true label is {positive!r}")
    return float(precision_score(actual, y_pred == positive, zero_division=0.0))


def recall(y_true: np.ndarray, y_pred: np.ndarray, positive: str) -> float:
    """Share of the rows of class `positive` that are predicted as such.

    Raises ValueError where no row truly is positive: the score is not defined then.
    """
    from sklearn.metrics import recall_score

    actual = y_true == positive
    if not actual.any():
        raise ValueError(f"recall is not defined: no true label is {positive!r}")
    return float(recall_score(actual, y_pred == positive))


def micro_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """F1 of the counts summed over all classes; with one label a row it equals accuracy."""
    from sklearn.metrics import f1_score

    return float(f1_score(y_true, y_pred, average="micro"))


def weighted_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean of the F1 of the true classes, each weighing as many as its rows.

    A true class that is never predicted contributes 0; a predicted class that no row truly has weighs nothing.
    """
    from sklearn.metrics import f1_score

    return float(f1_score(y_true, y_pred, average="weighted", zero_division=0.0))


METRICS = (
    Metric(
        name="f_beta",
        title="F-beta score",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_BINARY,
        function=f_beta,
        parameters=("positive", "beta"),
        explanation="""\
Submissions are scored by the **F-beta score** of the positive class, in which recall weighs beta times as much as
precision (beta is 2 unless stated otherwise):

    F = (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP)

A submission that never predicts the positive class scores 0. Higher is better; 1 is perfect. (van Rijsbergen 1979,
"Information Retrieval".)""",
    ),
    Metric(
        name="precision",
        title="Precision",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_BINARY,
        function=precision,
        parameters=("positive",),
        explanation="""\
Submissions are scored by the **precision** of the positive class, the share of the rows predicted as positive that are:

    precision = TP / (TP + FP)

A submission that never predicts the positive class scores 0. Higher is better; 1 is perfect. (Definition of
scikit-learn's `precision_score`.)""",
    ),
    Metric(
        name="recall",
        title="Recall",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_BINARY,
        function=recall,
        parameters=("positive",),
        explanation="""\
Submissions are scored by the **recall** of the positive class, the share of its rows that are found:

    recall = TP / (TP + FN)

Higher is better; 1 is perfect. (Definition of scikit-learn's `recall_score`.)""",
    ),
    Metric(
        name="micro_f1",
        title="Micro F1 score",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=micro_f1,
        explanation="""\
Submissions are scored by the **micro F1 score**: true positives, false positives and false negatives are summed over
all classes before

    F1 = 2 TP / (2 TP + FP + FN)

With one label a row this equals the share of correct rows. Higher is better; 1 is perfect. (Definition of
scikit-learn's `f1_score(average="micro")`.)""",
    ),
    Metric(
        name="weighted_f1",
        title="Weighted F1 score",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=weighted_f1,
        explanation="""\
Submissions are scored by the **weighted F1 score**, the mean of the F1 scores of the classes weighted by their rows:

    F1 of class k = 2 TP_k / (2 TP_k + FP_k + FN_k),    score = sum over k of (share of rows of class k) * F1 of class k

Higher is better; 1 is perfect. (Definition of scikit-learn's `f1_score(average="weighted")`.)""",
    ),
)
