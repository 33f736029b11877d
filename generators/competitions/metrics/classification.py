"""Metrics on predicted class labels.

Labels are text. Every function gives the same score for any order of the rows. Imports stand inside the functions so
that naming a metric loads nothing; `Metric.source` moves them to the head of a generated file.
"""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_LABEL = (SubmissionForm.LABEL,)
_BINARY = (Objective.BINARY,)
_MULTICLASS = (Objective.MULTICLASS,)
_CLASSES = (Objective.BINARY, Objective.MULTICLASS)


def accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Share of rows whose predicted label is the true one."""
    return float(np.mean(y_true == y_pred))


def balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the true classes of the share of their rows that were found (recall).

    A predicted class that no row truly has counts as a miss and adds no term of its own.
    """
    from sklearn.metrics import recall_score

    return float(recall_score(y_true, y_pred, labels=np.unique(y_true), average="macro"))


def f1(y_true: np.ndarray, y_pred: np.ndarray, positive: str) -> float:
    """Harmonic mean of precision and recall of the class `positive`; 0 where it is never predicted.

    Raises ValueError where no row truly is positive: the score is not defined then.
    """
    from sklearn.metrics import f1_score

    actual = y_true == positive
    if not actual.any():
        raise ValueError(f"F1 is not defined: no true label is {positive!r}")
    return float(f1_score(actual, y_pred == positive, zero_division=0.0))


def macro_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Unweighted mean of the F1 of every class that is a true or a predicted label of some row.

    A class that is predicted but never true, or true but never predicted, contributes 0.
    """
    from sklearn.metrics import f1_score

    return float(f1_score(y_true, y_pred, average="macro", zero_division=0.0))


def mcc(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Matthews correlation coefficient; 0 where all predictions are the same class.

    Raises ValueError where all true labels are the same: the score is not defined then.
    """
    from sklearn.metrics import matthews_corrcoef

    if len(np.unique(y_true)) < 2:
        raise ValueError("MCC is not defined: all true labels are the same")
    return float(matthews_corrcoef(y_true, y_pred))


def quadratic_weighted_kappa(y_true: np.ndarray, y_pred: np.ndarray, classes: list[str]) -> float:
    """Cohen's kappa with quadratic weights on the distance between positions in `classes` (lowest class first).

    0 where all predictions are the same class. Raises ValueError where all true labels are the same: the score is not
    defined then.
    """
    if len(np.unique(y_true)) < 2:
        raise ValueError("kappa is not defined: all true labels are the same")
    position = {label: place for place, label in enumerate(classes)}
    true = np.array([position[label] for label in y_true], dtype=float)
    predicted = np.array([position[label] for label in y_pred], dtype=float)
    observed = np.mean((true - predicted) ** 2)
    expected = np.mean(true**2) - 2 * np.mean(true) * np.mean(predicted) + np.mean(predicted**2)
    return float(1 - observed / expected)


def cohen_kappa(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Agreement beyond what the frequencies of true and predicted classes give by chance; 0 for a constant prediction.

    Raises ValueError where all true labels are the same: the score is not defined then.
    """
    from sklearn.metrics import cohen_kappa_score

    if len(np.unique(y_true)) < 2:
        raise ValueError("kappa is not defined: all true labels are the same")
    return float(cohen_kappa_score(y_true, y_pred))


METRICS = (
    Metric(
        name="accuracy",
        title="Accuracy",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=accuracy,
        explanation="""\
Submissions are scored by **accuracy**, the share of rows whose predicted class is the true one:

    accuracy = (number of correct rows) / (number of rows)

Higher is better; 1 is perfect.""",
    ),
    Metric(
        name="balanced_accuracy",
        title="Balanced accuracy",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=balanced_accuracy,
        explanation="""\
Submissions are scored by **balanced accuracy**, the mean over the classes of the share of their rows that are found:

    balanced accuracy = mean over classes k of (rows of class k predicted as k) / (rows of class k)

Every class weighs the same, however rare it is; always answering one of K classes scores 1/K. Higher is better; 1 is
perfect. (Brodersen et al. 2010, "The balanced accuracy and its posterior distribution".)""",
    ),
    Metric(
        name="f1",
        title="F1 score",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_BINARY,
        function=f1,
        parameters=("positive",),
        explanation="""\
Submissions are scored by the **F1 score** of the positive class, the harmonic mean of precision and recall:

    F1 = 2 TP / (2 TP + FP + FN)

TP, FP and FN count true positives, false positives and false negatives. A submission that never predicts the positive
class scores 0. Higher is better; 1 is perfect. (van Rijsbergen 1979, "Information Retrieval".)""",
    ),
    Metric(
        name="macro_f1",
        title="Macro F1 score",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=macro_f1,
        explanation="""\
Submissions are scored by the **macro F1 score**, the unweighted mean of the F1 scores of the classes:

    F1 of class k = 2 TP_k / (2 TP_k + FP_k + FN_k),    score = mean over classes k

The mean runs over all classes that are a true or a predicted label of some row, so every class weighs the same. Higher
is better; 1 is perfect. (Definition of scikit-learn's `f1_score(average="macro")`.)""",
    ),
    Metric(
        name="mcc",
        title="Matthews correlation coefficient",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=mcc,
        explanation="""\
Submissions are scored by the **Matthews correlation coefficient**, the correlation between true and predicted classes.
For two classes:

    MCC = (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN))

and for more its multiclass form. Guessing scores about 0, as does always answering the same class; 1 is perfect. Higher
is better. (Matthews 1975; Gorodkin 2004 for more than two classes.)""",
    ),
    Metric(
        name="quadratic_weighted_kappa",
        title="Quadratic weighted kappa",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_LABEL,
        objectives=_MULTICLASS,
        function=quadratic_weighted_kappa,
        parameters=("classes",),
        explanation="""\
Submissions are scored by **quadratic weighted kappa**, agreement on ordered classes beyond chance. With the classes
numbered in their order, t the true and p the predicted number:

    kappa = 1 - (mean of (t - p)^2 over the rows) / (mean of (t - p)^2 over all pairs of a true and a predicted row)

A miss by two classes weighs four times a miss by one. Guessing, or always the same class, scores about 0; 1 is perfect.
Higher is better. (Cohen 1968, "Weighted kappa".)""",
    ),
    Metric(
        name="cohen_kappa",
        title="Cohen's kappa",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_LABEL,
        objectives=_CLASSES,
        function=cohen_kappa,
        explanation="""\
Submissions are scored by **Cohen's kappa**, agreement of true and predicted classes beyond chance. With a the share of
correct rows and c the share expected if predictions were shuffled among the rows:

    kappa = (a - c) / (1 - c)

Always answering one class scores 0; 1 is perfect. Higher is better. (Cohen 1960.)""",
    ),
)
