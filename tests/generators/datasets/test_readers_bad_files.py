"""Files that hold no table: what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from generators.datasets.raw import Problem
from generators.datasets.readers import discover


def problem_of(folder: Path, content: bytes, name: str = "data.csv") -> Problem:
    (folder / name).write_bytes(content)
    tables, problems = discover(folder / name, name)
    assert not tables
    assert len(problems) == 1
    assert problems[0].fatal
    assert problems[0].path == name
    assert problems[0].advice
    return problems[0]


def test_an_empty_file_is_reported(tmp_path: Path) -> None:
    assert "empty" in problem_of(tmp_path, b"").message
    assert "empty" in problem_of(tmp_path, b" \n\n \n").message


def test_a_header_without_rows_is_reported(tmp_path: Path) -> None:
    assert "no rows" in problem_of(tmp_path, b"a,b,c\n").message


def test_binary_junk_is_reported(tmp_path: Path) -> None:
    junk = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    assert "binary" in problem_of(tmp_path, junk).message
    assert "binary" in problem_of(tmp_path, junk.replace(b"\0", b"\x01")).message


def test_a_workbook_named_csv_is_called_one(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_excel(tmp_path / "x.xlsx")
    assert "Excel" in problem_of(tmp_path, (tmp_path / "x.xlsx").read_bytes()).message


def test_a_format_that_is_not_read_comes_with_advice(tmp_path: Path) -> None:
    assert "save it as .xlsx" in problem_of(tmp_path, b"whatever", "old.xls").advice


def test_a_table_wider_than_can_be_read_is_refused_before_it_is_read(tmp_path: Path) -> None:
    wide = b"\n".join(b",".join(b"%d" % n for n in range(5_001)) for _ in range(5))
    assert "5,001 fields; at most 5,000" in problem_of(tmp_path, wide).message
