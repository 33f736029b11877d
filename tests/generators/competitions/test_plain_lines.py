"""Submissions so large that two threads read them from both ends."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from generators.competitions.plain_columns import PlainLabels, PlainNumbers
from generators.competitions.plain_lines import Piece, PlainLines

ROWS = 170_000
RANDOM = np.random.default_rng(0)
IDS = [f"the row of the number {number:06}" for number in RANDOM.permutation(ROWS)]
SHORT = ["a", "ab", "é"]
LONG = ["a", "ab", "a class of many letters"]
NUMBERS = RANDOM.normal(size=ROWS)


def lines(*columns: Sequence[str]) -> list[str]:
    return [",".join(texts) for texts in zip(*columns, strict=True)]


LINES = lines(IDS, [repr(number) for number in NUMBERS.tolist()])
DATA = ("\n".join(LINES) + "\n").encode()


def read(reader: PlainLines, written: Sequence[str], places: Sequence[int]) -> list[np.ndarray] | None:
    data = ("\n".join(["header", *written]) + "\n").encode()
    assert len(data) > 9 << 19
    return reader.read(data, len("header\n"), places)


@pytest.mark.parametrize("classes", [SHORT, LONG])
@pytest.mark.parametrize("labels_first", [True, False])
def test_labels_are_those_that_were_written(classes: list[str], labels_first: bool) -> None:
    codes = RANDOM.integers(0, len(classes), ROWS)
    labels = [classes[code] for code in codes]
    reader = PlainLines([pa.array(IDS, pa.string())], PlainLabels(classes))
    columns, places = ((labels, IDS), (1, 0)) if labels_first else ((IDS, labels), (0, 1))
    found = read(reader, lines(*columns), places)
    assert found is not None
    assert found[0].tolist() == codes.tolist()
    assert PlainLabels(classes).texts(found[0]).to_pylist() == labels


def test_numbers_are_those_that_were_written() -> None:
    reader = PlainLines([pa.array(IDS, pa.string())], PlainNumbers())
    others = NUMBERS[::-1]
    found = read(
        reader,
        lines([repr(number) for number in others.tolist()], IDS, [repr(number) for number in NUMBERS.tolist()]),
        (1, 2, 0),
    )
    assert found is not None
    assert found[0].tolist() == NUMBERS.tolist()
    assert found[1].tolist() == others.tolist()


@pytest.mark.parametrize("row", [0, ROWS // 2, ROWS - 1])
@pytest.mark.parametrize(
    "line",
    [
        "{id},1e999",
        "{id},nan",
        "{id},",
        "{id}",
        "{id},1,2",
        "{id} ,1",
        "another,1",
        "",
        '{id},"1"',
        "{id},1\r2",
        "{id},x",
    ],
)
def test_one_line_that_is_not_plain_leaves_all_to_another_reader(row: int, line: str) -> None:
    reader = PlainLines([pa.array(IDS, pa.string())], PlainNumbers())
    as_it_was, as_it_is = f"{LINES[row]}\n", f"{line.format(id=IDS[row])}\n"
    assert reader.read(DATA.replace(as_it_was.encode(), as_it_is.encode(), 1), 0, (0, 1)) is None


class SlowNumbers(PlainNumbers):
    """Numbers that take a while, so that what one thread meets is known before the other is through."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces = 0

    def read(self, piece: Piece, place: int) -> np.ndarray:
        found = super().read(piece, place)
        self.pieces += 1
        time.sleep(0.05)
        return found


@pytest.mark.parametrize("row", [0, ROWS - 1])
@pytest.mark.parametrize("line", ["{id},x", "{id}", "another,1"])
def test_what_one_thread_cannot_read_ends_the_other_early(row: int, line: str) -> None:
    numbers = SlowNumbers()
    reader = PlainLines([pa.array(IDS, pa.string())], numbers)
    assert reader.read(DATA, 0, (0, 1)) is not None
    whole, numbers.pieces = numbers.pieces, 0
    as_it_was, as_it_is = f"{LINES[row]}\n", f"{line.format(id=IDS[row])}\n"
    assert reader.read(DATA.replace(as_it_was.encode(), as_it_is.encode(), 1), 0, (0, 1)) is None
    assert numbers.pieces < whole - 1


@pytest.mark.parametrize("change", ["one more", "one less", "one twice", "two swapped", "none"])
def test_all_rows_must_be_there_in_the_order_of_the_answers(change: str) -> None:
    reader = PlainLines([pa.array(IDS, pa.string())], PlainNumbers())
    written = list(LINES)
    middle = ROWS // 2
    if change == "one more":
        written.insert(middle, "row x,1")
    elif change == "one less":
        del written[middle]
    elif change == "one twice":
        written.insert(middle, written[middle])
    elif change == "two swapped":
        written[middle], written[middle + 1] = written[middle + 1], written[middle]
    assert (read(reader, written, (0, 1)) is None) == (change != "none")


@pytest.mark.parametrize("label", ["", "abc", "b", "aa", "é ", "\0", "a\0"])
def test_a_label_that_is_no_class_leaves_all_to_another_reader(label: str) -> None:
    for classes in (SHORT, LONG):
        reader = PlainLines([pa.array(IDS[:3], pa.string())], PlainLabels(classes))
        for place in range(3):
            given = ["a", "ab", "a"]
            given[place] = label
            data = "".join(f"{key},{text}\n" for key, text in zip(IDS, given, strict=False)).encode()
            assert reader.read(data, 0, (0, 1)) is None
        good = "".join(f"{key},{text}\n" for key, text in zip(IDS, ["a", "ab", "a"], strict=False)).encode()
        assert reader.read(good, 0, (0, 1)) is not None
        assert reader.read(good.removesuffix(b"\n"), 0, (0, 1)) is None
        assert reader.read(b"", 0, (0, 1)) is None
        assert reader.read(good[: good.index(b"\n") + 1], 0, (0, 1)) is None


def test_a_line_and_the_next_one_may_not_share_their_texts() -> None:
    reader = PlainLines([pa.array(IDS[:2], pa.string())], PlainNumbers())
    assert reader.read(f"{IDS[0]},1\n{IDS[1]},2\n".encode(), 0, (0, 1)) is not None
    assert reader.read(f"{IDS[0]}\n1,{IDS[1]},2\n".encode(), 0, (0, 1)) is None
