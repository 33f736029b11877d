"""JSON, Parquet, Arrow, Excel and SQLite: the tables found, and that the code a reader gives reads the same frames."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from generators.datasets.profiling import profile_dataset
from generators.datasets.raw import Problem
from generators.datasets.readers import discover, read, source
from generators.datasets.sources import open_source


def tables_of(path: Path) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Frames by member, each checked to come again from `read` and from executing `source`."""
    tables, problems = discover(path, path.name)
    for spec, frame in tables:
        pd.testing.assert_frame_equal(read(spec, path.parent), frame)
        code = source(spec)
        names: dict[str, Any] = {"raw": path.parent}
        exec("\n".join([*code.imports, code.function]), names)
        pd.testing.assert_frame_equal(eval(code.expression, names), frame)
    return {spec.member: frame for spec, frame in tables}, problems


def json_tables(folder: Path, document: Any) -> dict[str, pd.DataFrame]:
    path = folder / "data.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    tables, problems = tables_of(path)
    assert not problems
    return tables


RECORDS = [{"a": i, "b": f"x{i % 3}", "c": i / 4 if i % 5 else None} for i in range(30)]


def test_a_list_of_records_is_a_table(tmp_path: Path) -> None:
    frame = json_tables(tmp_path, RECORDS)[""]
    assert frame.shape == (30, 3)
    assert frame["a"].dtype == "int64"
    assert frame["c"].isna().sum() == 6


def test_records_in_records_become_columns_and_lists_become_text(tmp_path: Path) -> None:
    documents = [{"id": i, "at": {"x": i, "y": {"z": 1}}, "tags": ["é", str(i)]} for i in range(5)]
    frame = json_tables(tmp_path, documents)[""]
    assert list(frame.columns) == ["id", "tags", "at.x", "at.y"]
    assert frame["tags"].iloc[1] == '["é", "1"]'
    assert frame["at.y"].iloc[0] == '{"z": 1}'


def test_a_document_of_columns_is_a_table(tmp_path: Path) -> None:
    assert json_tables(tmp_path, {"a": [1, 2, 3], "b": ["x", "y", "x"]})[""].shape == (3, 2)


@pytest.mark.parametrize("orient", ["records", "columns", "split", "values"])
def test_what_pandas_writes_is_read(tmp_path: Path, orient: Any) -> None:
    frame = pd.DataFrame(RECORDS)
    (tmp_path / "data.json").write_text(frame.to_json(orient=orient))
    tables, _ = tables_of(tmp_path / "data.json")
    got = tables[""]
    assert got.shape == frame.shape
    np.testing.assert_array_equal(got.iloc[:, 1], frame["b"])


def test_records_by_key_are_a_table_with_the_key(tmp_path: Path) -> None:
    frame = json_tables(tmp_path, {f"id{i}": {"a": i, "b": "x"} for i in range(20)})[""]
    assert frame["key"].iloc[3] == "id3"
    assert frame["a"].iloc[3] == 3


def test_tables_inside_a_document_are_found(tmp_path: Path) -> None:
    tables = json_tables(tmp_path, {"meta": {"n": 2}, "data": RECORDS, "more": {"items": RECORDS[:4]}})
    assert {name: len(frame) for name, frame in tables.items()} == {"data": 30, "more.items": 4}


def test_splits_of_rows_without_names_are_tables(tmp_path: Path) -> None:
    rows = [[f"text {i}", f"intent{i % 3}"] for i in range(20)]
    tables = json_tables(tmp_path, {"train": rows, "test": rows[:5]})
    assert list(tables) == ["train", "test"]
    assert list(tables["test"].columns) == ["column_1", "column_2"]


def test_rows_under_a_row_of_names_are_a_table(tmp_path: Path) -> None:
    frame = json_tables(tmp_path, [["name", "size"], ["A", 1], ["B", 2]])[""]
    assert frame.to_dict("list") == {"name": ["A", "B"], "size": [1, 2]}


def test_groups_of_distinct_words_are_a_table_of_pairs(tmp_path: Path) -> None:
    frame = json_tables(tmp_path, {f"domain{i}": [f"intent{i}_{j}" for j in range(5)] for i in range(4)})[""]
    assert list(frame.columns) == ["key", "value"]
    assert len(frame) == 20


def test_many_groups_of_records_are_one_table(tmp_path: Path) -> None:
    document = {f"user{i}": [{"item": j, "stars": 3} for j in range(i % 4)] for i in range(20)}
    frame = json_tables(tmp_path, document)[""]
    assert list(frame.columns) == ["key", "item", "stars"]
    assert len(frame) == 30


def test_adjacency_lists_and_settings_are_no_tables(tmp_path: Path) -> None:
    assert json_tables(tmp_path, {str(i): list(range(i)) for i in range(40)}) == {}
    assert json_tables(tmp_path, {"model": {"layers": [1, 2]}, "seed": 3}) == {}


def test_numbers_in_strings_are_numbers_but_codes_are_not(tmp_path: Path) -> None:
    frame = json_tables(
        tmp_path, [{"rating": str(i), "zip": f"0{i}", "n": "NA" if i == 2 else "1.5"} for i in range(9)]
    )[""]
    assert frame["rating"].dtype == "int64"
    assert frame["zip"].iloc[1] == "01"
    assert frame["n"].dtype == "float64"


def test_values_of_several_kinds_become_text(tmp_path: Path) -> None:
    frame = json_tables(tmp_path, [{"a": 1, "b": True}, {"a": "x", "b": None}, {"a": None, "b": False}])[""]
    assert frame["a"].tolist()[:2] == ["1", "x"]
    assert frame["a"].isna().tolist() == [False, False, True]
    assert frame["b"].tolist()[::2] == [True, False]


def test_json_lines_are_a_table(tmp_path: Path) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.json").write_text(lines)
    (tmp_path / "c.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "d.jsonl").write_text(lines, encoding="utf-8-sig")
    for name in ("a.jsonl", "b.json", "c.ndjson.gz", "d.jsonl"):
        tables, problems = tables_of(tmp_path / name)
        assert tables[""].shape == (30, 3)
        assert not problems


def test_a_broken_line_of_json_lines_is_reported_and_left_out(tmp_path: Path) -> None:
    lines = [json.dumps(record) for record in RECORDS]
    lines[4] = lines[4][:-5]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    tables, problems = tables_of(tmp_path / "a.jsonl")
    assert len(tables[""]) == 29
    assert "line 5" in problems[0].message
    assert not problems[0].fatal


@pytest.mark.parametrize("text", ["", "[]", "{}", '[{"a": 1,]', "[" * 100_000, "null", '{"a": 1} {"a"'])
def test_a_broken_or_empty_document_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.json").write_text(text)
    tables, problems = discover(tmp_path / "data.json", "data.json")
    assert not tables
    assert problems[0].fatal


def mixed_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1, 2, 3, 4],
            "x": [0.5, None, 2.5, 1e300],
            "word": ["a", "NA", None, "None"],
            "flag": [True, False, True, True],
            "when": pd.to_datetime(["2020-01-01 00:00", "2020-01-02 12:30", None, "2021-05-05 10:00"]),
            "kind": pd.Categorical(["u", "v", None, "u"]),
            "count": pd.array([1, None, 3, 4], dtype="Int64"),
            "tags": [["a"], ["b", "c"], None, []],
            "day": [dt.date(2020, 1, 1), None, dt.date(2020, 1, 3), dt.date(1999, 1, 1)],
            "price": [decimal.Decimal("1.50"), None, decimal.Decimal("2.25"), decimal.Decimal("3.00")],
        }
    )


def check_mixed(frame: pd.DataFrame) -> None:
    assert frame["word"].tolist()[:2] == ["a", "NA"]
    assert frame["word"].iloc[3] == "None"
    assert frame["word"].isna().sum() == 1
    assert frame["x"].iloc[3] == 1e300
    assert frame["kind"].tolist()[:2] == ["u", "v"]
    assert not isinstance(frame["kind"].dtype, pd.CategoricalDtype)
    assert frame["count"].dtype == "float64"
    assert frame["tags"].tolist()[:2] == ['["a"]', '["b", "c"]']
    assert frame["tags"].isna().tolist() == [False, False, True, False]
    assert frame["day"].dtype.kind == "M"
    assert frame["price"].dtype == "float64"


def test_parquet_columns_become_plain_ones(tmp_path: Path) -> None:
    mixed_frame().to_parquet(tmp_path / "a.parquet")
    tables, problems = tables_of(tmp_path / "a.parquet")
    check_mixed(tables[""])
    assert not problems


def test_a_plain_parquet_file_needs_no_option(tmp_path: Path) -> None:
    pd.DataFrame(RECORDS).to_parquet(tmp_path / "a.parquet")
    [(spec, _)], _ = discover(tmp_path / "a.parquet", "a.parquet")
    assert source(spec).expression == 'pd.read_parquet(raw / "a.parquet")'


def test_an_index_that_was_stored_becomes_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "b"], name="name"))
    frame.to_parquet(tmp_path / "a.parquet")
    tables, _ = tables_of(tmp_path / "a.parquet")
    assert list(tables[""].columns) == ["name", "x"]


def test_binary_columns_are_left_out_and_reported(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1, 2], "picture": [b"\x89PNG", b"\x89PNG"]}).to_parquet(tmp_path / "a.parquet")
    tables, problems = tables_of(tmp_path / "a.parquet")
    assert list(tables[""].columns) == ["x"]
    assert "'picture'" in problems[0].message


def test_arrow_files_and_streams_are_tables(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(mixed_frame())
    pa.feather.write_feather(table, tmp_path / "a.feather")
    with pa.ipc.new_file(tmp_path / "b.arrow", table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(tmp_path / "c.arrow", table.schema) as writer:
        writer.write_table(table)
    for name in ("a.feather", "b.arrow", "c.arrow"):
        tables, problems = tables_of(tmp_path / name)
        check_mixed(tables[""])
        assert not problems


def test_each_sheet_of_a_workbook_is_a_table(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame(RECORDS).to_excel(book, sheet_name="First", index=False)
        pd.DataFrame(
            {"zip": ["00501", "10001"], "n": ["?", 3], "day": pd.to_datetime(["2020-01-01", "2020-01-02"])}
        ).to_excel(book, sheet_name="Second sheet", index=False, startrow=2)
        pd.DataFrame().to_excel(book, sheet_name="Empty")
        pd.DataFrame([[1, "x"], [2, "y"], [3, "z"]]).to_excel(book, sheet_name="Bare", index=False, header=False)
        pd.DataFrame({"level": ["None", "low", "high"] * 9, 2019: range(27)}).to_excel(
            book, sheet_name="Years", index=False
        )
    tables, problems = tables_of(tmp_path / "a.xlsx")
    assert not problems
    assert list(tables) == ["First", "Second sheet", "Bare", "Years"]
    assert tables["First"].shape == (30, 3)
    assert tables["Second sheet"]["zip"].tolist() == ["00501", "10001"]
    assert tables["Second sheet"]["n"].dtype == "float64"
    assert tables["Second sheet"]["day"].dtype.kind == "M"
    assert list(tables["Bare"].columns) == ["column_1", "column_2"]
    assert list(tables["Years"].columns) == ["level", "2019"]
    assert (tables["Years"]["level"] == "None").sum() == 9


def test_title_rows_of_a_sheet_are_skipped(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame(RECORDS).to_excel(book, sheet_name="S", index=False, startrow=3)
        book.sheets["S"]["A1"] = "Report of the year"
    tables, _ = tables_of(tmp_path / "a.xlsx")
    assert list(tables["S"].columns) == ["a", "b", "c"]


def test_each_table_of_a_database_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        pd.DataFrame(RECORDS).to_sql("records", connection, index=False)
        connection.execute('CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, code, picture BLOB, price NUMERIC)')
        connection.executemany(
            'INSERT INTO "odd ""name" VALUES (?, ?, ?, ?)',
            [(1, "x", b"\0\1", 1.5), (2, 7, b"\2", None), (3, None, None, 2)],
        )
        connection.execute('CREATE TABLE "nothing" (a, b)')
        connection.commit()
    before = path.read_bytes()
    tables, problems = tables_of(path)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.sqlite"]
    assert tables["records"].shape == (30, 3)
    odd = tables['odd "name']
    assert list(odd.columns) == ["id", "code", "price"]
    assert odd["code"].tolist()[:2] == ["x", "7"]
    assert {("nothing" in problem.message, "picture" in problem.message) for problem in problems} == {
        (True, False),
        (False, True),
    }


@pytest.mark.parametrize(
    "name", ["a.parquet", "a.feather", "a.arrow", "a.xlsx", "a.sqlite", "a.json", "a.jsonl", "a.csv"]
)
@pytest.mark.parametrize(
    "content", [b"", b"\0\1\2\3 junk \xff\xfe" * 50, b"PAR1 junk", b"ARROW1 junk", b"PK\x03\x04 junk"]
)
def test_junk_is_reported(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    tables, problems = discover(tmp_path / name, name)
    assert not tables
    assert problems[0].fatal
    assert problems[0].advice


def test_a_field_without_a_name_gets_one_that_a_csv_file_can_keep(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"a": number, "": number % 7, "column_2": "x"} for number in range(40)]))
    tables, _ = tables_of(path)
    assert list(tables[""].columns) == ["a", "column_2_2", "column_2"]


def test_whole_numbers_of_hundreds_of_digits_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"a": 10**400 if n % 9 == 0 else n, "b": n % 3} for n in range(60)]))
    with open_source(path) as dataset:
        profile = profile_dataset(dataset)
    assert profile.tables[0].rows == 60
