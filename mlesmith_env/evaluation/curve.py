"""The score curve of an episode as positions in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 32


@dataclass(frozen=True, slots=True)
class Dot:
    """One submission: where it is drawn, and what it was."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled height: a grid line, the floor, the reference."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Everything that is drawn, in pixels of a picture of `WIDTH` by `HEIGHT`."""

    dots: tuple[Dot, ...]
    best: str
    """Points of the best-so-far line, as SVG writes them."""
    grid: tuple[Line, ...]
    anchors: tuple[Line, ...]
    steps: tuple[tuple[float, str], ...]
    """Position and label of the marks below."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def draw(
    scores: Sequence[tuple[int, float]], *, last_step: int, higher_is_better: bool, anchors: Sequence[tuple[str, float]]
) -> Curve | None:
    """The curve of `(step, score)` pairs, scores in the metric's unit; None where there is none.

    `anchors` are named scores to draw as lines; one far beyond the scores is left out rather than flattening them.
    """
    if not scores:
        return None
    values = [score for _, score in scores]
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    shown = [(name, value) for name, value in anchors if low - 2 * span <= value <= high + 2 * span]
    low, high = min([low, *(value for _, value in shown)]), max([high, *(value for _, value in shown)])
    margin = 0.08 * ((high - low) or abs(high) or 1.0)
    low, high = low - margin, high + margin
    steps = max(last_step, 1)

    def x(step: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * step / steps, 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low), 1)

    path: list[str] = []
    best = scores[0][1]
    for step, score in scores:
        if path:
            path.append(f"{x(step)},{y(best)}")
        best = max(best, score) if higher_is_better else min(best, score)
        path.append(f"{x(step)},{y(best)}")
    path.append(f"{x(steps)},{y(best)}")
    marks = range(0, steps + 1, max(1, math.ceil(steps / 12)))
    return Curve(
        dots=tuple(Dot(x(step), y(score), f"step {step}: {score:.6g}") for step, score in scores),
        best=" ".join(path),
        grid=tuple(Line(y(value), f"{value:.4g}") for value in _round_values(low, high)),
        anchors=tuple(Line(y(value), f"{name} {value:.4g}") for name, value in shown),
        steps=tuple((x(step), str(step)) for step in marks),
    )


def _round_values(low: float, high: float) -> list[float]:
    """About four round numbers between two."""
    raw = (high - low) / 4
    scale = 10.0 ** math.floor(math.log10(raw))
    width = next(scale * factor for factor in (1, 2, 2.5, 5, 10) if scale * factor >= raw)
    first = math.ceil(low / width)
    return [place * width for place in range(first, math.floor(high / width) + 1)]
