"""Metrics of a domain: measures that the library does not have, declared first and written for one competition."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

FORMS: dict[Objective, tuple[SubmissionForm, ...]] = {
    Objective.BINARY: (SubmissionForm.PROBABILITY, SubmissionForm.LABEL),
    Objective.MULTICLASS: (SubmissionForm.LABEL, SubmissionForm.PROBABILITIES),
    Objective.REGRESSION: (SubmissionForm.VALUE,),
}
"""Objectives that a metric of one's own can be written for, and what a submission may give."""


def domain_metric(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """The score of predictions, in the order of the true values."""
    raise NotImplementedError("the metric is to be written here, as the proposal defines it")


def declared_metric(
    name: str,
    *,
    title: str,
    objective: Objective,
    form: SubmissionForm,
    higher_is_better: bool,
    bounds: tuple[float | None, float | None],
    definition: str,
) -> Metric:
    """A metric of which all is said but the function, which stands for the one to be written."""
    return Metric(
        name=name,
        title=title,
        higher_is_better=higher_is_better,
        bounds=bounds,
        forms=(form,),
        objectives=(objective,),
        function=domain_metric,
        explanation=definition,
    )
