"""Texts that are easily taken for others: line ends inside cells, encodings without a mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.datasets.sources import open_source


def test_line_ends_inside_cells_that_halve_every_row_are_no_row_ends(tmp_path: Path) -> None:
    rows = "".join(f'{i},a,"one\ntwo ""{i}""",b,{i % 3}\n' for i in range(300))
    path = tmp_path / "halves.csv"
    path.write_text('x,y,"no\nte",z,w\n' + rows, encoding="utf-8")
    with open_source(path) as dataset:
        frame = dataset.tables[0].frame
    assert list(frame.columns) == ["x", "y", "no\nte", "z", "w"]
    assert len(frame) == 300
    assert not dataset.problems


def test_a_few_german_words_between_numbers_are_read_as_western(tmp_path: Path) -> None:
    body = "".join(f"{i};{i / 7:.1f};{('ja', 'völlig', 'gar nicht')[i % 3]}\n".replace(".", ",") for i in range(300))
    path = tmp_path / "umfrage.csv"
    path.write_bytes(f"Alter;Größe (cm);Antwort\n{body}".encode("latin-1"))
    with open_source(path) as dataset:
        frame = dataset.tables[0].frame
    assert list(frame.columns) == ["Alter", "Größe (cm)", "Antwort"]
    assert "völlig" in set(frame["Antwort"])


@pytest.mark.parametrize(
    ("encoding", "word"),
    [("cp1250", "příliš žluťoučký kůň"), ("cp1251", "вопрос ответ")],
)
def test_other_legacy_encodings_are_not_taken_for_western(tmp_path: Path, encoding: str, word: str) -> None:
    path = tmp_path / "words.csv"
    path.write_bytes(("n,text\n" + "".join(f"{i},{word} {i}\n" for i in range(200))).encode(encoding))
    with open_source(path) as dataset:
        assert dataset.tables[0].frame["text"].iloc[3] == f"{word} 3"
