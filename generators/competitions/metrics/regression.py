"""Metrics on predicted numbers. Every function gives the same score for any order of the rows."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_VALUE = (SubmissionForm.VALUE,)
_REGRESSION = (Objective.REGRESSION, Objective.FORECASTING)
_FORECASTING = (Objective.FORECASTING,)


def rmse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Square root of the mean squared error."""
    return float(np.sqrt(np.mean((y_true - y_pred) ** 2)))


def mae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(y_true - y_pred)))


def median_absolute_error(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Median of the absolute errors; the mean of the middle two for an even number of rows."""
    return float(np.median(np.abs(y_true - y_pred)))


def rmsle(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Root mean squared error of ln(1 + value).

    Raises ValueError where a true or predicted value is negative: the score is not defined then.
    """
    if np.min(y_true) < 0 or np.min(y_pred) < 0:
        raise ValueError("RMSLE is not defined for negative values")
    return float(np.sqrt(np.mean((np.log1p(y_true) - np.log1p(y_pred)) ** 2)))


def r2(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Coefficient of determination: 1 less the squared error relative to that of predicting the mean of the truth.

    Raises ValueError where all true values are the same: the score is not defined then.
    """
    if np.ptp(y_true) == 0:
        raise ValueError("R2 is not defined: all true values are the same")
    return float(1.0 - np.sum((y_true - y_pred) ** 2) / np.sum((y_true - np.mean(y_true)) ** 2))


def mape(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean absolute error relative to the true value, as a fraction (0.1 is 10 %).

    Raises ValueError where a true value is 0: the score is not defined then.
    """
    if np.any(y_true == 0):
        raise ValueError("MAPE is not defined: a true value is 0")
    return float(np.mean(np.abs((y_true - y_pred) / y_true)))


def smape(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean of the absolute error relative to the mean magnitude of true and predicted value, 0 to 2.

    A row whose true and predicted values are both 0 has no error and counts 0.
    """
    magnitude = (np.abs(y_true) + np.abs(y_pred)) / 2
    error = np.abs(y_true - y_pred)
    return float(np.mean(np.divide(error, magnitude, out=np.zeros_like(error), where=magnitude > 0)))


def spearman(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Correlation of the ranks of true and predicted values; tied values share their mean rank.

    A constant prediction orders nothing and scores 0. Raises ValueError where all true values are the same: the score
    is not defined then.
    """
    from scipy.stats import rankdata

    if np.ptp(y_true) == 0:
        raise ValueError("rank correlation is not defined: all true values are the same")
    if np.ptp(y_pred) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(y_true), rankdata(y_pred))[0, 1])


def mse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean squared error."""
    return float(np.mean((y_true - y_pred) ** 2))


def mase(y_true: np.ndarray, y_pred: np.ndarray, scale: float) -> float:
    """Mean absolute error in units of `scale`, the mean absolute error of the naive forecast on the training data.

    Raises ValueError where `scale` is not above 0: the score is not defined then.
    """
    if not scale > 0:
        raise ValueError("MASE is not defined: the naive forecast has no error on the training data")
    return float(np.mean(np.abs(y_true - y_pred)) / scale)


def pinball(y_true: np.ndarray, y_pred: np.ndarray, quantile: float = 0.5) -> float:
    """Mean loss of predictions of the `quantile`: misses from below weigh `quantile`, from above 1 less `quantile`."""
    from sklearn.metrics import mean_pinball_loss

    return float(mean_pinball_loss(y_true, y_pred, alpha=quantile))


METRICS = (
    Metric(
        name="rmse",
        title="Root mean squared error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=rmse,
        explanation="""\
Submissions are scored by **root mean squared error** (RMSE). With y the true and p the predicted value:

    RMSE = sqrt(mean of (y - p)^2)

It is in the unit of the target, and large errors weigh most. 0 is perfect; lower is better.""",
    ),
    Metric(
        name="mae",
        title="Mean absolute error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=mae,
        explanation="""\
Submissions are scored by **mean absolute error** (MAE). With y the true and p the predicted value:

    MAE = mean of |y - p|

It is in the unit of the target, and every unit of error weighs the same. 0 is perfect; lower is better.""",
    ),
    Metric(
        name="median_absolute_error",
        title="Median absolute error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=median_absolute_error,
        explanation="""\
Submissions are scored by **median absolute error**. With y the true and p the predicted value:

    score = median of |y - p|

It is in the unit of the target; how wrong the worst half of the rows is does not matter. 0 is perfect; lower is
better.""",
    ),
    Metric(
        name="rmsle",
        title="Root mean squared logarithmic error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=rmsle,
        prediction_range=(0.0, None),
        explanation="""\
Submissions are scored by **root mean squared logarithmic error** (RMSLE). With y the true and p the predicted value:

    RMSLE = sqrt(mean of (ln(1 + y) - ln(1 + p))^2)

Relative errors count, and predicting too little costs more than too much. Negative predictions are refused. 0 is
perfect; lower is better.""",
    ),
    Metric(
        name="r2",
        title="R2",
        higher_is_better=True,
        bounds=(None, 1.0),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=r2,
        explanation="""\
Submissions are scored by the **coefficient of determination** (R2). With y the true and p the predicted value and m the
mean of all true values:

    R2 = 1 - (sum of (y - p)^2) / (sum of (y - m)^2)

Predicting the mean scores 0, worse predictions less than 0; 1 is perfect. Higher is better.""",
    ),
    Metric(
        name="mape",
        title="Mean absolute percentage error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=mape,
        explanation="""\
Submissions are scored by **mean absolute percentage error** (MAPE), as a fraction. With y the true and p the predicted
value:

    MAPE = mean of |y - p| / |y|

0.1 means 10 % off on average. 0 is perfect; lower is better.""",
    ),
    Metric(
        name="smape",
        title="Symmetric mean absolute percentage error",
        higher_is_better=False,
        bounds=(0.0, 2.0),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=smape,
        explanation="""\
Submissions are scored by **symmetric mean absolute percentage error** (sMAPE), as a fraction. With y the true and p the
predicted value:

    sMAPE = mean of |y - p| / ((|y| + |p|) / 2)

A row where both are 0 counts 0. 0 is perfect, 2 the worst; lower is better. (Definition of the M3 and M4 forecasting
competitions, without their factor of 100.)""",
    ),
    Metric(
        name="spearman",
        title="Spearman rank correlation",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=spearman,
        explanation="""\
Submissions are scored by **Spearman's rank correlation** between true and predicted values:

    score = Pearson correlation of rank(y) and rank(p), tied values sharing their mean rank

Only the order of the predictions matters. A constant prediction scores 0, a perfect order 1. Higher is better.
(Spearman 1904.)""",
    ),
    Metric(
        name="mse",
        title="Mean squared error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=mse,
        explanation="""\
Submissions are scored by **mean squared error** (MSE). With y the true and p the predicted value:

    MSE = mean of (y - p)^2

It is in the squared unit of the target. 0 is perfect; lower is better.""",
    ),
    Metric(
        name="mase",
        title="Mean absolute scaled error",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_FORECASTING,
        function=mase,
        parameters=("scale",),
        explanation="""\
Submissions are scored by **mean absolute scaled error** (MASE). With y the true and p the predicted value:

    MASE = mean of |y - p| / scale

The scale is the mean absolute error of the naive forecast on the training data, so 1 is as good as that forecast. 0 is
perfect; lower is better. (Hyndman and Koehler 2006.)""",
    ),
    Metric(
        name="pinball",
        title="Pinball loss",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_VALUE,
        objectives=_REGRESSION,
        function=pinball,
        parameters=("quantile",),
        explanation="""\
Submissions are scored by **pinball loss**, which asks for a quantile of the target (the median unless stated
otherwise). With q the quantile, y the true and p the predicted value:

    loss = mean of max(q (y - p), (q - 1) (y - p))

0 is perfect; lower is better. (Koenker and Bassett 1978; scikit-learn's `mean_pinball_loss`.)""",
    ),
)
