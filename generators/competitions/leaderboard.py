"""The leaderboard of a competition: reference solutions with their scores, and what a score is worth on a board."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from generators.errors import CompetitionError

COLUMNS = ("name", "kind", "public_score", "private_score", "score", "seconds")


class ReferenceSolution(Protocol):
    """Anything with the columns of a leaderboard as attributes."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the columns are described at `LeaderboardRow`
    @property
    def kind(self) -> str: ...  # noqa: D102 - as above
    @property
    def public_score(self) -> float: ...  # noqa: D102 - as above
    @property
    def private_score(self) -> float: ...  # noqa: D102 - as above
    @property
    def score(self) -> float: ...  # noqa: D102 - as above
    @property
    def seconds(self) -> float: ...  # noqa: D102 - as above


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """One reference solution; scores in the metric's unit."""

    name: str
    kind: str
    """`trivial` (never looks at an input) or `scripted`."""
    public_score: float
    private_score: float
    score: float
    """On the whole test part."""
    seconds: float


def write_leaderboard(path: Path, solutions: Iterable[ReferenceSolution], *, higher_is_better: bool) -> None:
    """Write solutions as CSV, best score first (ties by name), whole or not at all. Floats survive the round trip."""
    sign = -1.0 if higher_is_better else 1.0
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for solution in sorted(solutions, key=lambda row: (sign * row.score, row.name)):
        writer.writerow(
            [solution.name, solution.kind] + [repr(float(getattr(solution, column))) for column in COLUMNS[2:]]
        )
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(stream.getvalue().encode())
    os.replace(temporary, path)  # noqa: PTH105 - atomic, and the path stays a plain name


def read_leaderboard(path: Path) -> tuple[LeaderboardRow, ...]:
    """The rows of a leaderboard as written. Raises `CompetitionError` naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CompetitionError(f"{path}: cannot be read: {error}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise CompetitionError(f"{path}: the columns must be {', '.join(COLUMNS)}")
    rows = []
    for record in reader:
        try:
            scores = [float(record[column]) for column in COLUMNS[2:]]
        except (TypeError, ValueError):
            raise CompetitionError(f"{path}: line {reader.line_num} holds something that is no number") from None
        if not all(map(math.isfinite, scores)):
            raise CompetitionError(f"{path}: line {reader.line_num} holds a score that is not finite")
        rows.append(LeaderboardRow(record["name"], record["kind"], *scores))
    return tuple(rows)


def position(score: float, scores: Iterable[float], *, higher_is_better: bool) -> int:
    """The first place on a board that `score` ties or beats, counted from 1; below everyone one beyond the last."""
    if higher_is_better:
        return 1 + sum(other > score for other in scores)
    return 1 + sum(other < score for other in scores)


def human_rank(score: float, scores: Sequence[float], *, higher_is_better: bool) -> float:
    """Share of a board that a score ties or beats, `(N - p + 1) / N`: 1 for the first place, 0 below everyone.

    p is `position`, N the length of the board; the formula is that of MLE-Dojo's position score. Raises `ValueError`
    for an empty board or a score that is not finite.
    """
    if not scores or not math.isfinite(score):
        raise ValueError(f"a rank needs a finite score and a board with scores, got {score!r} and {len(scores)} scores")
    return (len(scores) - position(score, scores, higher_is_better=higher_is_better) + 1) / len(scores)


class Medals(NamedTuple):
    """Gold, silver, bronze: the last places that earn each, or the scores at these places."""

    gold: float
    silver: float
    bronze: float


def medal_places(entries: int) -> Medals:
    """The last place that earns each medal among `entries`, by Kaggle's progression rules as mle-bench codes them.

    Raises `ValueError` for a board without entries.
    """
    if entries < 1:
        raise ValueError("a board without entries gives no medals")
    if entries < 100:
        return Medals(max(1, entries // 10), max(1, entries * 2 // 10), max(1, entries * 4 // 10))
    if entries < 250:
        return Medals(10, entries * 2 // 10, entries * 4 // 10)
    if entries < 1000:
        return Medals(10 + entries * 2 // 1000, 50, 100)
    return Medals(10 + entries * 2 // 1000, entries * 5 // 100, entries // 10)


def medal_thresholds(scores: Sequence[float], *, higher_is_better: bool) -> Medals:
    """The scores that earn gold, silver and bronze on a board, in any order given; a tie with one earns it."""
    ranked = sorted(scores, reverse=higher_is_better)
    return Medals(*(ranked[int(place) - 1] for place in medal_places(len(ranked))))


def medal(score: float, scores: Sequence[float], *, higher_is_better: bool) -> str:
    """`gold`, `silver`, `bronze` or the empty text: the highest medal that `score` earns on a board."""
    sign = 1.0 if higher_is_better else -1.0
    for name, threshold in medal_thresholds(scores, higher_is_better=higher_is_better)._asdict().items():
        if sign * score >= sign * threshold:
            return name
    return ""
