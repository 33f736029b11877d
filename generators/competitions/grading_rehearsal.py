"""What a grading process does while it waits, so that it has the memory and the libraries that a grading needs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from generators.competitions.card import Card
from generators.competitions.guard import align
from generators.competitions.plain_csv import PlainReader
from generators.competitions.scoring import perfect_submission, score
from generators.competitions.submission_file import parse_submission

_FEW_ROWS = 1000
_MANY_ROWS = 50_000
_MOST_BYTES = 32 << 20
_PINNED_EVERY = 4096
"""How many texts there are from one pin to the next: each MiB of Python's memory for small objects holds more."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Submissions to rehearse with; see `of`."""

    answers: pd.DataFrame
    """Some of the answers."""
    reader: PlainReader
    """Theirs."""
    submission: bytes
    """One that fits them."""
    whole: bytes | None
    """A submission with all rows, where there are so many that finding memory takes a good part of a grading."""

    @classmethod
    def of(cls, answers: pd.DataFrame, card: Card, reader: PlainReader) -> Self:
        """What suits a competition: its `answers` and their `reader`.

        With 50,000 rows or more, and at most 32 MiB of them, the process that waits grades a whole submission, which
        takes as long as a grading and spares the next one up to half of its time. It costs memory while the process
        waits: for a million rows about 100 MB there and up to 65 MB in the one it is forked from, which keeps the
        submission. A grading itself needs no more than without.
        """
        some = answers.iloc[:_FEW_ROWS]
        submission = perfect_submission(some, card).to_csv(index=False).encode()
        return cls(some, PlainReader(some, card), submission, _whole(answers, card, reader))

    def few(self, card: Card) -> None:
        """Read a submission and score it with the library's metric, where it has the one that the card names.

        May raise anything: answers of few rows may be none that a metric is defined for.
        """
        read = self.reader.read(self.submission)
        aligned = read.frame if read is not None else align(parse_submission(self.submission), self.answers, card)
        every_other = np.arange(len(self.answers)) % 2 == 0
        score(self.answers[every_other].reset_index(drop=True).copy(), aligned[every_other].copy(), card)


class RehearsedMetric:
    """Stands in for `metric.py`, which is foreign and runs in a grading alone; touches the memory that most need."""

    higher_is_better = True

    def __init__(self) -> None:
        self.pins: list[np.ndarray] = []
        """Texts here and there among many: as long as they live, Python gives none of that memory back."""

    def validate_submission(self, _submission: pd.DataFrame, _ground_truth: pd.DataFrame) -> str:
        """Find nothing wrong."""
        return ""

    def evaluate(self, _true: pd.DataFrame, predicted: pd.DataFrame) -> float:
        """Look at each column as an array, as most metrics do."""
        self.pins += [predicted[name].to_numpy()[::_PINNED_EVERY].copy() for name in predicted.columns]
        return 0.0


def _whole(answers: pd.DataFrame, card: Card, reader: PlainReader) -> bytes | None:
    if len(answers) < _MANY_ROWS:
        return None
    data = None
    with contextlib.suppress(Exception):  # whatever cannot be written plainly: nothing hangs on a rehearsal
        data = reader.written(perfect_submission(answers, card))
    return data if data is not None and len(data) <= _MOST_BYTES else None
