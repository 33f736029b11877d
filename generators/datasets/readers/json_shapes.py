"""Shapes in which JSON documents hold tables: how to recognise one, its frame, and Python that builds the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pandas as pd

from generators.datasets.readers.code import number_names
from generators.datasets.readers.dialect import looks_like_header

Shape = Literal[
    "records",  # [{"a": 1}, ...]
    "nested",  # [{"a": {"b": 1}}, ...]
    "rows",  # [[1, "x"], ...]
    "header_rows",  # [["a", "b"], [1, "x"], ...]
    "columns",  # {"a": [1, 2], "b": [3, 4]}
    "indexed",  # {"a": {"0": 1, "1": 2}, "b": {...}}
    "split",  # {"columns": ["a", "b"], "data": [[1, "x"], ...]}
    "keyed",  # {"id1": {"a": 1}, "id2": {"a": 2}, ...}
    "members",  # {"group": ["x", "y", ...], ...}
    "grouped_rows",  # {"group": [[1, 2], ...], ...}
    "grouped_records",  # {"group": [{"a": 1}, ...], ...}
]

_DEPTH = 2
"""Levels of keys under which tables are looked for."""
_MANY = 12
"""From so many members on, groups of the same shape are one table with a key, not a table each."""

EXPRESSIONS: dict[Shape, str] = {
    "records": "pd.DataFrame({load})",
    "nested": "pd.json_normalize({load}, max_level=1)",
    "columns": "pd.DataFrame({load})",
    "indexed": "pd.DataFrame({load}).reset_index(drop=True)",
    "rows": "pd.DataFrame({load}, columns={names})",
}
"""Shapes that one readable expression covers: `{load}` is the parsed document, `{names}` are numbered columns."""

_FUNCTION = '''def read_document(path):
    """{summary}"""
    document = {load}
    return {build}
'''
_BUILDS: dict[Shape, tuple[str, str]] = {
    "header_rows": ("Table of rows under a row of names.", "pd.DataFrame(document[1:], columns=document[0])"),
    "split": ("Table of names and rows.", 'pd.DataFrame(document["data"], columns=document["columns"])'),
    "keyed": (
        "One row per key of the document.",
        'pd.json_normalize([{"key": key, **record} for key, record in document.items()], max_level=1)',
    ),
    "members": (
        "One row per value of each key.",
        'pd.DataFrame([(key, value) for key in document for value in document[key]], columns=["key", "value"])',
    ),
    "grouped_rows": (
        "One row per entry of each key, without names.",
        'pd.DataFrame([(key, *row) for key in document for row in document[key]]).add_prefix("column_")',
    ),
    "grouped_records": (
        "One row per record of each key.",
        'pd.json_normalize([{"key": key, **record} for key in document for record in document[key]], max_level=1)',
    ),
}


def function_source(shape: Shape, load: str) -> str:
    """Definition of `read_document(path)` for a shape without expression; `load` parses the document from `path`."""
    summary, build = _BUILDS[shape]
    return _FUNCTION.replace("{summary}", summary).replace("{load}", load).replace("{build}", build)


def find_tables(document: Any, where: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Keys that lead to each table of a document, and its shape."""
    shape = _shape(document)
    if shape is not None:
        if not where or len(document) > 1:
            yield where, shape
    elif isinstance(document, dict) and len(where) < _DEPTH:
        for key, item in document.items():
            if isinstance(item, list | dict):
                yield from find_tables(item, (*where, key))


def build_frame(document: Any, shape: Shape) -> pd.DataFrame:
    """The table; the same as the code of the shape gives."""
    if shape in {"records", "columns"}:
        return pd.DataFrame(document)
    if shape == "indexed":
        return pd.DataFrame(document).reset_index(drop=True)
    if shape == "rows":
        return pd.DataFrame(document, columns=number_names(len(document[0])))
    if shape == "header_rows":
        return pd.DataFrame(document[1:], columns=document[0])
    if shape == "split":
        return pd.DataFrame(document["data"], columns=document["columns"])
    if shape == "members":
        return pd.DataFrame([(key, value) for key in document for value in document[key]], columns=["key", "value"])
    if shape == "grouped_rows":
        return pd.DataFrame([(key, *row) for key in document for row in document[key]]).add_prefix("column_")
    if shape == "keyed":
        document = [{"key": key, **record} for key, record in document.items()]
    elif shape == "grouped_records":
        document = [{"key": key, **record} for key in document for record in document[key]]
    return pd.json_normalize(document, max_level=1)


def has_records(records: list[dict[str, Any]]) -> bool:
    """Whether cells of these records are records themselves."""
    return any(isinstance(cell, dict) for record in records for cell in record.values())


def _shape(value: Any) -> Shape | None:
    if isinstance(value, list):
        return _list_shape(value)
    if isinstance(value, dict) and value:
        return _dict_shape(value)
    return None


def _list_shape(rows: list[Any]) -> Shape | None:
    if not rows:
        return None
    if all(isinstance(row, dict) for row in rows):
        return None if not any(rows) else "nested" if has_records(rows) else "records"
    if not _is_rows(rows):
        return None
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows[:200]]
    names = rows[0]
    named = all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names)
    certain = any(isinstance(cell, int | float) for row in rows[1:200] for cell in row)
    return "header_rows" if len(rows) > 2 and named and certain and looks_like_header(texts[0], texts[1:]) else "rows"


def _is_rows(rows: list[Any]) -> bool:
    """Lists of the same length, at least 2, with plain values."""
    return (
        all(isinstance(row, list) for row in rows)
        and len({len(row) for row in rows}) == 1
        and len(rows[0]) >= 2
        and not any(isinstance(cell, list | dict) for row in rows for cell in row)
    )


def _dict_shape(document: dict[str, Any]) -> Shape | None:
    values = list(document.values())
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list) and data and _is_rows(data):
        named = all(isinstance(name, str) for name in columns) and len(set(columns)) == len(columns)
        return "split" if named and len(columns) == len(data[0]) else None
    if all(isinstance(value, list) for value in values):
        return _lists_shape(values)
    if len(values) >= 2 and all(isinstance(value, dict) and value for value in values):
        inner = set().union(*values)
        alike = all(len(value) == len(inner) for value in values)
        if alike and all(key.isdigit() for key in inner) and not all(key.isdigit() for key in document):
            nested = any(isinstance(cell, list | dict) for value in values for cell in value.values())
            return None if nested else "indexed"
        overlap = sum(map(len, values)) / len(values) / len(inner)
        lists = [cell for value in values[:20] for cell in value.values() if isinstance(cell, list) and len(cell) > 1]
        if len(values) >= _MANY and overlap >= 0.5 and "key" not in inner and not any(map(_shape, lists)):
            return "keyed"
    return None


def _lists_shape(values: list[list[Any]]) -> Shape | None:
    """Shape of a document whose members are all lists."""
    cells = [cell for value in values for cell in value]
    lengths = {len(value) for value in values}
    if len(cells) < 2:
        return None
    if not any(isinstance(cell, list | dict) for cell in cells):
        words = all(isinstance(cell, str) for cell in cells)
        distinct = words and len(set(cells)) == len(cells)
        if len(lengths) == 1 and lengths != {1} and not (distinct and len(values) > 2 and len(cells) >= _MANY):
            return "columns"
        return "members" if words and len(values) > 2 and len(cells) >= _MANY else None
    if len(values) < _MANY:
        return None
    if _is_rows(cells):
        return "grouped_rows"
    named = all(isinstance(cell, dict) and "key" not in cell for cell in cells)
    return "grouped_records" if named else None
