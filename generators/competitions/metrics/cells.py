"""Answers that fill a cell of a table: sets, ranked lists, masks, boxes, points and intervals as text, and back.

`-` stands for none: an empty cell is a missing answer. Each `read_*` raises ValueError with what is wrong.
A mask is run-length encoded as on Kaggle: `start length start length ...` over the pixels column by column, from 1.
"""

from __future__ import annotations

import numpy as np

NONE = "-"
"""The cell of an answer that holds nothing: no label, no object, no pixel."""

LONGEST_TEXT = 100_000
"""Characters of a free text; distances of longer ones take too long."""


def read_text(cell: str) -> str:
    """The text itself. Raises ValueError where it is blank or too long."""
    if not cell.strip():
        raise ValueError("it is blank; a text must hold a character")
    if len(cell) > LONGEST_TEXT:
        raise ValueError(f"it has {len(cell)} characters; at most {LONGEST_TEXT} are read")
    return cell


def read_items(cell: str) -> list[str]:
    """The items of a cell, separated by spaces, in their order. Raises ValueError where an item is repeated."""
    if cell.strip() == "-":
        return []
    items = cell.split()
    if not items:
        raise ValueError("it is empty; write items separated by spaces, or - for none")
    if len(set(items)) < len(items):
        repeated = next(item for item in items if items.count(item) > 1)
        raise ValueError(f"{repeated!r} is in it more than once")
    return items


def read_numbers(cell: str, width: int) -> np.ndarray:
    """The numbers of a cell in rows of `width`, shape (rows, width). Raises ValueError for anything else."""
    if cell.strip() == "-":
        return np.empty((0, width))
    words = cell.split()
    if not words:
        raise ValueError("it is empty; write numbers separated by spaces, or - for none")
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError:
        raise ValueError(f"it must hold numbers separated by spaces, not {cell[:40]!r}") from None
    if not np.all(np.abs(numbers) <= 1e15):
        raise ValueError("it holds a number that is missing, infinite or beyond 1e15 in magnitude")
    if len(numbers) % width:
        raise ValueError(f"it holds {len(numbers)} numbers, which is no multiple of {width}")
    return numbers.reshape(-1, width)


def read_mask(cell: str) -> np.ndarray:
    """The runs of a mask as first pixel and the pixel after the last, from 1, shape (runs, 2), in order.

    Raises ValueError where runs overlap, are not whole numbers, or are not in ascending order.
    """
    runs = read_numbers(cell, 2)
    if np.any(runs != np.floor(runs)) or np.any(runs < 1):
        raise ValueError("starts and lengths of runs must be whole numbers from 1")
    runs = np.column_stack([runs[:, 0], runs[:, 0] + runs[:, 1]])
    if np.any(runs[1:, 0] < runs[:-1, 1]):
        raise ValueError("the runs must be in ascending order and not overlap")
    return runs.astype(np.int64)


def read_masks(cell: str) -> list[np.ndarray]:
    """The masks of a cell, separated by semicolons, each as `read_mask` gives it. Raises ValueError."""
    if cell.strip() == "-":
        return []
    masks = [read_mask(part) for part in cell.split(";")]
    if any(len(mask) == 0 for mask in masks):
        raise ValueError("a mask among several must hold a pixel; write - alone for no mask")
    return masks


def read_labelled(cell: str, width: int) -> list[tuple[str, list[float]]]:
    """The objects of a cell: a label and `width` numbers each, separated by spaces. Raises ValueError."""
    if cell.strip() == "-":
        return []
    words = cell.split()
    if not words:
        raise ValueError("it is empty; write label and numbers of each object separated by spaces, or - for none")
    if len(words) % (width + 1):
        raise ValueError(f"it holds {len(words)} words; each object takes a label and {width} numbers")
    objects = []
    for start in range(0, len(words), width + 1):
        numbers = read_numbers(" ".join(words[start + 1 : start + 1 + width]), width)
        if numbers.shape != (1, width):
            raise ValueError(f"after the label {words[start]!r} there must be {width} numbers")
        objects.append((words[start], [float(number) for number in numbers[0]]))
    return objects


def read_boxes(cell: str) -> list[tuple[str, list[float]]]:
    """The boxes of a cell: label, score, x_min, y_min, x_max, y_max each. Raises ValueError for one without an area."""
    boxes = read_labelled(cell, 5)
    for label, (_, left, top, right, bottom) in boxes:
        if not (left < right and top < bottom):
            raise ValueError(f"a box of {label!r} has no area: x_min < x_max and y_min < y_max must hold")
    return boxes


def read_points(cell: str) -> list[tuple[str, list[float]]]:
    """The points of a cell: label, x, y each. Raises ValueError."""
    return read_labelled(cell, 2)


def read_intervals(cell: str) -> np.ndarray:
    """The intervals of a cell, start and end each, shape (intervals, 2), in ascending order.

    Raises ValueError where one does not end after its start, or two overlap.
    """
    intervals = read_numbers(cell, 2)
    if np.any(intervals[:, 0] >= intervals[:, 1]):
        raise ValueError("each interval must end after it starts")
    intervals = intervals[np.argsort(intervals[:, 0])]
    if np.any(intervals[1:, 0] < intervals[:-1, 1]):
        raise ValueError("the intervals must not overlap")
    return intervals


def write_mask(mask: np.ndarray) -> str:
    """The run-length code of a mask of shape (height, width); what is not zero is in it."""
    pixels = np.concatenate([[0], (np.asarray(mask) != 0).ravel(order="F").astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(pixels)) + 1
    starts, ends = edges[::2], edges[1::2]
    return " ".join(f"{start} {end - start}" for start, end in zip(starts, ends, strict=True)) or NONE


def draw_mask(cell: str, height: int, width: int) -> np.ndarray:
    """The mask of shape (height, width), of 0 and 1, that a run-length code describes.

    Raises ValueError where the code is malformed or reaches beyond the last pixel.
    """
    runs = read_mask(cell)
    if len(runs) and runs[-1, 1] > height * width + 1:
        raise ValueError(f"the mask reaches pixel {runs[-1, 1] - 1}; there are {height * width}")
    pixels = np.zeros(height * width, dtype=np.uint8)
    for start, end in runs:
        pixels[start - 1 : end - 1] = 1
    return pixels.reshape((height, width), order="F")
