"""Metrics on masks of pixels as run-length codes. The size of a picture plays no part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.cells import read_mask, read_masks
from generators.competitions.metrics.metric import Metric

_MASK = (SubmissionForm.MASK,)
_SEGMENTATION = (Objective.SEGMENTATION,)


def overlap(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int]:
    """Pixels in both of two masks given by their runs, in the first, and in the second."""
    edges = np.unique(np.concatenate([first.ravel(), second.ravel()]))
    # of each stretch between edges: whether it lies in a run
    inside = [
        np.searchsorted(runs[:, 0], edges[:-1], "right") > np.searchsorted(runs[:, 1], edges[:-1], "right")
        for runs in (first, second)
    ]
    both = int(np.sum(np.diff(edges)[inside[0] & inside[1]]))
    return both, int(np.sum(np.diff(first))), int(np.sum(np.diff(second)))


def mask_iou(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of common pixels over all pixels of both masks; 1 where both are empty."""
    scores = []
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        both, true, predicted = overlap(read_mask(true_cell), read_mask(predicted_cell))
        scores.append(both / (true + predicted - both) if true + predicted else 1.0)
    return float(np.mean(scores))


def mean_dice(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of twice the common pixels over the pixels of both masks; 1 where both are empty."""
    scores = []
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        both, true, predicted = overlap(read_mask(true_cell), read_mask(predicted_cell))
        scores.append(2 * both / (true + predicted) if true + predicted else 1.0)
    return float(np.mean(scores))


def global_dice(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Twice the common pixels of all rows over the pixels of all masks; 1 where all are empty."""
    pixels = np.zeros(3)
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        pixels += overlap(read_mask(true_cell), read_mask(predicted_cell))
    both, true, predicted = pixels
    return float(2 * both / (true + predicted)) if true + predicted else 1.0


def mean_precision_over_ious(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    thresholds: Sequence[float] = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
) -> float:
    """Mean over rows and thresholds of hits over hits, misses and false alarms, when single objects are matched.

    A true and a predicted mask may be matched where their IoU is above the threshold; as many pairs are made as can
    be, no mask in two. 1 for a row where both sides are empty.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    scores = []
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        true, predicted = read_masks(true_cell), read_masks(predicted_cell)
        if not true or not predicted:
            scores.append(float(len(true) == len(predicted)))
            continue
        ious = np.zeros((len(true), len(predicted)))
        for row, column in np.ndindex(ious.shape):
            if true[row][-1, 1] <= predicted[column][0, 0] or predicted[column][-1, 1] <= true[row][0, 0]:
                continue
            both, own, other = overlap(true[row], predicted[column])
            ious[row, column] = both / (own + other - both)
        for threshold in thresholds:
            pairs = maximum_bipartite_matching(csr_array(ious > threshold), perm_type="column")
            hits = int(np.sum(pairs >= 0))
            scores.append(hits / (len(true) + len(predicted) - hits) / len(thresholds))
    return float(np.sum(scores) / len(y_true))


METRICS = (
    Metric(
        name="mask_iou",
        title="Mean intersection over union",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_MASK,
        objectives=_SEGMENTATION,
        function=mask_iou,
        explanation="""\
Submissions are scored by **mean intersection over union** (IoU). For each row, with T the true and P the predicted
pixels:

    IoU = |T and P| / |T or P|

A row where both masks are empty scores 1. Higher is better; 1 is perfect. (Jaccard 1901.)""",
    ),
    Metric(
        name="mean_dice",
        title="Mean Dice coefficient",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_MASK,
        objectives=_SEGMENTATION,
        function=mean_dice,
        explanation="""\
Submissions are scored by the **mean Dice coefficient**. For each row, with T the true and P the predicted pixels:

    Dice = 2 |T and P| / (|T| + |P|)

A row where both masks are empty scores 1. Higher is better; 1 is perfect. (Dice 1945.)""",
    ),
    Metric(
        name="global_dice",
        title="Global Dice coefficient",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_MASK,
        objectives=_SEGMENTATION,
        function=global_dice,
        explanation="""\
Submissions are scored by the **global Dice coefficient**: the pixels of all rows are counted together. With T the true
and P the predicted pixels:

    Dice = 2 |T and P| / (|T| + |P|)

Large masks weigh most; 1 where all masks are empty. Higher is better; 1 is perfect. (Dice 1945.)""",
    ),
    Metric(
        name="mean_precision_over_ious",
        title="Mean precision over IoU thresholds",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=(SubmissionForm.MASKS,),
        objectives=_SEGMENTATION,
        function=mean_precision_over_ious,
        parameters=("thresholds",),
        explanation="""\
Submissions are scored by **mean precision over IoU thresholds**. In each row true and predicted objects are matched
where their intersection over union is above a threshold t, each at most once:

    score = mean over rows and thresholds of TP(t) / (TP(t) + FP(t) + FN(t))

The thresholds are 0.5, 0.55, ..., 0.95 unless stated otherwise. A row without any object on both sides scores 1. Higher
is better; 1 is perfect. (As in Kaggle's Data Science Bowl 2018.)""",
    ),
)
