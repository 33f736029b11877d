"""Metrics on the probabilities of several labels a row: truth of 0 and 1 and predictions, both of shape (rows, labels).

The order of the labels never matters, and predictions that are tied are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_LABEL_PROBABILITIES = (SubmissionForm.LABEL_PROBABILITIES,)
_MULTILABEL = (Objective.MULTILABEL,)


def mean_column_roc_auc(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Unweighted mean over the labels of the ROC AUC of each label's column.

    A label that all rows have, or none, has no ROC curve and is left out of the mean. Raises ValueError where that is
    so for every label: the score is not defined then.
    """
    from sklearn.metrics import roc_auc_score

    usable = [column for column in range(y_true.shape[1]) if len(np.unique(y_true[:, column])) == 2]
    if not usable:
        raise ValueError("mean ROC AUC is not defined: every label is the same in all rows")
    return float(np.mean([roc_auc_score(y_true[:, column], y_pred[:, column]) for column in usable]))


def mean_average_precision(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Unweighted mean over the labels of the average precision of each label's column.

    A label that no row has is left out of the mean. Raises ValueError where that is so for every label.
    """
    from sklearn.metrics import average_precision_score

    usable = np.flatnonzero(y_true.any(axis=0))
    if not len(usable):
        raise ValueError("mean average precision is not defined: no row has any label")
    return float(np.mean([average_precision_score(y_true[:, column], y_pred[:, column]) for column in usable]))


def label_log_loss(y_true: np.ndarray, y_pred: np.ndarray, weights: Sequence[float] | None = None) -> float:
    """Mean of the log loss of each label's column, labels weighing as in `weights`, or all the same.

    The probability given to what is true counts as 1e-15 at least.
    """
    given = np.where(y_true == 1, y_pred, 1.0 - y_pred)
    losses = np.mean(-np.log(np.clip(given, 1e-15, 1.0)), axis=0)
    return float(np.average(losses, weights=weights) + 0.0)


def lwlrap(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over all true labels of the share of true labels among those ranked as high or higher in their row.

    Raises ValueError where no row has a label: the score is not defined then.
    """
    from sklearn.metrics import label_ranking_average_precision_score

    labels = y_true.sum(axis=1)
    rows = labels > 0
    if not rows.any():
        raise ValueError("label-ranking average precision is not defined: no row has any label")
    return float(label_ranking_average_precision_score(y_true[rows], y_pred[rows], sample_weight=labels[rows]))


METRICS = (
    Metric(
        name="mean_column_roc_auc",
        title="Mean ROC AUC of the labels",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_PROBABILITIES,
        objectives=_MULTILABEL,
        function=mean_column_roc_auc,
        explanation="""\
Submissions are scored by the **mean ROC AUC of the label columns**: for each label the chance that a random row with it
gets a higher prediction than a random row without it, a tie counting one half, averaged over the labels:

    score = mean over labels k of AUC(column k)

Only the order of the predictions within a column matters. A label that all test rows have, or none, is left out.
Guessing scores 0.5; 1 is perfect. Higher is better. (Hanley and McNeil 1982.)""",
    ),
    Metric(
        name="mean_average_precision",
        title="Mean average precision of the labels",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_PROBABILITIES,
        objectives=_MULTILABEL,
        function=mean_average_precision,
        explanation="""\
Submissions are scored by the **mean average precision of the label columns** (cmAP): for each label, precision averaged
over the steps of recall as the threshold falls, then averaged over the labels:

    AP = sum over thresholds n of (R_n - R_(n-1)) P_n

Tied predictions share a threshold. A label that no test row has is left out. Higher is better; 1 is perfect.
(scikit-learn's `average_precision_score(average="macro")`.)""",
    ),
    Metric(
        name="label_log_loss",
        title="Weighted log loss of several labels",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_LABEL_PROBABILITIES,
        objectives=_MULTILABEL,
        function=label_log_loss,
        parameters=("weights",),
        prediction_range=(0.0, 1.0),
        explanation="""\
Submissions are scored by **weighted log loss of several labels**. With y 1 where a row has label k, else 0, and p the
probability given:

    loss of label k = mean over rows of -(y ln p + (1 - y) ln(1 - p)),    score = weighted mean over labels k

All labels weigh the same unless stated otherwise. The probability of what is true counts as 1e-15 at least. 0 is
perfect; lower is better. (As in the RSNA 2019 contest on haemorrhages.)""",
    ),
    Metric(
        name="lwlrap",
        title="Label-weighted label-ranking average precision",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_PROBABILITIES,
        objectives=_MULTILABEL,
        function=lwlrap,
        explanation="""\
Submissions are scored by **label-weighted label-ranking average precision** (lwlrap). For each true label of each row:

    precision = (true labels ranked as high or higher in the row) / (labels ranked as high or higher in the row)

and the mean over all true labels is the score, so that every true label weighs the same. Only the order within a row
matters; tied labels share the lowest of their ranks. Rows without a label do not count. Higher is better; 1 is perfect.
(Fonseca et al. 2019, DCASE; scikit-learn's `label_ranking_average_precision_score` weighted by labels.)""",
    ),
)
