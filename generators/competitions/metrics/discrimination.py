"""Metrics on predicted probabilities of one or several classes: further curves, and shares of likely classes.

Predictions that are tied are treated alike, so the order of rows or of columns never decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_CLASSES = (Objective.MULTICLASS, Objective.BINARY)


def roc_auc_ovo(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over all pairs of classes of the ROC AUC that tells the two apart, from either one's column.

    `y_true` holds column numbers of `y_pred`. A class without a true row is in no pair. Raises ValueError where the
    truth holds a single class: the score is not defined then.
    """
    import itertools

    from sklearn.metrics import roc_auc_score

    present = np.unique(y_true)
    if len(present) < 2:
        raise ValueError("ROC AUC is not defined: the true labels hold a single class")
    areas = []
    for first, second in itertools.permutations(present, 2):
        rows = (y_true == first) | (y_true == second)
        areas.append(roc_auc_score(y_true[rows] == first, y_pred[rows, first]))
    return float(np.mean(areas))


def banded_roc_auc(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    bands: Sequence[float] = (0.0, 0.4, 1.0),
    weights: Sequence[float] = (2.0, 1.0),
) -> float:
    """Area under the ROC curve whose horizontal bands of the true positive rate weigh differently, over its maximum.

    `bands` are the limits of the bands from 0 to 1, `weights` has one weight for each. Tied scores share a threshold.
    Raises ValueError where the truth holds a single class: the score is not defined then.
    """
    from sklearn.metrics import roc_curve

    if len(np.unique(y_true)) < 2:
        raise ValueError("ROC AUC is not defined: the true labels hold a single class")
    false_rate, true_rate, _ = roc_curve(y_true, y_pred, drop_intermediate=False)
    corner = np.arange(len(true_rate), dtype=float)
    # further corners where the curve passes from one band into the next
    along = np.union1d(corner, np.interp(bands, true_rate, corner))
    x, y = np.interp(along, corner, false_rate), np.interp(along, corner, true_rate)
    area = 0.0
    for low, high, weight in zip(bands[:-1], bands[1:], weights, strict=True):
        height = np.clip(y, low, high) - low
        area += weight * float(np.sum(np.diff(x) * (height[:-1] + height[1:]) / 2))
    return float(min(area / np.dot(weights, np.diff(bands)), 1.0))


def top_k_accuracy(y_true: np.ndarray, y_pred: np.ndarray, k: int = 3) -> float:
    """Share of rows whose true class is among the k with the highest probability.

    `y_true` holds column numbers of `y_pred`. Classes tied at the last place share it: with m of t tied classes among
    the first k, each counts m / t.
    """
    own = y_pred[np.arange(len(y_true)), y_true][:, None]
    above = np.sum(y_pred > own, axis=1)
    tied = np.sum(y_pred == own, axis=1)
    return float(np.mean(np.clip((k - above) / tied, 0.0, 1.0)))


METRICS = (
    Metric(
        name="roc_auc_ovo",
        title="Macro ROC AUC, one class against another",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=(SubmissionForm.PROBABILITIES,),
        objectives=_CLASSES,
        function=roc_auc_ovo,
        prediction_range=(0.0, 1.0),
        rows_sum_to_one=True,
        explanation="""\
Submissions are scored by the **mean ROC AUC over all pairs of classes**. Among the rows of two classes j and k, the
column of j must tell the rows of j, and the column of k those of k:

    score = mean over ordered pairs (j, k) of AUC(column j, true class is j), on rows of class j or k

Every pair weighs the same, however rare its classes; a class without a test row is left out. Guessing scores 0.5; 1 is
perfect. Higher is better. (Hand and Till 2001; scikit-learn's `roc_auc_score(multi_class="ovo")`.)""",
    ),
    Metric(
        name="banded_roc_auc",
        title="ROC AUC weighted by bands",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=(SubmissionForm.PROBABILITY,),
        objectives=(Objective.BINARY,),
        function=banded_roc_auc,
        parameters=("bands", "weights"),
        explanation="""\
Submissions are scored by a **weighted area under the ROC curve**. The plane of the curve is cut into horizontal bands
of the true positive rate (0 to 0.4 with weight 2 and 0.4 to 1 with weight 1, unless stated otherwise):

    score = (sum over bands of weight * area of the band under the curve) / (sum over bands of weight * height)

Finding positive rows at a very low rate of false alarms weighs most. Only the order of the predictions matters; tied
predictions share a threshold. 1 is perfect. Higher is better. (Weighted AUC of the steganalysis contest ALASKA2.)""",
    ),
    Metric(
        name="top_k_accuracy",
        title="Top-k accuracy",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=(SubmissionForm.PROBABILITIES,),
        objectives=(Objective.MULTICLASS,),
        function=top_k_accuracy,
        parameters=("k",),
        prediction_range=(0.0, 1.0),
        rows_sum_to_one=True,
        explanation="""\
Submissions are scored by **top-k accuracy**, the share of rows whose true class is among the k classes with the highest
probability (k is 3 unless stated otherwise):

    score = mean over rows of (1 if the true class is among the first k, else 0)

Classes tied at the last place share it, so a constant prediction scores k / (number of classes). Higher is better; 1 is
perfect. (Definition of scikit-learn's `top_k_accuracy_score`, which breaks ties by the order of the columns.)""",
    ),
)
