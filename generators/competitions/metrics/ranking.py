"""Metrics on ranked lists: a cell holds items separated by spaces, the best first, or - for none.

The truth of a row is the set of relevant items. A row without one is an empty group: it says nothing of a ranking and
is left out of the mean. An item that is repeated counts where it stands first and takes up the places of its repeats.
"""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_RANKING = (SubmissionForm.RANKING,)
_OBJECTIVES = (Objective.RANKING,)


def rank_hits(y_true: np.ndarray, y_pred: np.ndarray, k: int) -> list[tuple[np.ndarray, int]]:
    """For each row with relevant items: which of the first k places hold a new relevant one, and how many there are.

    Raises ValueError where no row has any.
    """
    rows = []
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        relevant = set(true_cell.split()) - {"-"}
        if relevant:
            seen: set[str] = set()
            hits = np.zeros(k, dtype=bool)
            for place, item in enumerate(predicted_cell.split()[:k]):
                hits[place] = item in relevant and item not in seen
                seen.add(item)
            rows.append((hits, len(relevant)))
    if not rows:
        raise ValueError("the score is not defined: no row has a relevant item")
    return rows


def map_at_k(y_true: np.ndarray, y_pred: np.ndarray, k: int = 5) -> float:
    """Mean over the rows of the average precision of the first k items, over the best that their number allows."""
    places = np.arange(1, k + 1)
    scores = []
    for hits, relevant in rank_hits(y_true, y_pred, k):
        scores.append(np.sum(np.cumsum(hits) / places * hits) / min(relevant, k))
    return float(np.mean(scores))


def ndcg_at_k(y_true: np.ndarray, y_pred: np.ndarray, k: int = 5) -> float:
    """Mean over the rows of the discounted gain of the first k items over the largest there can be; a hit gains 1."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    scores = []
    for hits, relevant in rank_hits(y_true, y_pred, k):
        scores.append(np.sum(discounts[hits]) / np.sum(discounts[: min(relevant, k)]))
    return float(np.mean(scores))


def mrr(y_true: np.ndarray, y_pred: np.ndarray, k: int = 10) -> float:
    """Mean over the rows of one over the place of the first relevant item; 0 where none is among the first k."""
    scores = []
    for hits, _ in rank_hits(y_true, y_pred, k):
        scores.append(1.0 / (1 + np.argmax(hits)) if hits.any() else 0.0)
    return float(np.mean(scores))


def recall_at_k(y_true: np.ndarray, y_pred: np.ndarray, k: int = 20) -> float:
    """Mean over the rows of the share of relevant items among the first k, of those that k places can hold."""
    scores = []
    for hits, relevant in rank_hits(y_true, y_pred, k):
        scores.append(np.sum(hits) / min(relevant, k))
    return float(np.mean(scores))


METRICS = (
    Metric(
        name="map_at_k",
        title="Mean average precision at k",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_RANKING,
        objectives=_OBJECTIVES,
        function=map_at_k,
        parameters=("k",),
        explanation="""\
Submissions are scored by **mean average precision at k** (MAP@k; k is 5 unless stated otherwise). For each row, with R
the number of relevant items:

    AP = (sum over places i up to k of precision(i) * [item i is relevant]) / min(R, k)

Only the first k items count, and a repeated item counts once. Rows without a relevant item are left out of the mean.
Higher is better; 1 is perfect. (Definition of Kaggle's MAP@k.)""",
    ),
    Metric(
        name="ndcg_at_k",
        title="Normalised discounted cumulative gain at k",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_RANKING,
        objectives=_OBJECTIVES,
        function=ndcg_at_k,
        parameters=("k",),
        explanation="""\
Submissions are scored by **normalised discounted cumulative gain at k** (NDCG@k; k is 5 unless stated otherwise). For
each row:

    DCG = sum over places i up to k of [item i is relevant] / log2(i + 1),    NDCG = DCG / (largest possible DCG)

A repeated item counts once. Rows without a relevant item are left out of the mean. Higher is better; 1 is perfect.
(Jarvelin and Kekalainen 2002, with gains of 0 and 1.)""",
    ),
    Metric(
        name="mrr",
        title="Mean reciprocal rank",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_RANKING,
        objectives=_OBJECTIVES,
        function=mrr,
        parameters=("k",),
        explanation="""\
Submissions are scored by **mean reciprocal rank** (MRR), the mean over the rows of

    1 / (place of the first relevant item)

which is 0 where none is among the first k (10 unless stated otherwise). Rows without a relevant item are left out of
the mean. Higher is better; 1 is perfect. (Voorhees 1999, TREC-8 question answering.)""",
    ),
    Metric(
        name="recall_at_k",
        title="Recall at k",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_RANKING,
        objectives=_OBJECTIVES,
        function=recall_at_k,
        parameters=("k",),
        explanation="""\
Submissions are scored by **recall at k** (k is 20 unless stated otherwise). For each row, with R the number of relevant
items:

    recall = (relevant items among the first k) / min(R, k)

A repeated item counts once. Rows without a relevant item are left out of the mean. Higher is better; 1 is perfect.
(As in Kaggle's OTTO contest, each row weighing the same.)""",
    ),
)
