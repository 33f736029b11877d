"""What the columns of predictions of a plainly written submission hold: numbers, or labels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.competitions.guard import LARGEST_NUMBER
from generators.competitions.plain_lines import COMMA, END, Piece

_HALVED_FROM = 100_000
"""Labels from which on two threads write them out."""
_WIDTH = 8


class PlainNumbers:
    """Finite numbers of a size that the guard takes."""

    dtype: type[np.generic] = np.float64

    def read(self, piece: Piece, place: int) -> np.ndarray:
        """See `Column.read`."""
        numbers: np.ndarray = piece.texts(place).cast(pa.float64()).to_numpy()
        if not are_plain(numbers):
            raise ValueError("a number is not finite, or too large")
        return numbers


class PlainLabels:
    """Labels spelled as the classes are; read as the numbers of these."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = pa.array(classes, pa.string())
        self._large = pa.array(classes, pa.large_string())
        self._short = _ShortTexts.among(classes)
        self.dtype: type[np.generic] = np.int32 if self._short is None else np.int8

    def read(self, piece: Piece, place: int) -> np.ndarray:
        """See `Column.read`."""
        if self._short is not None:
            return self._short.find(piece, place)
        numbers = pc.index_in(piece.texts(place), value_set=self._classes)
        if numbers.null_count:
            raise ValueError("a label is none of the classes")
        codes: np.ndarray = numbers.to_numpy()
        return codes

    def texts(self, codes: np.ndarray) -> pa.ChunkedArray:
        """The classes of these numbers."""
        if len(codes) < _HALVED_FROM:
            return pa.chunked_array([self._texts(codes)])
        half = len(codes) // 2
        with ThreadPoolExecutor(1) as other:
            second = other.submit(self._texts, codes[half:])
            return pa.chunked_array([self._texts(codes[:half]), second.result()])

    def _texts(self, codes: np.ndarray) -> pa.Array:
        return self._large.take(pa.array(codes))


def are_plain(numbers: np.ndarray) -> bool:
    """Whether all are finite and of a size that the guard takes; there is one at least."""
    # not true of nan either
    return bool(numbers.max() <= LARGEST_NUMBER and numbers.min() >= -LARGEST_NUMBER)


class _ShortTexts:
    """A few texts of less than eight bytes: looked up as whole numbers, they are found in a fraction of the time."""

    _MOST = 8

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._texts = texts
        self._masks = [np.uint64((1 << (8 * (len(text) + 1))) - 1) for text in texts]

    @classmethod
    def among(cls, texts: Sequence[str]) -> _ShortTexts | None:
        """None where they are others."""
        encoded = [text.encode() for text in texts]
        return cls(encoded) if 0 < len(encoded) <= cls._MOST and max(map(len, encoded)) < _WIDTH else None

    def find(self, piece: Piece, place: int) -> np.ndarray:
        """The number of each text of a column. Raises `ValueError` unless all are among them."""
        padded = np.concatenate([piece.data, np.zeros(_WIDTH, np.uint8)])
        eights = np.ndarray((len(piece.data) + 1,), "<u8", buffer=padded, strides=(1,))
        given = eights[piece.starts(place)]
        # the byte after a text tells it from those that begin alike
        end = bytes([END if place == piece.columns - 1 else COMMA])
        codes = np.zeros(len(given), np.int8)
        for code, (text, mask) in enumerate(zip(self._texts, self._masks, strict=True), 1):
            word = np.uint64(int.from_bytes(text + end, "little"))
            codes += ((given & mask) == word).view(np.int8) * np.int8(code)
        codes -= 1
        if codes.min() < 0:
            raise ValueError("a label is none of the classes")
        return codes
