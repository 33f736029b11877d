"""Metrics on sets of labels: a cell holds the labels separated by spaces, in any order, or - for none."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.cells import read_items
from generators.competitions.metrics.metric import Metric

_LABEL_SET = (SubmissionForm.LABEL_SET,)
_MULTILABEL = (Objective.MULTILABEL,)


def samples_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the F1 of true and predicted set; 1 where both are empty, 0 where only one is."""
    scores = []
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        true, predicted = set(read_items(true_cell)), set(read_items(predicted_cell))
        scores.append(2 * len(true & predicted) / (len(true) + len(predicted)) if true or predicted else 1.0)
    return float(np.mean(scores))


def jaccard(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the size of the common part over that of the union of both sets; 1 where both are empty."""
    scores = []
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        true, predicted = set(read_items(true_cell)), set(read_items(predicted_cell))
        scores.append(len(true & predicted) / len(true | predicted) if true or predicted else 1.0)
    return float(np.mean(scores))


def count_labels(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Rows where each label is found, is missed, is wrong: shape (labels, 3), over the labels of both sides."""
    counts: dict[str, list[int]] = {}
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        true, predicted = set(read_items(true_cell)), set(read_items(predicted_cell))
        for label in true | predicted:
            place = 0 if label in true and label in predicted else 1 if label in true else 2
            counts.setdefault(label, [0, 0, 0])[place] += 1
    return np.array([counts[label] for label in sorted(counts)], dtype=float).reshape(-1, 3)


def label_set_micro_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """F1 of the counts summed over all labels; 1 where no row has or gets any label."""
    found, missed, wrong = count_labels(y_true, y_pred).sum(axis=0)
    whole = 2 * found + missed + wrong
    return float(2 * found / whole) if whole else 1.0


def label_set_macro_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Unweighted mean of the F1 of every label that some row has or gets; 1 where there is none."""
    counts = count_labels(y_true, y_pred)
    if not len(counts):
        return 1.0
    return float(np.mean(2 * counts[:, 0] / (2 * counts[:, 0] + counts[:, 1] + counts[:, 2])))


METRICS = (
    Metric(
        name="samples_f1",
        title="Mean F1 score of the rows",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_SET,
        objectives=_MULTILABEL,
        function=samples_f1,
        explanation="""\
Submissions are scored by the **mean F1 score of the rows**. For each row, with T the true and P the predicted labels:

    F1 = 2 |T and P| / (|T| + |P|)

A row without a true label scores 1 where none is predicted, else 0. Higher is better; 1 is perfect. (Definition of
scikit-learn's `f1_score(average="samples", zero_division=1)`.)""",
    ),
    Metric(
        name="jaccard",
        title="Mean Jaccard index",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_SET,
        objectives=_MULTILABEL,
        function=jaccard,
        explanation="""\
Submissions are scored by the **mean Jaccard index**. For each row, with T the true and P the predicted labels:

    J = |T and P| / |T or P|

A row without a true label scores 1 where none is predicted, else 0. Higher is better; 1 is perfect. (Jaccard 1901;
scikit-learn's `jaccard_score(average="samples")`.)""",
    ),
    Metric(
        name="label_set_micro_f1",
        title="Micro F1 score of label sets",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_SET,
        objectives=_MULTILABEL,
        function=label_set_micro_f1,
        explanation="""\
Submissions are scored by the **micro F1 score**. Over all rows and labels together:

    F1 = 2 TP / (2 TP + FP + FN)

TP counts labels that are true and predicted, FP those only predicted, FN those only true. Frequent labels weigh most.
Higher is better; 1 is perfect. (Definition of scikit-learn's `f1_score(average="micro")` on several labels.)""",
    ),
    Metric(
        name="label_set_macro_f1",
        title="Macro F1 score of label sets",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_LABEL_SET,
        objectives=_MULTILABEL,
        function=label_set_macro_f1,
        explanation="""\
Submissions are scored by the **macro F1 score**, the unweighted mean of the F1 scores of the labels:

    F1 of label k = 2 TP_k / (2 TP_k + FP_k + FN_k),    score = mean over labels k

The mean runs over all labels that some row truly has or is predicted to have. Higher is better; 1 is perfect.
(Definition of scikit-learn's `f1_score(average="macro")` on several labels.)""",
    ),
)
