"""Metrics on several predicted numbers a row: truth and predictions of shape (rows, columns)."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_VALUES = (SubmissionForm.VALUES,)
_REGRESSION = (Objective.REGRESSION, Objective.FORECASTING)


def mcrmse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the columns of the root mean squared error."""
    return float(np.mean(np.sqrt(np.mean((y_true - y_pred) ** 2, axis=0))))


def mean_column_rmsle(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the columns of the root mean squared error of ln(1 + value).

    Raises ValueError where a true or predicted value is negative: the score is not defined then.
    """
    if np.min(y_true) < 0 or np.min(y_pred) < 0:
        raise ValueError("RMSLE is not defined for negative values")
    return float(np.mean(np.sqrt(np.mean((np.log1p(y_true) - np.log1p(y_pred)) ** 2, axis=0))))


def mean_column_spearman(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the columns of the correlation of ranks; tied values share their mean rank.

    A constant column of predictions scores 0. A column whose true values are all the same is left out of the mean;
    raises ValueError where all are.
    """
    from scipy.stats import rankdata

    usable = [column for column in range(y_true.shape[1]) if np.ptp(y_true[:, column]) > 0]
    if not usable:
        raise ValueError("rank correlation is not defined: all true values of each column are the same")
    scores = []
    for column in usable:
        true, predicted = rankdata(y_true[:, column]), rankdata(y_pred[:, column])
        scores.append(np.corrcoef(true, predicted)[0, 1] if np.ptp(predicted) > 0 else 0.0)
    return float(np.clip(np.mean(scores), -1.0, 1.0))


def kl_divergence(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the divergence of the predicted from the true distribution over the columns, in nats.

    Rows of both are divided by their sum; predicted shares count as 1e-15 at least. A true share of 0 adds nothing.
    Raises ValueError where a true row is no distribution.
    """
    from scipy.special import rel_entr

    if np.min(y_true) < 0 or np.min(y_true.sum(axis=1)) <= 0:
        raise ValueError("divergence is not defined: the true values of a row are no distribution")
    true = y_true / y_true.sum(axis=1, keepdims=True)
    predicted = np.clip(y_pred / y_pred.sum(axis=1, keepdims=True), 1e-15, 1.0)
    return float(max(np.mean(np.sum(rel_entr(true, predicted), axis=1)), 0.0))


def haversine(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean great-circle distance in km; columns are latitude and longitude in degrees, the radius 6371.0088 km."""
    true, predicted = np.radians(y_true), np.radians(y_pred)
    half = (predicted - true) / 2
    inner = np.sin(half[:, 0]) ** 2 + np.cos(true[:, 0]) * np.cos(predicted[:, 0]) * np.sin(half[:, 1]) ** 2
    return float(np.mean(2 * 6371.0088 * np.arcsin(np.sqrt(np.clip(inner, 0.0, 1.0)))))


def angular_error(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean angle in radians between directions; columns are azimuth and zenith in radians."""
    half = (y_pred - y_true) / 2
    # the haversine form keeps small angles exact where the arc cosine of a dot product does not
    inner = np.sin(half[:, 1]) ** 2 + np.sin(y_true[:, 1]) * np.sin(y_pred[:, 1]) * np.sin(half[:, 0]) ** 2
    return float(np.mean(2 * np.arcsin(np.sqrt(np.clip(inner, 0.0, 1.0)))))


def laplace_log_likelihood(
    y_true: np.ndarray, y_pred: np.ndarray, smallest_spread: float = 70.0, largest_error: float = 1000.0
) -> float:
    """Mean log likelihood of a Laplace distribution; `y_pred` has the columns value and spread, `y_true` is (n,).

    The spread is a standard deviation and counts as `smallest_spread` at least, the error as `largest_error` at most.
    """
    spread = np.maximum(y_pred[:, 1], smallest_spread)
    error = np.minimum(np.abs(y_true - y_pred[:, 0]), largest_error)
    return float(np.mean(-np.sqrt(2) * error / spread - np.log(np.sqrt(2) * spread)))


def _laplace_bounds(smallest_spread: float = 70.0, **_: float) -> tuple[None, float]:
    return None, -float(np.log(np.sqrt(2) * smallest_spread))


METRICS = (
    Metric(
        name="mcrmse",
        title="Mean column-wise root mean squared error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUES,
        objectives=_REGRESSION,
        function=mcrmse,
        explanation="""\
Submissions are scored by **mean column-wise root mean squared error** (MCRMSE). With y the true and p the predicted
value:

    MCRMSE = mean over columns of sqrt(mean over rows of (y - p)^2)

0 is perfect; lower is better. (As in Kaggle's contests with several targets.)""",
    ),
    Metric(
        name="mean_column_rmsle",
        title="Mean column-wise root mean squared logarithmic error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUES,
        objectives=_REGRESSION,
        function=mean_column_rmsle,
        prediction_range=(0.0, None),
        explanation="""\
Submissions are scored by **mean column-wise root mean squared logarithmic error**. With y the true and p the predicted
value:

    score = mean over columns of sqrt(mean over rows of (ln(1 + y) - ln(1 + p))^2)

Predictions below 0 are refused. 0 is perfect; lower is better. (As in Kaggle's Nomad2018 contest.)""",
    ),
    Metric(
        name="mean_column_spearman",
        title="Mean column-wise Spearman correlation",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_VALUES,
        objectives=_REGRESSION,
        function=mean_column_spearman,
        explanation="""\
Submissions are scored by the **mean over the columns of Spearman's rank correlation**:

    score = mean over columns of the Pearson correlation of rank(y) and rank(p), tied values sharing their mean rank

Only the order within a column matters. A constant column scores 0; a column whose true values are all the same is left
out; 1 is perfect. Higher is better. (Spearman 1904.)""",
    ),
    Metric(
        name="kl_divergence",
        title="Kullback-Leibler divergence",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUES,
        objectives=(Objective.MULTICLASS,),
        function=kl_divergence,
        prediction_range=(0.0, 1.0),
        rows_sum_to_one=True,
        explanation="""\
Submissions are scored by **Kullback-Leibler divergence**. The columns of a row are a distribution; with t its true and
p its predicted shares, which count as 1e-15 at least:

    score = mean over rows of (sum over columns of t ln(t / p))

The shares of a row must sum to 1. 0 is perfect; lower is better. (Kullback and Leibler 1951.)""",
    ),
    Metric(
        name="haversine",
        title="Mean great-circle distance",
        higher_is_better=False,
        bounds=(0.0, 20015.115),
        forms=_VALUES,
        objectives=_REGRESSION,
        function=haversine,
        explanation="""\
Submissions are scored by the **mean great-circle distance** in km between true and predicted place, given as latitude
and longitude in degrees (a and b):

    d = 2 * 6371.0088 * asin(sqrt(sin^2((a2 - a1) / 2) + cos(a1) cos(a2) sin^2((b2 - b1) / 2)))

0 is perfect; lower is better. (Haversine formula on a sphere with the mean radius of the Earth.)""",
    ),
    Metric(
        name="angular_error",
        title="Mean angular error",
        higher_is_better=False,
        bounds=(0.0, np.pi),
        forms=_VALUES,
        objectives=_REGRESSION,
        function=angular_error,
        explanation="""\
Submissions are scored by the **mean angular error** in radians between true and predicted direction, given as azimuth
and zenith in radians (a and z):

    error = arccos(cos(z1) cos(z2) + sin(z1) sin(z2) cos(a1 - a2))

0 is perfect; lower is better. (As in Kaggle's IceCube contest.)""",
    ),
    Metric(
        name="laplace_log_likelihood",
        title="Laplace log-likelihood",
        higher_is_better=True,
        bounds=_laplace_bounds(),
        bounds_of=_laplace_bounds,
        forms=(SubmissionForm.SPREAD,),
        objectives=_REGRESSION,
        function=laplace_log_likelihood,
        parameters=("smallest_spread", "largest_error"),
        explanation="""\
Submissions are scored by **Laplace log-likelihood**, which rewards a prediction that knows how sure it is. With y the
true value, p the prediction and s its spread (a standard deviation):

    score = mean of -sqrt(2) |y - p| / s - ln(sqrt(2) s)

The spread counts as 70 at least and the error as 1000 at most, unless stated otherwise; -ln(sqrt(2) * smallest spread)
is perfect. Higher is better. (As in Kaggle's OSIC contest on lung function.)""",
    ),
)
