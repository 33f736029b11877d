"""Odd tables of valid form, made by hypothesis, in every format read; archives and folders that are traps."""

from __future__ import annotations

import gzip
import io
import json
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

Columns = list[tuple[str, list[Any]]]
_NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0, 1, -1, 2**63, 1e308, 5e-324]))
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "NA", "null", "true", "0012", "1,5", "12%", "2020-02-30", "=1+1", "a\nb"]),
)
_POOLS = (
    st.lists(_NUMBERS, min_size=1, max_size=12),
    st.lists(_TEXTS, min_size=1, max_size=6),
    st.lists(st.one_of(_NUMBERS, _TEXTS, st.none(), st.booleans()), min_size=1, max_size=8),
    st.just([None]),
    st.lists(st.dates().map(str), min_size=1, max_size=9),
)
_COLUMNS = st.lists(st.tuples(st.text(max_size=10), st.one_of(*_POOLS)), min_size=1, max_size=9)


def odd_columns(count: int, number: int) -> list[Columns]:
    """At most `count` lists of columns, each a name and the values that its cells are drawn from."""
    found: list[Columns] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_COLUMNS)
    def keep(columns: Columns) -> None:
        found.append(columns)

    keep()
    return found


def odd_file(columns: Columns, rng: random.Random) -> tuple[str, bytes]:
    """A table of these columns as a file of some format: its name and its bytes."""
    rows = rng.choice([0, 1, 2, 40, 300, 300, 700])
    cells = [[rng.choice(pool) for _ in range(rows)] for _, pool in columns]
    if rng.random() < 0.6:  # something to predict, from something that varies
        base = [rng.gauss(0, 1) for _ in range(rows)]
        cells += [base, [("yes" if value + rng.gauss(0, 0.7) > 0 else "no") for value in base]]
        columns = [*columns, ("base", []), ("answer", [])]
    frame = pd.DataFrame(dict(enumerate(cells)), dtype=object)
    frame.columns = pd.Index([name for name, _ in columns])
    name, write = rng.choice(_FORMATS)
    try:
        return name, write(frame, rng)
    except (ValueError, TypeError, OverflowError):  # the format has no way of writing such values
        return "table.csv", _csv(frame, rng)


def _csv(frame: pd.DataFrame, rng: random.Random) -> bytes:
    text = frame.to_csv(index=rng.random() < 0.2, sep=rng.choice([",", ";", "\t", "|"]))
    return text.encode(rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]), "replace")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def _json(frame: pd.DataFrame, rng: random.Random) -> bytes:
    records = _records(frame)
    nested = [{**record, "more": {"list": [1, {"a": None}], "n": number}} for number, record in enumerate(records)]
    columns = {str(name): frame.iloc[:, place].tolist() for place, name in enumerate(frame.columns)}
    deep: Any = records
    for _ in range(rng.choice([1, 30, 400])):
        deep = {"data": deep}
    return json.dumps(rng.choice([records, nested, columns, deep, {"meta": 1, "rows": nested}])).encode()


def _json_lines(frame: pd.DataFrame, _rng: random.Random) -> bytes:
    return "\n".join(map(json.dumps, _records(frame))).encode()


def _excel(frame: pd.DataFrame, _rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    clean = frame.map(lambda cell: ILLEGAL_CHARACTERS_RE.sub("", cell) if isinstance(cell, str) else cell)
    clean.columns = pd.Index([ILLEGAL_CHARACTERS_RE.sub("", name) for name in frame.columns])
    clean.to_excel(buffer, index=False)
    return buffer.getvalue()


def _parquet(frame: pd.DataFrame, _rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    frame.convert_dtypes().to_parquet(buffer, index=False)
    return buffer.getvalue()


_FORMATS: tuple[tuple[str, Callable[[pd.DataFrame, random.Random], bytes]], ...] = (
    ("table.csv", _csv),
    ("table.txt", _csv),
    ("table.tsv", _csv),
    ("table.csv.gz", lambda frame, rng: gzip.compress(_csv(frame, rng), mtime=0)),
    ("table.json", _json),
    ("table.jsonl", _json_lines),
    ("table.xlsx", _excel),
    ("table.parquet", _parquet),
)


def trap(folder: Path, name: str, data: bytes, rng: random.Random) -> Path:
    """A file packed or placed as nobody should: the path of the source to open."""
    kind = rng.choice([_zip, _tar, _nest, _links])
    return kind(folder, name, data, rng)


def _zip(folder: Path, name: str, data: bytes, rng: random.Random) -> Path:
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(
            rng.choice([name, f"../{name}", f"/{name}", f"a/{name}", f"C:\\{name}", f"{'d/' * 60}{name}"]), data
        )
        if rng.random() < 0.4:
            link = zipfile.ZipInfo("link.csv")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            bundle.writestr(link, rng.choice(["/etc/passwd", "link.csv", name]))
        if rng.random() < 0.3:
            bundle.writestr("x" * rng.choice([200, 300, 5000]) + ".csv", data[:100])
    return path


def _tar(folder: Path, name: str, data: bytes, rng: random.Random) -> Path:
    path = folder / "packed.tar"
    with tarfile.open(path, "w") as tape:
        entry = tarfile.TarInfo(rng.choice([name, f"../{name}", f"a/{name}", name + "/" + name]))
        entry.size = len(data)
        tape.addfile(entry, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            if rng.random() < 0.4:
                other = tarfile.TarInfo(f"odd{int(kind)}.csv")
                other.type, other.linkname = kind, rng.choice(["/etc/passwd", name, "nowhere"])
                tape.addfile(other)
    return path


def _nest(folder: Path, name: str, data: bytes, rng: random.Random) -> Path:
    """An archive within an archive and so on, the innermost perhaps cut off."""
    for depth in range(rng.choice([2, 3, 6])):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as bundle:
            bundle.writestr(name, data)
        name, data = f"inner{depth}.zip", buffer.getvalue()
    path = folder / "packed.zip"
    path.write_bytes(data if rng.random() < 0.8 else data[: -rng.randint(1, len(data))])
    return path


def _links(folder: Path, name: str, data: bytes, rng: random.Random) -> Path:
    """Links that lead in circles, outside and nowhere, beside the file, and a file that nobody may read."""
    inside = folder / "set"
    inside.mkdir()
    (inside / name).write_bytes(data)
    (inside / "loop").symlink_to(inside)
    (inside / "self.csv").symlink_to(inside / "self.csv")
    (inside / "gone.csv").symlink_to(folder / "nowhere.csv")
    if rng.random() < 0.5:
        (folder / "beside.csv").write_bytes(data)
        (inside / "outside.csv").symlink_to(folder / "beside.csv")
    if rng.random() < 0.5:
        (inside / "closed.csv").write_bytes(data)
        (inside / "closed.csv").chmod(0)
    return inside
