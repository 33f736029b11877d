"""Parquet, and Arrow IPC files and streams (`.arrow`, `.feather`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec, TableFormat
from generators.datasets.readers import tidying
from generators.datasets.readers.code import ReadCode, UnreadableFileError, literal, path_source

PARQUET_SUFFIXES = (".parquet", ".pq")
ARROW_SUFFIXES = (".arrow", ".feather", ".ipc", ".arrows")


def discover(path: Path, relative: str) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    """The table of a file, columns with binary data left out. Raises `UnreadableFileError` and pyarrow's errors."""
    options: dict[str, Any] = {}
    if path.stat().st_size == 0:
        raise UnreadableFileError("the file is empty", "fill it or take it out of the folder")
    if path.suffix.lower() in PARQUET_SUFFIXES:
        import pyarrow.parquet

        kind: TableFormat = "parquet"
        schema = pyarrow.parquet.read_schema(path)
    else:
        kind = "feather"
        table = _arrow_table(path, options)
        # offsets of a damaged file point anywhere: unchecked they crash whoever looks at the column
        table.validate(full=True)
        schema = table.schema
    binary = [field.name for field in schema if _holds_bytes(field.type)]
    if binary:
        options["columns"] = [name for name in schema.names if name not in binary]
        if not options["columns"]:
            raise UnreadableFileError("all its columns hold binary data", "add a column that can be read as a table")
    spec = ReadSpec(path=relative, format=kind, options=options)
    frame = _read(path, spec)
    if frame.empty:
        raise UnreadableFileError("the file has no rows", "add rows or take it out of the folder")
    if frame.columns.duplicated().any():
        raise UnreadableFileError("two of its columns have the same name", "rename one of them")
    tidy = tidying.tidy(frame, typed=True)
    if tidy:
        spec = spec.model_copy(update={"options": options | {"tidy": tidy}})
    problems = []
    if binary:
        names = ", ".join(repr(name) for name in binary[:5])
        advice = "store it as files with a column of paths"
        problems.append(Problem(relative, f"binary data in {names} was left out", advice, fatal=False))
    return [(spec, tidying.apply(frame, tidy))], problems


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table."""
    return tidying.apply(_read(root / spec.path, spec), spec.options.get("tidy", {}))


def source(spec: ReadSpec) -> ReadCode:
    """`pd.read_parquet(...)` or `pd.read_feather(...)`; a stream through pyarrow."""
    chain, imports, function = tidying.chain_source(spec.options.get("tidy", {}))
    columns = spec.options.get("columns")
    where = path_source(spec.path)
    imports.add("import pandas as pd")
    if spec.options.get("stream"):
        imports = (imports - {"import pandas as pd"}) | {"import pyarrow as pa"}
        chosen = f".select({literal(columns)})" if columns else ""
        base = f"pa.ipc.open_stream(({where}).read_bytes()).read_all(){chosen}.to_pandas()"
    else:
        reader = "read_parquet" if spec.format == "parquet" else "read_feather"
        base = f"pd.{reader}({where}{f', columns={literal(columns)}' if columns else ''})"
    return ReadCode(tuple(sorted(imports)), base + chain, function)


def _read(path: Path, spec: ReadSpec) -> pd.DataFrame:
    columns = spec.options.get("columns")
    if spec.options.get("stream"):
        import pyarrow as pa

        table = pa.ipc.open_stream(path.read_bytes()).read_all()
        frame: pd.DataFrame = (table.select(columns) if columns else table).to_pandas()
        return frame
    if spec.format == "parquet":
        return pd.read_parquet(path, columns=columns)
    return pd.read_feather(path, columns=columns)


def _arrow_table(path: Path, options: dict[str, Any]) -> Any:
    """The table; a stream is marked in `options`."""
    import pyarrow as pa
    import pyarrow.feather

    with path.open("rb") as stream:
        head = stream.read(6)
    if head == b"ARROW1" or head[:4] == b"FEA1":
        return pyarrow.feather.read_table(path, memory_map=False)
    options["stream"] = True
    return pa.ipc.open_stream(path.read_bytes()).read_all()


def _holds_bytes(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(_holds_bytes(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _holds_bytes(kind.value_type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
