"""Metrics on how far predicted numbers go along with the true ones, whatever their scale."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_VALUE = (SubmissionForm.VALUE,)
_REGRESSION = (Objective.REGRESSION, Objective.FORECASTING)


def pearson(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Linear correlation of true and predicted values; a constant prediction scores 0.

    Raises ValueError where all true values are the same: the score is not defined then.
    """
    if np.ptp(y_true) == 0:
        raise ValueError("correlation is not defined: all true values are the same")
    true = (y_true - np.mean(y_true)) / np.ptp(y_true)
    reach = np.ptp(y_pred)
    if reach == 0:
        return 0.0
    predicted = (y_pred - np.mean(y_pred)) / reach
    return float(np.clip(np.corrcoef(true, predicted)[0, 1], -1.0, 1.0))


def gini(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Gini coefficient of the true values in the order of the predictions, relative to that of their own order.

    Rows with tied predictions share the mean of their true values. Raises ValueError where all true values are the
    same: the score is not defined then.
    """
    if np.ptp(y_true) == 0:
        raise ValueError("Gini is not defined: all true values are the same")
    _, group = np.unique(-y_pred, return_inverse=True)
    rows = np.bincount(group)
    # the mean place of each group of tied predictions, highest predictions first
    place = np.cumsum(rows) - (rows - 1) / 2
    centred = y_true - np.mean(y_true)
    found = np.sum(centred * place[group])
    best = np.sum(np.sort(centred)[::-1] * np.arange(1, len(y_true) + 1))
    return float(np.clip(found / best, -1.0, 1.0))


def concordance_index(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Share of the pairs with different true values whose predictions are in the same order; a tie counts one half.

    Raises ValueError where all true values are the same: the score is not defined then.
    """
    from scipy.stats import kendalltau

    if np.ptp(y_true) == 0:
        raise ValueError("concordance is not defined: all true values are the same")
    if np.ptp(y_pred) == 0:
        return 0.5
    pairs = len(y_true) * (len(y_true) - 1) / 2
    tied_true = np.unique(y_true, return_counts=True)[1]
    tied_predicted = np.unique(y_pred, return_counts=True)[1]
    comparable = pairs - np.sum(tied_true * (tied_true - 1) / 2)
    ordered = pairs - np.sum(tied_predicted * (tied_predicted - 1) / 2)
    # tau-b is (concordant - discordant pairs) over the root of both counts
    surplus = kendalltau(y_true, y_pred).statistic * np.sqrt(comparable * ordered)
    return float((surplus / comparable + 1) / 2)


def kendall_tau(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Kendall's tau-b of true and predicted values; a constant prediction scores 0.

    Raises ValueError where all true values are the same: the score is not defined then.
    """
    from scipy.stats import kendalltau

    if np.ptp(y_true) == 0:
        raise ValueError("rank correlation is not defined: all true values are the same")
    if np.ptp(y_pred) == 0:
        return 0.0
    return float(kendalltau(y_true, y_pred).statistic)


METRICS = (
    Metric(
        name="pearson",
        title="Pearson correlation",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=pearson,
        explanation="""\
Submissions are scored by the **Pearson correlation** between true and predicted values:

    score = covariance(y, p) / (standard deviation of y * standard deviation of p)

Neither the scale nor an offset of the predictions matters. A constant prediction scores 0; 1 is perfect. Higher is
better. (Pearson 1895.)""",
    ),
    Metric(
        name="gini",
        title="Normalised Gini coefficient",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=gini,
        explanation="""\
Submissions are scored by the **normalised Gini coefficient**. The rows are sorted by prediction, highest first; G is
the area between the curve of the cumulated true values and the straight line:

    score = G(sorted by prediction) / G(sorted by true value)

Only the order of the predictions matters; rows with the same prediction share the mean of their true values, so a
constant prediction scores 0. 1 is perfect, -1 the reverse order. Higher is better. (Frees, Meyers and Cummings 2014.)\
""",
    ),
    Metric(
        name="concordance_index",
        title="Concordance index",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=concordance_index,
        explanation="""\
Submissions are scored by the **concordance index**, the share of pairs of rows that the predictions put in the right
order:

    C = (pairs in the right order + 0.5 * pairs with tied predictions) / (pairs with different true values)

Only the order of the predictions matters. A constant prediction scores 0.5; 1 is perfect. Higher is better. (Harrell et
al. 1982, without censoring.)""",
    ),
    Metric(
        name="kendall_tau",
        title="Kendall's tau",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_VALUE,
        objectives=(Objective.RANKING, *_REGRESSION),
        function=kendall_tau,
        explanation="""\
Submissions are scored by **Kendall's tau-b**, the rank correlation that counts pairs of rows:

    tau = (pairs in the same order - pairs in the opposite order) / sqrt(n_y * n_p)

n_y and n_p count the pairs whose true values, or predictions, differ. Only the order matters. A constant prediction
scores 0; 1 is perfect. Higher is better. (Kendall 1945; scipy's `kendalltau`.)""",
    ),
)
