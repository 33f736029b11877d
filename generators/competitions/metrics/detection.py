"""Metrics on objects that are found: boxes and points in pictures, intervals in series."""

from __future__ import annotations

from typing import Any

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.cells import read_boxes, read_intervals, read_points
from generators.competitions.metrics.metric import Metric

_BOXES = (SubmissionForm.BOXES,)
_DETECTION = (Objective.DETECTION,)


def coco_precision(y_true: np.ndarray, y_pred: np.ndarray, thresholds: np.ndarray) -> float:
    """Mean over labels and IoU thresholds of COCO's interpolated average precision, boxes of any size.

    Of each row and label the 100 boxes with the highest scores count, or as many as are true where those are more. A
    label that no true box has is left out. Raises ValueError where there is no true box at all.
    """
    import contextlib
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    # rows and boxes in an order of their own, so that scores that are tied are treated alike in any order given
    cells = zip(y_true, y_pred, strict=True)
    rows = sorted((sorted(read_boxes(true)), sorted(read_boxes(found))) for true, found in cells)
    labels = {label: place for place, label in enumerate(sorted({box[0] for true, _ in rows for box in true}), 1)}
    if not labels:
        raise ValueError("average precision is not defined: there is no true box")
    truth: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image, (true_boxes, found_boxes) in enumerate(rows, 1):
        for boxes, side in ((true_boxes, truth), (found_boxes, found)):
            for label, (score, left, top, right, bottom) in boxes:
                if label in labels:
                    width, height = right - left, bottom - top
                    # ids count from 1: the library takes a match with id 0 for none
                    annotation: dict[str, Any] = {"id": len(side) + 1, "image_id": image, "category_id": labels[label]}
                    annotation |= {"bbox": [left, top, width, height], "area": width * height}
                    side.append(annotation | {"iscrowd": 0, "score": score})
    most = max(100, *np.unique([(box["image_id"], box["category_id"]) for box in truth], axis=0, return_counts=True)[1])
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for annotated in (truth, found):
            side = COCO()
            side.dataset = {
                "images": [{"id": image} for image in range(1, len(rows) + 1)],
                "categories": [{"id": place} for place in labels.values()],
                "annotations": annotated,
            }
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, "bbox")
        evaluation.params.iouThrs = thresholds
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, float("inf")]], ["all"]
        evaluation.params.maxDets = [int(most)]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    return float(np.mean(precision[precision > -1]))


def map_50(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """COCO's mean average precision at an IoU of 0.5. Raises ValueError where there is no true box."""
    return coco_precision(y_true, y_pred, np.array([0.5]))


def map_50_95(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """COCO's mean average precision over IoUs of 0.5, 0.55, ..., 0.95. Raises ValueError where there is no true box."""
    return coco_precision(y_true, y_pred, np.linspace(0.5, 0.95, 10))


def most_pairs(allowed: np.ndarray) -> int:
    """The largest number of pairs of a row and a column of a matrix of booleans, none in two pairs."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    return int(np.sum(maximum_bipartite_matching(csr_array(allowed), perm_type="column") >= 0)) if allowed.size else 0


def point_in_box_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """F1 over all rows of points that lie in a true box with their label, each box and point in one pair at most.

    1 where there is neither a box nor a point.
    """
    hits = boxes_and_points = 0
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        boxes, points = read_boxes(true_cell), read_points(predicted_cell)
        inside = np.zeros((len(boxes), len(points)), dtype=bool)
        for row, (box_label, (_, left, top, right, bottom)) in enumerate(boxes):
            for column, (label, (x, y)) in enumerate(points):
                inside[row, column] = label == box_label and left <= x <= right and top <= y <= bottom
        hits += most_pairs(inside)
        boxes_and_points += len(boxes) + len(points)
    return 2 * hits / boxes_and_points if boxes_and_points else 1.0


def window_f1(y_true: np.ndarray, y_pred: np.ndarray, iou: float = 0.5) -> float:
    """F1 over all rows of predicted windows whose IoU with a true one is `iou` at least, none in two pairs.

    1 where there is neither a true nor a predicted window.
    """
    hits = windows = 0
    for true_cell, predicted_cell in zip(y_true, y_pred, strict=True):
        true, predicted = read_intervals(true_cell), read_intervals(predicted_cell)
        start = np.maximum(true[:, None, 0], predicted[None, :, 0])
        end = np.minimum(true[:, None, 1], predicted[None, :, 1])
        common = np.maximum(end - start, 0.0)
        whole = np.diff(true) + np.diff(predicted).T - common
        hits += most_pairs(common >= iou * whole)
        windows += len(true) + len(predicted)
    return 2 * hits / windows if windows else 1.0


METRICS = (
    Metric(
        name="map_50",
        title="Mean average precision at IoU 0.5",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_BOXES,
        objectives=_DETECTION,
        function=map_50,
        explanation="""\
Submissions are scored by **mean average precision at an intersection over union of 0.5** (mAP@0.5). For each label the
boxes of all rows are taken by falling score; one is right where it overlaps a true box that is not taken yet with an
IoU of 0.5 or more:

    AP = mean over recalls 0, 0.01, ..., 1 of the highest precision at that recall or beyond

The score is the mean over labels. Of each row and label the 100 boxes with the highest scores count. Labels that no
true box has are left out. Higher is better; 1 is perfect. (Lin et al. 2014, COCO; computed by pycocotools.)""",
    ),
    Metric(
        name="map_50_95",
        title="Mean average precision at IoU 0.5 to 0.95",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_BOXES,
        objectives=_DETECTION,
        function=map_50_95,
        explanation="""\
Submissions are scored by **mean average precision over intersections over union from 0.5 to 0.95** (mAP@[.5:.95]). For
each label and each IoU threshold 0.5, 0.55, ..., 0.95 the boxes of all rows are taken by falling score; one is right
where its IoU with a true box that is not taken yet reaches the threshold:

    AP = mean over recalls 0, 0.01, ..., 1 of the highest precision at that recall or beyond

The score is the mean over labels and thresholds. Of each row and label the 100 boxes with the highest scores count.
Labels that no true box has are left out. Higher is better; 1 is perfect. (Lin et al. 2014, COCO; computed by
pycocotools.)""",
    ),
    Metric(
        name="point_in_box_f1",
        title="F1 score of points in boxes",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=(SubmissionForm.POINTS,),
        objectives=_DETECTION,
        function=point_in_box_f1,
        explanation="""\
Submissions are scored by the **F1 score of points in boxes**. A point is right where it lies in a true box with its
label; a box takes one point, and points and boxes are paired so that as many as possible are right:

    F1 = 2 * (right points) / (number of points + number of true boxes)

over all rows together. 1 where there is neither. Higher is better; 1 is perfect. (As in Kaggle's Kuzushiji contest.)\
""",
    ),
    Metric(
        name="window_f1",
        title="F1 score of windows",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=(SubmissionForm.INTERVALS,),
        objectives=(Objective.ANOMALY,),
        function=window_f1,
        parameters=("iou",),
        explanation="""\
Submissions are scored by the **F1 score of windows**. A predicted window is right where its intersection over union
with a true one is 0.5 or more (unless stated otherwise); each window is in one pair at most:

    F1 = 2 * (right windows) / (predicted windows + true windows)

over all rows together. One window over everything finds nothing this way. 1 where there is no window at all. Higher is
better; 1 is perfect. (F1@IoU of Lea et al. 2017 for one label.)""",
    ),
)
