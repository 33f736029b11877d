"""Random frames come back from every format, and mutated files never raise anything."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generators.datasets.readers import discover, read, source
from generators.datasets.sources import open_source
from generators.errors import DatasetError
from tests.fuzzing import examples

SETTINGS = settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))


def to_sqlite(frame: pd.DataFrame, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        frame.to_sql("data", connection, index=False)


def to_stream(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


def to_json(frame: pd.DataFrame, path: Path) -> None:
    records = [
        {k: None if pd.isna(v) else v for k, v in row.items()} for row in frame.astype(object).to_dict("records")
    ]
    if path.suffix == ".json":
        path.write_text(json.dumps(records), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "a.csv": lambda frame, path: frame.to_csv(path, index=False),
    "b.csv": lambda frame, path: frame.to_csv(path, index=False, sep=";"),
    "c.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t", encoding="utf-16"),
    "d.csv.gz": lambda frame, path: frame.to_csv(path, index=False),
    "e.json": to_json,
    "f.jsonl": to_json,
    "g.parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "h.feather": lambda frame, path: frame.to_feather(path),
    "i.arrow": to_stream,
    "j.xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "k.sqlite": to_sqlite,
}

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp"), exclude_characters="\x85"),
    min_size=1,
    max_size=12,
).map(lambda text: f"w{text}w")
"""Text that no reader could take for a number, a marker or blank."""


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames with one column of each kind at least, and missing values."""
    rows = draw(st.integers(3, 25))
    columns: dict[str, Any] = {
        "row": np.arange(rows) + 1,
        "text": draw(st.lists(WORDS, min_size=rows, max_size=rows)),
        "real": draw(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=rows, max_size=rows)),
    }
    kinds = draw(st.lists(st.sampled_from(["whole", "gaps", "flag", "class", "code"]), max_size=4))
    for i, kind in enumerate(kinds):
        name = f"{kind} {i}"
        if kind == "whole":
            columns[name] = draw(st.lists(st.integers(-(2**40), 2**40), min_size=rows, max_size=rows))
        elif kind == "gaps":
            values = draw(st.lists(st.none() | st.integers(-1000, 1000), min_size=rows, max_size=rows))
            columns[name] = pd.array([0.5, *values[1:]], dtype="Float64").to_numpy("float64", na_value=np.nan)
        elif kind == "flag":
            columns[name] = [True, False, *draw(st.lists(st.booleans(), min_size=rows - 2, max_size=rows - 2))]
        elif kind == "class":
            columns[name] = draw(
                st.lists(st.sampled_from(["low", "high", "mid, or so", 'quo"ted']), min_size=rows, max_size=rows)
            )
        else:
            columns[name] = [
                f"{value:05d}" for value in draw(st.lists(st.integers(0, 99), min_size=rows, max_size=rows))
            ]
    return pd.DataFrame(columns)


@pytest.mark.parametrize("name", WRITERS)
@SETTINGS
@given(frame=frames())
def test_a_random_frame_comes_back(name: str, frame: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        WRITERS[name](frame, path)
        tables, problems = discover(path, name)
        assert not problems
        [(spec, got)] = tables
        expected = frame
        if name == "k.sqlite":
            expected = frame.astype({column: "int64" for column in frame if frame[column].dtype == "bool"})
        if name == "j.xlsx":
            got = got.astype(
                {column: expected[column].dtype for column in expected if expected[column].dtype.kind == "f"}
            )
        pd.testing.assert_frame_equal(got, expected, check_exact=False, rtol=1e-15)
        code = source(spec)
        names: dict[str, Any] = {"raw": Path(folder)}
        exec("\n".join([*code.imports, code.function]), names)
        pd.testing.assert_frame_equal(eval(code.expression, names), read(spec, Path(folder)))


CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "None", "-", "?", "nan", "0", "007", "1,5", "1,234", "1.5", "True", "2020-01-01", "#x", " a"]
    ),
    st.text(max_size=6),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
)


@SETTINGS
@given(
    rows=st.lists(st.lists(CELLS, max_size=5), max_size=12),
    sep=st.sampled_from([",", ";", "\t", "|", " "]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-8-sig"]),
    name=st.sampled_from(["a.csv", "a.tsv", "a.txt", "a.dat"]),
)
def test_a_file_of_odd_cells_raises_nothing_and_reads_the_same_twice(
    rows: list[list[str]], sep: str, end: str, encoding: str, name: str
) -> None:
    text = end.join(sep.join(row) for row in rows) + end
    check_file(name, text.encode(encoding, "replace"))


def check_file(name: str, data: bytes) -> None:
    """Whatever the bytes: problems with advice, and code that gives the frame of every table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        tables, problems = discover(path, name)
        assert all(problem.message and problem.advice and problem.path == name for problem in problems)
        for spec, frame in tables:
            assert len(frame)
            assert all(isinstance(column, str) for column in frame.columns)
            assert frame.columns.is_unique
            pd.testing.assert_frame_equal(read(spec, Path(folder)), frame)
            code = source(spec)
            names: dict[str, Any] = {"raw": Path(folder)}
            exec("\n".join([*code.imports, code.function]), names)
            pd.testing.assert_frame_equal(eval(code.expression, names), frame)


def sample_bytes(name: str) -> bytes:
    frame = pd.DataFrame(
        {"a": range(40), "b": [f"word, {i % 7}" for i in range(40)], "c": np.linspace(0, 1, 40), "d": ["x", None] * 20}
    )
    with tempfile.TemporaryDirectory() as folder:
        WRITERS[name](frame, Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def mutate(data: bytes, seed: int) -> bytes:
    """Some bytes changed, cut, doubled or put in."""
    chance = random.Random(seed)
    mutated = bytearray(data)
    for _ in range(chance.choice([1, 2, 5, 30])):
        at = chance.randrange(len(mutated) + 1)
        action = chance.randrange(4)
        if action == 0 and at < len(mutated):
            mutated[at] = chance.randrange(256)
        elif action == 1:
            del mutated[at : at + chance.choice([1, 4, 50])]
        elif action == 2:
            mutated[at:at] = bytes(chance.choices(b'"\n,;\t\0\xff{}[]\\x', k=chance.choice([1, 3])))
        else:
            mutated[at:at] = mutated[at : at + 40]
    return bytes(mutated)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WRITERS)
def test_a_mutated_file_raises_nothing(name: str) -> None:
    data = sample_bytes(name)
    for seed in range(60):
        check_file(name, mutate(data, seed))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_a_mutated_archive_raises_only_dataset_errors(tmp_path: Path, suffix: str) -> None:
    import tarfile
    import zipfile

    content = sample_bytes("a.csv")
    path = tmp_path / f"x.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("a.csv", content)
            bundle.writestr("sub/b.csv", content)
    else:
        with tarfile.open(path, "w:gz" if suffix == "tar.gz" else "w") as tape:
            for name in ("a.csv", "sub/b.csv"):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tape.addfile(entry, io.BytesIO(content))
    data = path.read_bytes()
    for seed in range(150):
        path.write_bytes(mutate(data, seed))
        with contextlib.suppress(DatasetError), open_source(path) as dataset:
            assert dataset.tables or dataset.problems or dataset.other_files
