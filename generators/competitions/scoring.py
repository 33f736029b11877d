"""The library's metrics on tables, in this process: for baselines and probes that are ours.

A submission of an agent never comes here; `generators.competitions.grading` takes it to a process of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.forms import ANSWER_CELLS, point_in
from generators.competitions.metrics import get_metric


def metric_arrays(answers: pd.DataFrame, predictions: pd.DataFrame, card: Card) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted values as the metric's function takes them (see `Metric`).

    `answers` as `Competition.answers` gives them, `predictions` as `guard.align` does: the same rows in the same order.
    """
    truth = answers[card.targets[0]]
    if card.form in {SubmissionForm.VALUES, SubmissionForm.LABEL_PROBABILITIES}:
        columns = list(card.targets)
        return answers[columns].to_numpy(dtype=np.float64), predictions[columns].to_numpy(dtype=np.float64)
    if card.form is SubmissionForm.SPREAD:
        columns = list(card.prediction_columns)
        return truth.to_numpy(dtype=np.float64), predictions[columns].to_numpy(dtype=np.float64)
    if card.form is SubmissionForm.VALUE:
        return truth.to_numpy(dtype=np.float64), predictions[card.targets[0]].to_numpy(dtype=np.float64)
    if card.form is SubmissionForm.LABEL or card.form in ANSWER_CELLS:
        return truth.to_numpy(dtype=object), predictions[card.targets[0]].to_numpy(dtype=object)
    if card.form is SubmissionForm.PROBABILITY:
        positive = (truth == card.classes[1]).to_numpy(dtype=np.int64)
        return positive, predictions[card.targets[0]].to_numpy(dtype=np.float64)
    position = {label: place for place, label in enumerate(card.classes)}
    return truth.map(position).to_numpy(dtype=np.int64), predictions[list(card.classes)].to_numpy(dtype=np.float64)


def score(answers: pd.DataFrame, predictions: pd.DataFrame, card: Card) -> float:
    """The score of aligned predictions by the metric that the card names.

    Raises `ValueError` where it is undefined for these answers, or where the library has no such metric.
    """
    metric = get_metric(card.metric)
    true, predicted = metric_arrays(answers, predictions, card)
    return metric.function(true, predicted, **metric.arguments(card.classes, card.metric_parameters))


def perfect_submission(answers: pd.DataFrame, card: Card) -> pd.DataFrame:
    """The submission that knows the answers: ids and predictions as a participant with all labels would write them."""
    submission = answers.loc[:, list(card.ids)].reset_index(drop=True)
    for target in card.targets:
        truth = answers[target].reset_index(drop=True)
        if card.form is SubmissionForm.PROBABILITY:
            submission[target] = (truth == card.classes[1]).astype(float)
        elif card.form is SubmissionForm.PROBABILITIES:
            for label in card.classes:
                submission[label] = (truth == label).astype(float)
        elif card.form is SubmissionForm.POINTS:
            submission[target] = truth.map(point_in)
        else:
            submission[target] = truth
            if card.form is SubmissionForm.SPREAD:
                submission[card.prediction_columns[-1]] = 0.0
    return submission
