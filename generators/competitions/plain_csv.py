"""A quick reader for submissions that are written plainly, as nearly all are.

It has an answer only where `guard` would give the same: one record a line, nothing quoted, every id as the answers
spell it, finite numbers, labels that the card knows. All else it leaves to `guard`, which decides and words the reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.forms import NUMBER_FORMS
from generators.competitions.guard import check_range
from generators.competitions.labels import Spellings
from generators.competitions.plain_columns import PlainLabels, PlainNumbers, are_plain
from generators.competitions.plain_lines import PlainLines

_HEADER_BYTES = 1 << 16
_THREADS_FROM = 4 << 20
"""Bytes from which on columns are read at the same time."""
_MOST_THREADS = 4
_BLOCK_BYTES = 1 << 21
"""Bytes that a thread reads at a time, at most."""
_GLANCE_BYTES = 1 << 18
"""Bytes that are copied at a time to be searched: few enough to stay in a cache."""
_MOST_LABELS = 1000
"""Different spellings of labels that are looked up."""
COPIES_ON_WRITE = int(pd.__version__.split(".", maxsplit=1)[0]) >= 3
"""Whether a shallow copy of a frame is a copy to whoever changes it: from pandas 3 on."""
_SEPARATOR = "\x1f"
# what `guard` reads in a way of its own; a text without them means the same to both readers
_AMBIGUOUS = re.compile('["\r\n\0\x1f]')
_INTEGER = "^(0|-?[1-9][0-9]{0,14})$"


class Aligned:
    """A submission in the order of the answers."""

    def __init__(self, frame: pd.DataFrame, pick: Callable[[str, np.ndarray], Any] | None = None) -> None:
        """`frame`: ids and predictions as `guard.align` gives them. `pick`: a quicker way to some rows of a column."""
        self.frame = frame
        self._pick = pick

    def pick(self, column: str, rows: np.ndarray) -> Any:
        """The predictions of some rows, by their numbers."""
        return self.frame[column].array.take(rows) if self._pick is None else self._pick(column, rows)


class PlainReader:
    """Reads submissions to one competition; `answers` as `Competition.answers` gives them."""

    def __init__(self, answers: pd.DataFrame, card: Card) -> None:
        self._card = card
        self._names = [*card.ids, *card.prediction_columns]
        self._keys = answers.loc[:, list(card.ids)].reset_index(drop=True)
        self._spellings = Spellings(card.classes)
        self._classes = pa.array(card.classes, pa.large_string())
        self._text_type: Any = pd.Series(np.array(["text"], dtype=object)).dtype
        texts = [self._keys[name].tolist() for name in card.ids]
        self._ids = [pa.array(column, pa.string()) for column in texts]
        self._joined = _join(self._ids)
        self._integers = _Integers.among(self._ids)
        self._usable = (
            len(set(self._names)) == len(self._names)
            and (card.form in NUMBER_FORMS or card.form is SubmissionForm.LABEL)
            and (bool(card.classes) or card.form is not SubmissionForm.LABEL)
            and not any(_AMBIGUOUS.search(" ".join(some)) for some in (self._names, card.classes, *texts))
        )
        self._labels = PlainLabels(card.classes) if self._usable and card.form is SubmissionForm.LABEL else None
        self._lines = PlainLines(self._ids, self._labels or PlainNumbers())

    def read(self, data: bytes | memoryview) -> Aligned | None:
        """What `guard.align` gives for this submission, or None where `guard` itself has to look.

        Raises `InvalidSubmission` where all can be read and a value is out of the metric's range.
        """
        if not self._usable:
            return None
        aligned = self._in_order(data) or self._in_any_order(data)
        if aligned is not None and self._card.form is not SubmissionForm.LABEL:
            check_range(aligned.frame, self._card)
        return aligned

    def _in_any_order(self, data: bytes | memoryview) -> Aligned | None:
        """What a submission holds that a table is made of first; None where it is not plain."""
        table = self._table(data)
        if table is None or not 0 < len(table) == len(self._keys):
            return None
        order = self._order([table[name] for name in self._card.ids])
        if order is None:
            return None
        aligned = self._keys.copy(deep=not COPIES_ON_WRITE)
        for column in self._card.prediction_columns:
            labels = self._card.form is SubmissionForm.LABEL
            values = self._spelled(table[column], order) if labels else _numbers(table[column], order)
            if values is None:
                return None
            aligned[column] = values
        return Aligned(aligned)

    def _in_order(self, data: bytes | memoryview) -> Aligned | None:
        """What a submission in the order of the answers holds; None where it is any other."""
        header, labels = self._header(data), self._labels
        if header is None:
            return None
        places = [header.index(name) for name in self._names]
        found = self._lines.read(data, len(",".join(header).encode()) + 1, places)
        if found is None:
            return None
        columns = dict(zip(self._card.prediction_columns, found, strict=True))
        frame = self._keys.copy(deep=not COPIES_ON_WRITE)
        for name, values in columns.items():
            frame[name] = values if labels is None else self._column(labels.texts(values))
        if labels is None:
            return Aligned(frame)
        return Aligned(frame, lambda name, rows: self._column(labels.texts(columns[name][rows])))

    def written(self, submission: pd.DataFrame) -> bytes | None:
        """A submission as bytes that `read` has an answer for, or None where it has none for any.

        Raises whatever the library raises for cells that cannot be written plainly.
        """
        if not self._usable:
            return None
        written = pa.BufferOutputStream()
        options = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
        pyarrow.csv.write_csv(pa.Table.from_pandas(submission, preserve_index=False), written, options)
        data: bytes = written.getvalue().to_pybytes()
        return data

    def _header(self, data: bytes | memoryview) -> list[str] | None:
        """The names of the columns, None unless they are those of the competition."""
        first = bytes(data[:_HEADER_BYTES]).partition(b"\n")[0].removesuffix(b"\r")
        header = first.decode("utf-8", "replace").split(",")
        return header if sorted(header) == sorted(self._names) else None

    def _table(self, data: bytes | memoryview) -> pa.Table | None:
        header = self._header(data)
        if header is None:
            return None
        values = pa.large_string() if self._card.form is SubmissionForm.LABEL else pa.float64()
        threads = len(data) >= _THREADS_FROM
        if threads:  # each takes address space, which is limited here
            pa.set_cpu_count(_threads())
        try:
            return pyarrow.csv.read_csv(
                pa.BufferReader(data),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=threads, block_size=_block_bytes(len(data)), column_names=header, skip_rows=1
                ),
                parse_options=pyarrow.csv.ParseOptions(quote_char=False, double_quote=False),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={name: pa.string() if name in self._card.ids else values for name in header},
                    null_values=[],
                    check_utf8=False,  # ids and labels are compared with texts that are
                ),
            )
        except pa.ArrowException:
            return None

    def _order(self, given: Sequence[pa.ChunkedArray]) -> np.ndarray | slice | None:
        """For each row of the answers, the number of the submission's row; None unless all are spelled alike."""
        if all(column.equals(pa.chunked_array([ids])) for column, ids in zip(given, self._ids, strict=True)):
            return slice(None)
        if self._integers is not None:
            return self._integers.order(given[0].combine_chunks())
        position = pc.index_in(_join([column.combine_chunks() for column in given]), value_set=self._joined)
        if position.null_count:
            return None
        order = np.full(len(position), -1, dtype=np.int64)
        order[position.to_numpy()] = np.arange(len(position))
        return order if (order >= 0).all() else None

    def _spelled(self, column: pa.ChunkedArray, order: np.ndarray | slice) -> Any:
        texts = column.combine_chunks()
        if pc.index_in(texts, value_set=self._classes).null_count:
            texts = self._as_classes(texts.dictionary_encode())
        if texts is None:
            return None
        if not isinstance(order, slice):
            texts = texts.take(pa.array(order))
        return self._column(texts)

    def _column(self, texts: pa.Array | pa.ChunkedArray) -> Any:
        """As the same texts come out of a column of objects."""
        plain = not isinstance(self._text_type, pd.StringDtype)
        return texts.to_numpy(zero_copy_only=False) if plain else self._text_type.__from_arrow__(texts)

    def _as_classes(self, texts: pa.DictionaryArray) -> pa.Array | None:
        """The classes that the texts mean, None where one of them means none."""
        if len(texts.dictionary) > _MOST_LABELS:
            return None
        try:
            found = [self._spellings.find(text) for text in texts.dictionary.to_pylist()]
        except UnicodeDecodeError:
            return None
        return None if None in found else pa.array(found, pa.large_string()).take(texts.indices)


def _numbers(column: pa.ChunkedArray, order: np.ndarray | slice) -> np.ndarray | None:
    numbers: np.ndarray = column.to_numpy()
    if not are_plain(numbers):
        return None
    return numbers if isinstance(order, slice) else numbers[order]


def _holds(data: bytes | memoryview | pa.Buffer, *marks: bytes) -> bool:
    """Whether one of the marks, a byte each, is among the data."""
    view = memoryview(data)
    return any(
        mark in piece
        for start in range(0, len(view), _GLANCE_BYTES)
        for piece in [bytes(view[start : start + _GLANCE_BYTES])]
        for mark in marks
    )


def _block_bytes(size: int) -> int:
    """Such that each thread has as much to read as the others."""
    rounds = -(-size // (_threads() * _BLOCK_BYTES))
    return max(size // (_threads() * rounds) + 1, _HEADER_BYTES)


def _threads() -> int:
    return min(_MOST_THREADS, os.cpu_count() or 1)


def _join(columns: Sequence[pa.Array]) -> pa.Array:
    """One text per row out of the id columns."""
    return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, _SEPARATOR)


class _Integers:
    """Ids that are whole numbers in plain decimal, which are put in order many times faster than texts are."""

    def __init__(self, ids: pa.Array) -> None:
        numbers = ids.cast(pa.int64()).to_numpy()
        self._order = np.argsort(numbers)
        self._sorted = numbers[self._order]
        self._characters = pc.sum(pc.binary_length(ids)).as_py()

    @classmethod
    def among(cls, ids: Sequence[pa.Array]) -> _Integers | None:
        """None where the ids are no such numbers."""
        plain = len(ids) == 1 and pc.all(pc.match_substring_regex(ids[0], _INTEGER)).as_py()
        return cls(ids[0]) if plain else None

    def order(self, given: pa.Array) -> np.ndarray | None:
        """See `PlainReader._order`."""
        # Every other decimal spelling of a number is longer than the plain one. So where all numbers are there once,
        # none in hexadecimal, in as many characters, all are spelled plainly.
        if pc.sum(pc.binary_length(given)).as_py() != self._characters or _holds(given.buffers()[2], b"x", b"X"):
            return None
        try:
            numbers = given.cast(pa.int64()).to_numpy()
        except pa.ArrowException:
            return None
        rows = np.argsort(numbers)
        if not np.array_equal(numbers[rows], self._sorted):
            return None
        order = np.empty(len(rows), dtype=np.int64)
        order[self._order] = rows
        return order
