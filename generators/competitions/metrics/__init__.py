"""The metric library: every metric by name, with direction, bounds, submission form and source.

    >>> from generators.competitions.metrics import get_metric
    >>> get_metric("rmse").higher_is_better
    False

A new metric is a function and a `Metric` in the module of its family; nothing else needs to know.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics import (
    classification,
    columns,
    correlation,
    detection,
    discrimination,
    f_scores,
    label_sets,
    masks,
    multilabel,
    ngrams,
    probability,
    ranking,
    regression,
    text,
)
from generators.competitions.metrics.metric import Metric
from generators.competitions.metrics.source import MetricSource

_FAMILIES = (
    classification,
    f_scores,
    probability,
    discrimination,
    regression,
    correlation,
    multilabel,
    label_sets,
    columns,
    ranking,
    text,
    ngrams,
    masks,
    detection,
)

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for family in _FAMILIES for metric in family.METRICS}
)
"""Every metric by name, family by family."""


def get_metric(name: str) -> Metric:
    """The metric of that name. Raises `ValueError` with the nearest names."""
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name, METRICS, n=3) or sorted(METRICS)
    raise ValueError(f"no metric {name!r}; did you mean {', '.join(near)}?")


def metrics_for(objective: Objective, form: SubmissionForm | None = None) -> tuple[Metric, ...]:
    """The metrics that suit an objective (and take a submission form), in the order of the registry."""
    return tuple(
        metric
        for metric in METRICS.values()
        if objective in metric.objectives and (form is None or form in metric.forms)
    )


__all__ = ["METRICS", "Metric", "MetricSource", "get_metric", "metrics_for"]
