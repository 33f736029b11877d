"""Scores on many draws of the same rows, where scikit-learn's own checks of its arguments would take most of the time.

A score of labels hangs on how often each true label meets each predicted one, a curve on how many rows of either kind
have each prediction. So labels and predictions are numbered once, and each draw is merely counted. The arithmetic that
follows is scikit-learn's, step by step: the scores are those of the metrics' functions to the last bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from generators.competitions.metrics.metric import Metric

_MOST_LABELS = 512

Score = Callable[[np.ndarray], float]
"""The score of the rows with these numbers, of which some may be there several times. Raises `ValueError` where it is
not defined for them."""


def score_of_rows(
    metric: Metric, true: np.ndarray, predicted: np.ndarray, arguments: Mapping[str, Any] = MappingProxyType({})
) -> Score:
    """What gives `metric.function(true[rows], predicted[rows], **arguments)` for one draw of rows after another."""
    if metric.name in _OF_TABLES:
        labels, codes = np.unique(np.concatenate([true, predicted]), return_inverse=True)
        if len(labels) <= _MOST_LABELS:
            return _table_score(_OF_TABLES[metric.name], labels, codes, arguments)
    elif metric.name in _OF_RANKS:
        return _OF_RANKS[metric.name](true, predicted, **arguments)
    return lambda rows: metric.function(true[rows], predicted[rows], **arguments)


class _Counts:
    """How often each label is true, predicted, and both: of the labels that are there, in order."""

    def __init__(self, labels: np.ndarray, table: np.ndarray) -> None:
        actual, said = table.sum(axis=1), table.sum(axis=0)
        there = (actual + said) > 0
        self.labels = labels[there]
        self.table = table[np.ix_(there, there)]
        self.true, self.predicted, self.both = actual[there], said[there], np.diagonal(table)[there]

    def of(self, label: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three of one label, each as an array of one. Raises `ValueError` where it is never true."""
        place = self.labels == label
        if not self.true[place].any():
            raise ValueError(f"the score is not defined: no true label is {label!r}")
        return self.true[place], self.predicted[place], self.both[place]


def _table_score(
    score: Callable[..., float], labels: np.ndarray, codes: np.ndarray, arguments: Mapping[str, Any]
) -> Score:
    size, rows_in_all = len(labels), len(codes) // 2
    cells = codes[:rows_in_all] * size + codes[rows_in_all:]

    def of_rows(rows: np.ndarray) -> float:
        table = np.bincount(cells[rows], minlength=size * size).reshape(size, size)
        return float(score(_Counts(labels, table), **arguments))

    return of_rows


def _divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """0 where the divisor is."""
    return np.asarray(np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0))


def _f_scores(true: np.ndarray, predicted: np.ndarray, both: np.ndarray, beta: float = 1.0) -> np.ndarray:
    if beta == 0:
        return _divided(both, predicted)
    if np.isposinf(beta):
        return _divided(both, true)
    squared = beta**2
    whole = squared * true.astype(np.float64) + predicted.astype(np.float64)
    return _divided((1 + squared) * both.astype(np.float64), whole)


def _mean(values: np.ndarray) -> float:
    return float(np.sum(values) / len(values))


def _f_beta(counts: _Counts, positive: str, beta: float) -> float:
    return _mean(_f_scores(*counts.of(positive), beta=beta))


def _f1(counts: _Counts, positive: str) -> float:
    return _f_beta(counts, positive, 1.0)


def _default_f_beta(counts: _Counts, positive: str, beta: float = 2.0) -> float:
    return _f_beta(counts, positive, beta)


def _precision(counts: _Counts, positive: str) -> float:
    _, predicted, both = counts.of(positive)
    return _mean(_divided(both, predicted))


def _recall(counts: _Counts, positive: str) -> float:
    true, _, both = counts.of(positive)
    return _mean(_divided(both, true))


def _macro_f1(counts: _Counts) -> float:
    return _mean(_f_scores(counts.true, counts.predicted, counts.both))


def _micro_f1(counts: _Counts) -> float:
    true, predicted, both = (np.array([part.sum()]) for part in (counts.true, counts.predicted, counts.both))
    return _mean(_f_scores(true, predicted, both))


def _weighted_f1(counts: _Counts) -> float:
    return float(np.average(_f_scores(counts.true, counts.predicted, counts.both), weights=counts.true))


def _balanced_accuracy(counts: _Counts) -> float:
    true = counts.true > 0
    return _mean(_divided(counts.both[true], counts.true[true]))


def _mcc(counts: _Counts) -> float:
    true, predicted = counts.true.astype(np.float64), counts.predicted.astype(np.float64)
    _refuse_one_class(counts.true)
    rows = predicted.sum()
    together = counts.both.sum() * rows - np.dot(true, predicted)
    spread = (rows**2 - np.dot(predicted, predicted)) * (rows**2 - np.dot(true, true))
    return 0.0 if spread == 0 else float(together / np.sqrt(spread))


def _cohen_kappa(counts: _Counts) -> float:
    _refuse_one_class(counts.true)
    table = counts.table.astype(np.float64)
    predicted, true = table.sum(axis=0), table.sum(axis=1)
    by_chance = np.outer(predicted, true) / predicted.sum()
    off_the_diagonal = np.ones_like(table)
    np.fill_diagonal(off_the_diagonal, 0)
    return float(1 - np.sum(off_the_diagonal * table) / np.sum(off_the_diagonal * by_chance))


def _refuse_one_class(true: np.ndarray) -> None:
    if np.count_nonzero(true) < 2:
        raise ValueError("the score is not defined: all true labels are the same")


class _Ranked:
    """Predictions by their place from the highest down."""

    def __init__(self, predicted: np.ndarray) -> None:
        values, places = np.unique(predicted, return_inverse=True)
        self._size = len(values)
        self._places = self._size - 1 - places

    def curve(self, rows: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many false and true positives there are down to each prediction of these rows; `positive` says of each
        row whether it is."""
        places = self._places[rows]
        in_all = np.bincount(places, minlength=self._size)
        there = in_all > 0
        true = np.cumsum(np.bincount(places[positive], minlength=self._size)[there]).astype(np.float64)
        return np.cumsum(in_all[there]) - true, true

    def area(self, rows: np.ndarray, positive: np.ndarray) -> float:
        """Under the ROC curve; there are rows of both kinds."""
        false, true = self.curve(rows, positive)
        if len(false) > 2:
            corners = np.concatenate([[True], np.logical_or(np.diff(false, 2), np.diff(true, 2)), [True]])
            false, true = false[corners], true[corners]
        false, true = (np.concatenate([[0.0], counts]) for counts in (false, true))
        return float(np.trapezoid(true / true[-1], false / false[-1]))


def _roc_auc(true: np.ndarray, predicted: np.ndarray) -> Score:
    ranked = _Ranked(predicted)

    def of_rows(rows: np.ndarray) -> float:
        _two_classes(true[rows])
        return ranked.area(rows, true[rows] == 1)

    return of_rows


def _roc_auc_ovr(true: np.ndarray, predicted: np.ndarray) -> Score:
    columns = [_Ranked(predicted[:, column]) for column in range(predicted.shape[1])]

    def of_rows(rows: np.ndarray) -> float:
        truth = true[rows]
        return float(np.mean([columns[column].area(rows, truth == column) for column in _two_classes(truth)]))

    return of_rows


def _roc_auc_ovo(true: np.ndarray, predicted: np.ndarray) -> Score:
    columns = [_Ranked(predicted[:, column]) for column in range(predicted.shape[1])]

    def of_rows(rows: np.ndarray) -> float:
        truth = true[rows]
        areas = []
        for first, second in itertools.permutations(_two_classes(truth), 2):
            either = (truth == first) | (truth == second)
            areas.append(columns[first].area(rows[either], truth[either] == first))
        return float(np.mean(areas))

    return of_rows


def _average_precision(true: np.ndarray, predicted: np.ndarray) -> Score:
    ranked = _Ranked(predicted)

    def of_rows(rows: np.ndarray) -> float:
        positive = true[rows] == 1
        if not positive.any():
            raise ValueError("average precision is not defined: no true label is positive")
        false, right = ranked.curve(rows, positive)
        precision = np.concatenate([np.flip(right / (right + false)), [1.0]])
        recall = np.concatenate([np.flip(right / right[-1]), [0.0]])
        return float(max(0.0, -np.sum(np.diff(recall) * precision[:-1])))

    return of_rows


def _two_classes(true: np.ndarray) -> np.ndarray:
    """The classes that are there. Raises `ValueError` where it is one."""
    present = np.unique(true)
    if len(present) < 2:
        raise ValueError("ROC AUC is not defined: the true labels hold a single class")
    return present


_OF_TABLES: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "balanced_accuracy": _balanced_accuracy,
        "f1": _f1,
        "macro_f1": _macro_f1,
        "mcc": _mcc,
        "cohen_kappa": _cohen_kappa,
        "f_beta": _default_f_beta,
        "precision": _precision,
        "recall": _recall,
        "micro_f1": _micro_f1,
        "weighted_f1": _weighted_f1,
    }
)
_OF_RANKS: Mapping[str, Callable[..., Score]] = MappingProxyType(
    {
        "roc_auc": _roc_auc,
        "roc_auc_ovr": _roc_auc_ovr,
        "roc_auc_ovo": _roc_auc_ovo,
        "average_precision": _average_precision,
    }
)
