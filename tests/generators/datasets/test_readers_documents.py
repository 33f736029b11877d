"""Folders of documents: one text file per row, the folders around it as columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.profile import ColumnType
from generators.datasets.profiling import profile_dataset
from generators.datasets.readers import read, source
from generators.datasets.sources import open_source


def _write(root: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(text.encode(encoding))


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    root = tmp_path / "letters"
    for number in range(60):
        kind = ("praise", "complaint")[number % 2]
        text = f"Dear shop,\r\nparcel {number} was {'fine, thank you' if kind == 'praise' else 'late'}.\nYours"
        _write(root, f"mail/{kind}/{number:03d}.txt", text)
    _write(root, "README.txt", "Letters to a shop. CC0-1.0")
    return root


def test_text_files_become_rows_with_their_folder_name_and_text(letters: Path) -> None:
    with open_source(letters) as dataset:
        (table,) = dataset.tables
    assert table.name == "mail"
    assert list(table.frame.columns) == ["folder", "file", "text"]
    assert len(table.frame) == 60
    assert dict(table.frame["folder"].value_counts()) == {"praise": 30, "complaint": 30}
    first = table.frame.set_index("file").loc["001.txt"]
    assert first["folder"] == "complaint"
    assert first["text"] == "Dear shop,\nparcel 1 was late.\nYours"


def test_the_readme_is_no_document_and_stays_beside(letters: Path) -> None:
    _write(letters, "mail/LICENSE.txt", "Public domain")
    with open_source(letters) as dataset:
        (table,) = dataset.tables
        assert set(dataset.other_files) == {"README.txt", "mail/LICENSE.txt"}
    assert "LICENSE.txt" not in set(table.frame["file"])


def test_the_code_for_documents_gives_the_same_frame(letters: Path) -> None:
    _write(letters, "mail/praise/old.txt", "très bien, merci à vous tous", "cp1252")
    _write(letters, "mail/praise/empty.txt", "")
    _write(letters, "mail/praise/.hidden.txt", "not seen")
    with open_source(letters) as dataset:
        (table,) = dataset.tables
        code = source(table.spec)
        namespace: dict[str, object] = {"raw": dataset.root, "pd": pd}
        exec(code.function, namespace)
        again = eval(code.expression, namespace)
        pd.testing.assert_frame_equal(again, table.frame)
        pd.testing.assert_frame_equal(read(table.spec, dataset.root), table.frame)
    by_name = table.frame.set_index("file")["text"]
    assert by_name["old.txt"] == "très bien, merci à vous tous"
    assert pd.isna(by_name["empty.txt"])
    assert ".hidden.txt" not in by_name


def test_a_legacy_encoding_is_found_out_over_the_files(tmp_path: Path) -> None:
    for number in range(40):
        _write(tmp_path, f"docs/{number}.txt", f"Сегодня хорошая погода, номер {number}. Завтра будет дождь.", "cp1251")
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
    assert table.frame["text"].str.startswith("Сегодня хорошая погода").all()


def test_numeric_text_files_are_tables_and_no_documents(tmp_path: Path) -> None:
    for number in range(32):
        rows = "\n".join(f"{i},{i * number},{i + number}" for i in range(20))
        _write(tmp_path, f"runs/{number}.txt", f"t,a,b\n{rows}\n")
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
    assert table.spec.format == "stack"
    assert list(table.frame.columns) == ["file", "t", "a", "b"]
    assert len(table.frame) == 32 * 20


@pytest.mark.parametrize("first", ["Small birds at sea", "Post 219", "Topic: birds"])
def test_texts_below_a_heading_are_documents_whatever_their_commas(first: str, tmp_path: Path) -> None:
    for number in range(40):
        _write(tmp_path, f"{number % 3}/{number}.txt", f"{first}\n\nThe gull flew off, and nobody saw it again.\n")
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
        assert (table.name, len(table.frame), len(dataset.other_files)) == ("documents", 40, 0)


def test_a_few_texts_are_about_the_data_and_no_documents(tmp_path: Path) -> None:
    for number in range(10):
        _write(tmp_path, f"notes/{number}.txt", f"A note about the data, the {number}th of them.")
    _write(tmp_path, "table.csv", "a,b\n" + "\n".join(f"{i},{i % 3}" for i in range(50)))
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["table"]
        assert len(dataset.other_files) == 10


def test_names_of_files_are_no_input(letters: Path) -> None:
    with open_source(letters) as dataset:
        profile = profile_dataset(dataset)
    assert profile.table("mail").column("file").type is ColumnType.PATH
    assert profile.table("mail").column("folder").type is ColumnType.CATEGORICAL
