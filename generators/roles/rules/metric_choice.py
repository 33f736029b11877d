"""Which metric suits a target, and why, in a sentence that a participant may read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import pandas as pd

from generators.competitions.card import Objective

_MANY = 20
"""Classes up to which a submission may hold a column for each."""


class MetricChoice(NamedTuple):
    """A metric by its name in the registry, and the reason for it."""

    name: str
    why: str


def choose_metric(
    objective: Objective, values: pd.Series, shares: Mapping[str, float], *, ordered: bool, used: Collection[str] = ()
) -> MetricChoice:
    """The first suitable metric that is not yet `used` by another formulation, the most suitable where all are.

    `shares` gives the share of rows of each class (empty for numbers), `ordered` says that classes have an order.
    """
    if objective is Objective.REGRESSION:
        suitable = _for_numbers(values)
    elif len(shares) == 2:
        suitable = _for_two_classes(min(shares.values()))
    else:
        suitable = _for_classes(shares, ordered=ordered)
    return next((choice for choice in suitable if choice.name not in used), suitable[0])


def _for_two_classes(rarer: float) -> list[MetricChoice]:
    share = f"{rarer:.1%} of the rows belong to the rarer class"
    if rarer < 0.10:
        return [
            MetricChoice("average_precision", f"{share}: average precision looks at how well these few are found"),
            MetricChoice("roc_auc", f"{share}: ROC AUC does not reward always answering the other class"),
        ]
    if rarer < 0.35:
        return [
            MetricChoice("roc_auc", f"{share}: ROC AUC judges the ranking and does not depend on the balance"),
            MetricChoice("average_precision", f"{share}: average precision looks at how well these are found"),
        ]
    return [
        MetricChoice("roc_auc", f"{share}: the classes are balanced, ROC AUC judges the whole ranking"),
        MetricChoice("log_loss", f"{share}: the classes are balanced, log loss asks for honest probabilities"),
        MetricChoice("accuracy", f"{share}: the classes are balanced, so accuracy means what it says"),
    ]


def _for_classes(shares: Mapping[str, float], *, ordered: bool) -> list[MetricChoice]:
    smallest, largest, number = min(shares.values()), max(shares.values()), len(shares)
    if ordered:
        return [
            MetricChoice(
                "quadratic_weighted_kappa",
                f"the {number} classes have an order, and a miss by several steps is worse than one by a single step",
            ),
            MetricChoice("macro_f1", f"every one of the {number} classes weighs the same"),
        ]
    span = f"the {number} classes hold between {smallest:.1%} and {largest:.1%} of the rows"
    if smallest * number < 0.6 or largest > 0.6:
        return [
            MetricChoice("macro_f1", f"{span}: with macro F1 the rare ones weigh as much as the frequent ones"),
            MetricChoice("balanced_accuracy", f"{span}: balanced accuracy weighs each class the same"),
        ]
    honest = MetricChoice(
        "multiclass_log_loss", f"{span}: they are balanced, and log loss asks for honest probabilities"
    )
    return [
        MetricChoice("accuracy", f"{span}: they are balanced, so accuracy means what it says"),
        *([honest] if number <= _MANY else []),  # a column for each of many classes would be no submission to read
        MetricChoice("macro_f1", f"{span}: every class weighs the same"),
    ]


def _for_numbers(values: pd.Series) -> list[MetricChoice]:
    from scipy import stats

    skew = float(stats.skew(values.to_numpy(dtype=float))) if len(values) > 2 else 0.0
    spread = float(values.quantile(0.75) - values.quantile(0.25))
    beyond = (values - values.median()).abs() > 4 * spread if spread > 0 else pd.Series([False])
    if values.min() >= 0 and skew > 1.5 and values.max() > 20:
        return [
            MetricChoice(
                "rmsle", f"the values are never negative and have a long tail (skew {skew:.1f}): ratios count"
            ),
            MetricChoice(
                "mae", f"the values have a long tail (skew {skew:.1f}), which squared errors would follow alone"
            ),
        ]
    if float(beyond.mean()) > 0.005 or abs(skew) > 2:
        return [
            MetricChoice(
                "mae", f"the values have far outliers (skew {skew:.1f}), which squared errors would follow alone"
            ),
            MetricChoice("rmse", "large errors weigh most"),
        ]
    return [
        MetricChoice(
            "rmse", f"the values are spread evenly enough (skew {skew:.1f}) and large errors should weigh most"
        ),
        MetricChoice("mae", "the error is in the unit of the target and every unit weighs the same"),
        MetricChoice("r2", "the share of the variation that is explained can be compared between targets"),
    ]
