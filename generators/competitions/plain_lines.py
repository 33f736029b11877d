"""Lines of a submission whose ids stand in the order of the answers, read without making a table of them first.

Two threads take pieces of whole lines, one from the head and one from the end, until they meet: neither has to know how
many rows the other has seen. A piece is small enough that what is made of it stays in the cache.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa

_PIECE_BYTES = 1 << 20
_THREADS_FROM = 4 << 20
"""Bytes from which on two threads read."""
_GLANCE_BYTES = 1 << 12
COMMA, END = ord(","), ord("\n")


class Piece:
    """Whole lines, each of the same number of texts with commas between them."""

    def __init__(self, data: np.ndarray, columns: int) -> None:
        """Raises `ValueError` where a line has more or fewer commas."""
        self.data = data
        self.columns = columns
        marks = data == END
        self.count = int(np.count_nonzero(marks))
        """Its lines."""
        marks |= data == COMMA
        ends = np.flatnonzero(marks)
        if len(ends) != self.count * columns or not (data[ends[columns - 1 :: columns]] == END).all():
            raise ValueError("a line has another number of columns")
        offsets = np.zeros(2 * len(ends) + 1, np.int32)
        offsets[1::2] = ends
        ends += 1
        offsets[2::2] = ends
        self._after = ends
        # every second text is a comma or the end of a line
        self._texts = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))

    def texts(self, place: int) -> pa.Array:
        """The texts of one column."""
        step = 2 * self.columns
        return self._texts.take(pa.array(np.arange(2 * place, step * self.count, step, dtype=np.int32)))

    def starts(self, place: int) -> np.ndarray:
        """Where in the data they begin."""
        if place:
            return self._after[place - 1 :: self.columns]
        return np.concatenate([np.zeros(1, self._after.dtype), self._after[self.columns - 1 : -1 : self.columns]])


class Column(Protocol):
    """How the texts of one kind of column are read."""

    @property
    def dtype(self) -> type[np.generic]:
        """The type of what it reads."""

    def read(self, piece: Piece, place: int) -> np.ndarray:
        """What they stand for. Raises `ValueError` where one of them is not as plain as it must be."""


class PlainLines:
    """Reads submissions to one competition; `ids`: each id column of the answers, without a comma, a quote or the end
    of a line in any of their texts."""

    def __init__(self, ids: Sequence[pa.Array], column: Column) -> None:
        """`column`: what each column of predictions holds."""
        self._ids = ids
        self._column = column
        self._rows = len(ids[0])

    def read(self, data: bytes | memoryview, start: int, places: Sequence[int]) -> list[np.ndarray] | None:
        """For each column of predictions what its texts stand for, by row; None where a line is written otherwise.

        `data` are lines from the byte `start` on. `places`: where the id columns stand, then where those of predictions
        do.
        """
        lines = np.frombuffer(data, np.uint8)[start:]
        if not len(lines) or lines[-1] != END:
            return None
        found = [np.empty(self._rows, self._column.dtype) for _ in places[len(self._ids) :]]
        reading = _Reading(self._ids, self._column, places, found, lines)
        try:
            if len(lines) < _THREADS_FROM:
                met = reading.from_head() == self._rows
            else:
                with ThreadPoolExecutor(1) as other:
                    end = other.submit(reading.from_end)
                    met = reading.from_head() == end.result()
        except ValueError:
            return None
        return found if met else None


class _Reading:
    """One submission being read, from both ends."""

    def __init__(
        self,
        ids: Sequence[pa.Array],
        column: Column,
        places: Sequence[int],
        found: Sequence[np.ndarray],
        lines: np.ndarray,
    ) -> None:
        self._ids = ids
        self._column = column
        self._places = places
        self._found = found
        self._lines = lines
        self._left = deque(pairwise(_cuts(lines)))

    def from_head(self) -> int:
        """Read pieces from the first on; gives the row after the last one read. Raises `ValueError` for what cannot be
        read."""
        row = 0
        with self._both_ending():
            for piece in self._pieces(self._left.popleft):
                self._put(piece, row)
                row += piece.count
        return row

    def from_end(self) -> int:
        """Read pieces from the last on; gives the first row read. Raises `ValueError` for what cannot be read."""
        row = len(self._ids[0])
        with self._both_ending():
            for piece in self._pieces(self._left.pop):
                row -= piece.count
                self._put(piece, row)
        return row

    @contextmanager
    def _both_ending(self) -> Iterator[None]:
        """What ends the reading of one thread leaves nothing for the other to go on with."""
        try:
            yield
        except BaseException:
            self._left.clear()
            raise

    def _pieces(self, take: _Take) -> Iterator[Piece]:
        while True:
            try:
                start, end = take()
            except IndexError:
                return
            yield Piece(self._lines[start:end], len(self._places))

    def _put(self, piece: Piece, first: int) -> None:
        """Put what the lines of a piece say where it belongs: they begin at the row `first`."""
        rows = slice(first, first + piece.count)
        if first < 0 or not all(
            piece.texts(place).equals(ids[rows]) for place, ids in zip(self._places, self._ids, strict=False)
        ):
            raise ValueError("the ids are others")
        for place, found in zip(self._places[len(self._ids) :], self._found, strict=True):
            found[rows] = self._column.read(piece, place)


class _Take(Protocol):
    def __call__(self) -> tuple[int, int]:
        """The next piece, `IndexError` where there is none."""


def _cuts(lines: np.ndarray) -> list[int]:
    """Where pieces of whole lines begin and the last one ends. Lines much longer than others make longer pieces."""
    cuts = [0]
    for place in range(_PIECE_BYTES, len(lines), _PIECE_BYTES):
        glance = np.flatnonzero(lines[place : place + _GLANCE_BYTES] == END)
        if len(glance):
            cuts.append(place + int(glance[0]) + 1)
    return cuts if cuts[-1] == len(lines) else [*cuts, len(lines)]
