"""Labels of a submission whose ids stand in the order of the answers, found without making a table of it first.

Two threads take pieces of whole lines, one from the head and one from the end, until they meet: neither has to know how
many rows the other has seen. A piece is small enough that what is made of it stays in the cache.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_PIECE_BYTES = 1 << 20
_THREADS_FROM = 4 << 20
"""Bytes from which on two threads read."""
_GLANCE_BYTES = 1 << 12
_COMMA, _END = ord(","), ord("\n")
_WIDTH = 8
_HALVED_FROM = 100_000
"""Labels from which on two threads write them out."""


class PlainLabels:
    """Finds the labels of submissions to one competition.

    `ids`: each id column of the answers, `classes`: all labels. None of these texts may hold a comma, a quote or the
    end of a line.
    """

    def __init__(self, ids: Sequence[pa.Array], classes: Sequence[str]) -> None:
        self._ids = ids
        self._rows = len(ids[0])
        self._classes = pa.array(classes, pa.string())
        self._large = self._classes.cast(pa.large_string())
        self._short = _ShortTexts.among(classes)

    def codes(self, data: bytes | memoryview, start: int, places: Sequence[int]) -> np.ndarray | None:
        """For each row the number of its class; None where a line is written in any other way.

        `data` are lines from the byte `start` on. `places`: where the id columns stand among the columns, then where
        the labels do.
        """
        lines = np.frombuffer(data, np.uint8)[start:]
        if not len(lines) or lines[-1] != _END:
            return None
        codes = np.zeros(self._rows, np.int32 if self._short is None else np.int8)
        pieces = deque(_pieces(lines))
        found = _Pieces(self, lines, places, codes)
        if len(lines) < _THREADS_FROM:
            met = found.from_head(pieces) == self._rows
        else:
            with ThreadPoolExecutor(1) as other:
                end = other.submit(found.from_end, pieces)
                head = found.from_head(pieces)
                met = head is not None and head == end.result()
        return codes if met else None

    def texts(self, codes: np.ndarray) -> pa.ChunkedArray:
        """The classes that `codes` stand for."""
        if len(codes) < _HALVED_FROM:
            return pa.chunked_array([self._texts(codes)])
        half = len(codes) // 2
        with ThreadPoolExecutor(1) as other:
            second = other.submit(self._texts, codes[half:])
            return pa.chunked_array([self._texts(codes[:half]), second.result()])

    def _texts(self, codes: np.ndarray) -> pa.Array:
        return self._large.take(pa.array(codes))

    def read(self, piece: np.ndarray, places: Sequence[int], codes: np.ndarray, row: int, *, upwards: bool) -> int:
        """Put the codes of a piece's lines where they belong; gives how many lines it has, 0 where one of them is
        written otherwise. They begin at `row`, or end there where `upwards` is set."""
        columns = len(places)
        marks = piece == _END
        count = int(np.count_nonzero(marks))
        marks |= piece == _COMMA
        ends = np.flatnonzero(marks)
        if len(ends) != count * columns or not (piece[ends[columns - 1 :: columns]] == _END).all():
            return 0
        first = row - count if upwards else row
        if first < 0 or first + count > self._rows:
            return 0
        offsets = np.zeros(2 * len(ends) + 1, np.int32)
        offsets[1::2] = ends
        ends += 1
        offsets[2::2] = ends
        # every second text is a comma or the end of a line
        texts = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(piece))
        for place, ids in zip(places, self._ids, strict=False):
            if not texts.take(_every(place, columns, count)).equals(ids[first : first + count]):
                return 0
        place = places[-1]
        if self._short is not None:
            starts = ends[place - 1 :: columns] if place else np.concatenate([[0], ends[columns - 1 : -1 : columns]])
            found = self._short.find(piece, starts[:count], _END if place == columns - 1 else _COMMA)
        else:
            numbers = pc.index_in(texts.take(_every(place, columns, count)), value_set=self._classes)
            found = None if numbers.null_count else numbers.to_numpy()
        if found is None:
            return 0
        codes[first : first + count] = found
        return count


class _Pieces:
    """The lines of one submission and the codes found for them."""

    def __init__(self, reader: PlainLabels, lines: np.ndarray, places: Sequence[int], codes: np.ndarray) -> None:
        self._reader = reader
        self._lines = lines
        self._places = places
        self._codes = codes

    def from_head(self, pieces: deque[tuple[int, int]]) -> int | None:
        """Read pieces from the first on; gives the row after the last one read, None where one cannot be read."""
        row = 0
        while pieces:
            try:
                start, end = pieces.popleft()
            except IndexError:  # the other thread was quicker
                break
            count = self._read(start, end, row, upwards=False)
            if not count:
                pieces.clear()
                return None
            row += count
        return row

    def from_end(self, pieces: deque[tuple[int, int]]) -> int | None:
        """Read pieces from the last on; gives the first row read, None where one cannot be read."""
        row = len(self._codes)
        while pieces:
            try:
                start, end = pieces.pop()
            except IndexError:  # the other thread was quicker
                break
            count = self._read(start, end, row, upwards=True)
            if not count:
                pieces.clear()
                return None
            row -= count
        return row

    def _read(self, start: int, end: int, row: int, *, upwards: bool) -> int:
        return self._reader.read(self._lines[start:end], self._places, self._codes, row, upwards=upwards)


def _pieces(lines: np.ndarray) -> list[tuple[int, int]]:
    """Where pieces of whole lines begin and end. A line much longer than others may make two of them one."""
    cuts = [0]
    for place in range(_PIECE_BYTES, len(lines), _PIECE_BYTES):
        glance = np.flatnonzero(lines[place : place + _GLANCE_BYTES] == _END)
        if len(glance):
            cuts.append(place + int(glance[0]) + 1)
    if cuts[-1] != len(lines):
        cuts.append(len(lines))
    return list(pairwise(cuts))


def _every(place: int, columns: int, count: int) -> pa.Array:
    """The numbers of the texts of one column."""
    return pa.array(np.arange(2 * place, 2 * columns * count, 2 * columns, dtype=np.int32))


class _ShortTexts:
    """A few texts of less than eight bytes: looked up as whole numbers, they are found in a fraction of the time."""

    _MOST = 8

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._masks = [np.uint64((1 << (8 * (len(text) + 1))) - 1) for text in texts]
        self._texts = texts

    @classmethod
    def among(cls, texts: Sequence[str]) -> _ShortTexts | None:
        """None where they are others."""
        encoded = [text.encode() for text in texts]
        return cls(encoded) if 0 < len(encoded) <= cls._MOST and max(map(len, encoded)) < _WIDTH else None

    def find(self, data: np.ndarray, starts: np.ndarray, end: int) -> np.ndarray | None:
        """The number of each text, which the byte `end` follows; None unless all are among them."""
        padded = np.concatenate([data, np.zeros(_WIDTH, np.uint8)])
        eights = np.ndarray((len(data) + 1,), "<u8", buffer=padded, strides=(1,))
        given = eights[starts]
        codes = np.zeros(len(given), np.int8)
        for code, (text, mask) in enumerate(zip(self._texts, self._masks, strict=True), 1):
            # the byte after a text tells it from those that begin alike
            word = np.uint64(int.from_bytes(text + bytes([end]), "little"))
            codes += ((given & mask) == word).view(np.int8) * np.int8(code)
        codes -= 1
        return None if codes.min() < 0 else codes
