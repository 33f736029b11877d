"""What a metric asks of a solution: which constant it likes best, and how a program computes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from generators.competitions.card import Card, SubmissionForm

Goal = Literal["share", "balance", "ordinal", "rank", "chance", "mean", "median", "log"]
"""`share`: be right often; `balance`: also in rare classes; `ordinal`: not far off; `rank`: sort well; `chance`: honest
probabilities; `mean`, `median`, `log`: the centre that squared, absolute or logarithmic errors ask for."""


@dataclass(frozen=True, slots=True)
class Aim:
    """How a program pursues one metric. `score` is an expression of `truth` and `predicted`, higher is better."""

    goal: Goal
    score: str
    imports: tuple[str, ...] = ()
    """Names from `sklearn.metrics`."""


_ACCURACY = Aim("share", "np.mean(predicted == truth)")
_RMSE = Aim("mean", "-np.sqrt(np.mean((predicted - truth) ** 2))")
_LOG_LOSS = Aim("chance", "-log_loss(truth, predicted, labels=range(len(CLASSES)))", ("log_loss",))

_BY_METRIC: dict[str, Aim] = {
    "accuracy": _ACCURACY,
    "balanced_accuracy": Aim("balance", "balanced_accuracy_score(truth, predicted)", ("balanced_accuracy_score",)),
    "f1": Aim("balance", "f1_score(truth, predicted, zero_division=0)", ("f1_score",)),
    "macro_f1": Aim("balance", 'f1_score(truth, predicted, average="macro", zero_division=0)', ("f1_score",)),
    "mcc": Aim("balance", "matthews_corrcoef(truth, predicted)", ("matthews_corrcoef",)),
    "quadratic_weighted_kappa": Aim(
        "ordinal", 'cohen_kappa_score(truth, predicted, weights="quadratic")', ("cohen_kappa_score",)
    ),
    "roc_auc": Aim("rank", "roc_auc_score(truth, predicted)", ("roc_auc_score",)),
    "average_precision": Aim("rank", "average_precision_score(truth, predicted)", ("average_precision_score",)),
    "log_loss": _LOG_LOSS,
    "multiclass_log_loss": _LOG_LOSS,
    "roc_auc_ovr": _LOG_LOSS,  # a fold may lack a class, which leaves the AUC undefined and this not
    "brier": Aim("chance", "-np.mean((predicted - truth) ** 2)"),
    "rmse": _RMSE,
    "r2": _RMSE,
    "mae": Aim("median", "-np.mean(np.abs(predicted - truth))"),
    "median_absolute_error": Aim("median", "-np.median(np.abs(predicted - truth))"),
    "rmsle": Aim("log", "-np.sqrt(np.mean((np.log1p(predicted) - np.log1p(truth)) ** 2))"),
    "mape": Aim("median", "-np.mean(np.abs((predicted - truth) / truth))"),
    "smape": Aim("median", "-np.mean(np.abs(predicted - truth) / (np.abs(predicted) + np.abs(truth) + 1e-12))"),
    "spearman": Aim("mean", 'pd.Series(predicted).corr(pd.Series(truth), method="spearman")'),
}
_BY_FORM = {
    SubmissionForm.VALUE: _RMSE,
    SubmissionForm.LABEL: _ACCURACY,
    SubmissionForm.PROBABILITY: _LOG_LOSS,
    SubmissionForm.PROBABILITIES: _LOG_LOSS,
}


def aim_of(card: Card) -> Aim:
    """The aim for a card's metric; for one that is not known, that of the most usual metric of its form."""
    return _BY_METRIC.get(card.metric, _BY_FORM[card.form])
