"""JSON documents and JSON Lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers import tidying
from generators.datasets.readers.code import (
    ReadCode,
    UnreadableFileError,
    literal,
    names_source,
    number_names,
    path_source,
)
from generators.datasets.readers.encoding import COMPRESSED, detect_encoding, open_bytes
from generators.datasets.readers.json_shapes import EXPRESSIONS, build_frame, find_tables, function_source, has_records
from generators.datasets.readers.ragged import first_lines

SUFFIXES = (".json", ".geojson")
LINES_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")

_MODULES = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
_TOLERANT = '''def read_lines(text):
    """Records of JSON Lines; lines that hold no record are left out."""
    records = []
    for line in text.split("\\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
'''


def discover(path: Path, relative: str) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    """Tables of a document, none where it holds something else. Raises `UnreadableFileError`."""
    encoding, errors = detect_encoding(path)
    if errors != "strict":
        raise UnreadableFileError("some bytes are not valid UTF-8", "save the file again as UTF-8")
    options: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
    suffix = Path(path.stem).suffix if path.suffix.lower() in COMPRESSED else path.suffix
    text = _text(path, encoding)
    if suffix.lower() in LINES_SUFFIXES:
        return _discover_lines(text, relative, options)
    try:
        document = json.loads(text)
    except RecursionError:
        raise UnreadableFileError("its values are nested too deeply", "flatten it") from None
    except ValueError as error:
        if "Extra data" in str(error):
            return _discover_lines(text, relative, options)
        raise UnreadableFileError(f"the file is no valid JSON: {error}", "mend it or take it out") from None
    if document in ([], {}, None):
        raise UnreadableFileError("the document is empty", "fill it or take it out of the folder")
    tables = []
    for where, shape in find_tables(document):
        frame = build_frame(_inside(document, where), shape)
        if len(frame) and len(frame.columns):
            found = options | {"shape": shape} | ({"path": list(where)} if where else {})
            if shape == "rows":
                found["width"] = len(frame.columns)
            spec = ReadSpec(path=relative, format="json", member=".".join(where), options=found)
            tables.append(_tidied(spec, frame))
    return tables, []


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table."""
    text = _text(root / spec.path, spec.options.get("encoding", "utf-8"))
    if spec.format == "jsonl":
        frame = _records_frame(_records(text)[0], spec.options)
    else:
        frame = build_frame(_inside(json.loads(text), spec.options.get("path", ())), spec.options["shape"])
    return tidying.apply(frame, spec.options.get("tidy", {}))


def source(spec: ReadSpec) -> ReadCode:
    """`json.loads` and a `DataFrame`, with a small function for broken lines and for less usual shapes."""
    chain, imports, function = tidying.chain_source(spec.options.get("tidy", {}))
    imports |= {"import json", "import pandas as pd"}
    module = _MODULES.get(Path(spec.path).suffix.lower())
    if module:
        imports.add(f"import {module}")
    where = path_source(spec.path)
    if spec.format == "jsonl":
        text = _text_source(f"({where})", module, spec.options)
        if spec.options.get("broken"):
            records, function = f"read_lines({text})", _join(_TOLERANT, function)
        else:
            records = f'[json.loads(line) for line in {text}.split("\\n") if line.strip()]'
        nested = spec.options.get("nested")
        build = f"pd.json_normalize({records}, max_level=1)" if nested else f"pd.DataFrame({records})"
        return ReadCode(tuple(sorted(imports)), build + chain, function)
    shape = spec.options["shape"]
    keys = "".join(f"[{literal(key)}]" for key in spec.options.get("path", ()))
    if shape in EXPRESSIONS:
        load = f"json.loads({_text_source(f'({where})', module, spec.options)}){keys}"
        names = names_source(number_names(spec.options.get("width", 0)))
        return ReadCode(tuple(sorted(imports)), EXPRESSIONS[shape].format(load=load, names=names) + chain, function)
    load = f"json.loads({_text_source('path', module, spec.options)}){keys}"
    return ReadCode(
        tuple(sorted(imports)), f"read_document({where}){chain}", _join(function_source(shape, load), function)
    )


def _text_source(path: str, module: str | None, options: dict[str, Any]) -> str:
    encoding = literal(options.get("encoding", "utf-8"))
    if module:
        return f"{module}.decompress({path}.read_bytes()).decode({encoding})"
    return f"{path}.read_text(encoding={encoding})"


def _join(first: str, second: str) -> str:
    return f"{first}\n\n{second}" if second else first


def _text(path: Path, encoding: str) -> str:
    with open_bytes(path) as stream:
        return stream.read().decode(encoding)


def _inside(document: Any, keys: tuple[str, ...] | list[str]) -> Any:
    for key in keys:
        document = document[key]
    return document


def _records(text: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Records, and numbers of the lines that hold none."""
    records = []
    broken = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            records.append(record)
        else:
            broken.append(number)
    return records, broken


def _records_frame(records: list[dict[str, Any]], options: dict[str, Any]) -> pd.DataFrame:
    return pd.json_normalize(records, max_level=1) if options.get("nested") else pd.DataFrame(records)


def _discover_lines(
    text: str, relative: str, options: dict[str, Any]
) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    records, broken = _records(text)
    if len(broken) > len(records) or not any(records):
        raise UnreadableFileError(
            "most of its lines hold no JSON record" if records or broken else "the file has no records",
            "write one JSON object per line",
        )
    problems = []
    if broken:
        options = options | {"broken": True}
        count = "1 line holds" if len(broken) == 1 else f"{len(broken)} lines hold"
        message = f"{count} no JSON record ({first_lines(broken)}) and was left out"
        problems.append(Problem(relative, message, "mend these lines", fatal=False))
    if has_records(records):
        options = options | {"nested": True}
    spec = ReadSpec(path=relative, format="jsonl", options=options)
    return [_tidied(spec, _records_frame(records, options))], problems


def _tidied(spec: ReadSpec, frame: pd.DataFrame) -> tuple[ReadSpec, pd.DataFrame]:
    tidy = tidying.tidy(frame, typed=False)
    if not tidy:
        return spec, frame
    return spec.model_copy(update={"options": {**spec.options, "tidy": tidy}}), tidying.apply(frame, tidy)
