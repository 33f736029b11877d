"""Metrics on predicted probabilities or scores of classes.

Every function gives the same score for any order of the rows, and predictions that are tied are treated alike.
"""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_PROBABILITY = (SubmissionForm.PROBABILITY,)
_PROBABILITIES = (SubmissionForm.PROBABILITIES,)
_BINARY = (Objective.BINARY,)
_CLASSES = (Objective.MULTICLASS, Objective.BINARY)


def roc_auc(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Area under the ROC curve of scores for 0/1 truth; only their order counts, a tied pair counts one half.

    Raises ValueError where the truth holds a single class: the score is not defined then.
    """
    from sklearn.metrics import roc_auc_score

    if len(np.unique(y_true)) < 2:
        raise ValueError("ROC AUC is not defined: the true labels hold a single class")
    return float(roc_auc_score(y_true, y_pred))


def roc_auc_ovr(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Unweighted mean over the classes of the ROC AUC of each class's column against all other classes.

    `y_true` holds column numbers of `y_pred`. A class without a true row has no ROC curve and is left out of the mean.
    Raises ValueError where the truth holds a single class: the score is not defined then.
    """
    from sklearn.metrics import roc_auc_score

    present = np.unique(y_true)
    if len(present) < 2:
        raise ValueError("ROC AUC is not defined: the true labels hold a single class")
    return float(np.mean([roc_auc_score(y_true == column, y_pred[:, column]) for column in present]))


def average_precision(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Precision averaged over the steps of recall as the threshold falls; tied scores share one threshold.

    Raises ValueError where no row is truly positive: the score is not defined then.
    """
    from sklearn.metrics import average_precision_score

    if not np.any(y_true == 1):
        raise ValueError("average precision is not defined: no true label is positive")
    return float(average_precision_score(y_true, y_pred))


def log_loss(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean negative natural logarithm of the probability given to what was true, which counts as 1e-15 at least."""
    given = np.where(y_true == 1, y_pred, 1.0 - y_pred)
    return float(np.mean(-np.log(np.clip(given, 1e-15, 1.0))) + 0.0)


def multiclass_log_loss(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean negative natural logarithm of the probability given to the true class, which counts as 1e-15 at least.

    `y_true` holds column numbers of `y_pred`. Rows are divided by their sum first.
    """
    given = y_pred[np.arange(len(y_true)), y_true] / y_pred.sum(axis=1)
    return float(np.mean(-np.log(np.clip(given, 1e-15, 1.0))) + 0.0)


def brier(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean squared difference between the probability of the positive class and what came true (0 or 1)."""
    return float(np.mean((y_pred - y_true) ** 2))


METRICS = (
    Metric(
        name="roc_auc",
        title="ROC AUC",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_PROBABILITY,
        objectives=_BINARY,
        function=roc_auc,
        explanation="""\
Submissions are scored by the **area under the ROC curve**: the chance that a random positive row gets a higher
prediction than a random negative one, a tie counting one half.

    AUC = (pairs in the right order + 0.5 * tied pairs) / (positive rows * negative rows)

Only the order of the predictions matters: probabilities or any increasing score will do. A constant prediction scores
0.5; 1 is perfect. Higher is better. (Hanley and McNeil 1982.)""",
    ),
    Metric(
        name="roc_auc_ovr",
        title="Macro ROC AUC, one class against the rest",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_PROBABILITIES,
        objectives=_CLASSES,
        function=roc_auc_ovr,
        prediction_range=(0.0, 1.0),
        rows_sum_to_one=True,
        explanation="""\
Submissions are scored by the **mean ROC AUC over the classes**. For each class, its column of probabilities must tell
the rows of that class from all others; the areas under these ROC curves are averaged, every class weighing the same:

    score = mean over classes k of AUC(column k, true class is k)

Constant predictions score 0.5; 1 is perfect. Higher is better. (Fawcett 2006, "An introduction to ROC analysis".)""",
    ),
    Metric(
        name="average_precision",
        title="Average precision",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_PROBABILITY,
        objectives=_BINARY,
        function=average_precision,
        explanation="""\
Submissions are scored by **average precision**, which sums up the precision-recall curve. With P_n and R_n the
precision and recall of the rows that score at least the n-th highest prediction:

    AP = sum over n of (R_n - R_(n-1)) P_n

Only the order of the predictions matters. A constant prediction scores the share of positive rows; 1 is perfect. Higher
is better. (Definition of scikit-learn's `average_precision_score`, without interpolation.)""",
    ),
    Metric(
        name="log_loss",
        title="Log loss",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_PROBABILITY,
        objectives=_BINARY,
        function=log_loss,
        prediction_range=(0.0, 1.0),
        explanation="""\
Submissions are scored by **log loss** (cross-entropy). With p the predicted probability of the positive class and
y = 1 for positive rows, 0 for the others:

    log loss = -mean of (y ln p + (1 - y) ln(1 - p))

The probability given to what was true counts as 1e-15 at least, so that a single wrong certainty costs at most 34.5.
Predicting 0.5 everywhere scores 0.693; 0 is perfect. Lower is better. (Good 1952, "Rational decisions".)""",
    ),
    Metric(
        name="multiclass_log_loss",
        title="Multiclass log loss",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_PROBABILITIES,
        objectives=_CLASSES,
        function=multiclass_log_loss,
        prediction_range=(0.0, 1.0),
        rows_sum_to_one=True,
        explanation="""\
Submissions are scored by **multiclass log loss** (cross-entropy): the mean negative natural logarithm of the
probability given to each row's true class.

    log loss = -mean over rows i of ln p(i, true class of i)

The probabilities of a row must sum to 1 (within 0.001; they are divided by their sum). One below 1e-15 counts as 1e-15.
Uniform predictions over K classes score ln K; 0 is perfect. Lower is better. (Good 1952, "Rational decisions".)""",
    ),
    Metric(
        name="brier",
        title="Brier score",
        higher_is_better=False,
        bounds=(0.0, 1.0),
        forms=_PROBABILITY,
        objectives=_BINARY,
        function=brier,
        prediction_range=(0.0, 1.0),
        explanation="""\
Submissions are scored by the **Brier score**, the mean squared error of the predicted probability p of the positive
class, y being 1 for positive rows and 0 for the others:

    Brier score = mean of (p - y)^2

Predicting 0.5 everywhere scores 0.25; 0 is perfect. Lower is better. (Brier 1950, "Verification of forecasts expressed
in terms of probability".)""",
    ),
)
