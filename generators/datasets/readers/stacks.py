"""Stacks: files of one folder that hold the same columns, in any order, are one table that names the file of each row.

A month, a subject or a film to a file is how many raw datasets come. What tells the files apart is their name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from generators.datasets.raw import ReadSpec
from generators.datasets.readers.code import ReadCode, literal, path_source

LEAST = 5
"""Files of the same columns that are stacked; fewer may be tables of different things."""
_FORMATS = frozenset({"csv", "json", "jsonl", "parquet", "feather"})
_NAMES = ("file", "file_name", "source_file")
"""Names for the new column: the first that the files do not have."""
_PLACE = "the_file_itself"

_FUNCTION = '''def read_stack(folder, suffix, name, leave_out=()):
    """The rows of all files of a folder that end alike, in the order of their names, with the file of each row."""
    frames = []
    for path in sorted(folder.glob(f"*{{suffix}}")):
        if path.name in leave_out or path.name.startswith("."):
            continue
        rows = {expression}
        rows.insert(0, name, path.stem)
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)
'''

Found = tuple[ReadSpec, pd.DataFrame]


def gather(root: Path, found: Sequence[Found]) -> list[Found]:
    """The tables with those of a stack in one; the others as they are, in their order.

    Files are stacked where all of them read alike: with the options that most of them have, each gives the same
    columns as it does with its own.
    """
    alone = Counter(spec.path for spec, _ in found)
    alike: dict[tuple[Any, ...], list[int]] = {}
    for place, (spec, frame) in enumerate(found):
        if spec.format in _FORMATS and alone[spec.path] == 1:
            path = PurePosixPath(spec.path)
            kind = (path.parent, path.suffix, spec.format, spec.member, frozenset(map(str, frame.columns)))
            alike.setdefault(kind, []).append(place)
    stacked: dict[int, Found | None] = {}
    for places in alike.values():
        stack = _stack(root, [found[place] for place in places]) if len(places) >= LEAST else None
        if stack is not None:
            stacked |= dict.fromkeys(places)
            stacked[places[0]] = stack
    whole = [stacked.get(place, one) for place, one in enumerate(found)]
    return [one for one in whole if one is not None]


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table."""
    code = source(spec)
    namespace: dict[str, Any] = {"raw": root}
    exec("\n".join([*code.imports, code.function]), namespace)  # noqa: S102 - our own text: the frame of the packages' code
    frame: pd.DataFrame = eval(code.expression, namespace)  # noqa: S307 - likewise
    return frame


def source(spec: ReadSpec) -> ReadCode:
    """A call of a function that reads file after file."""
    from generators.datasets import readers

    options = spec.options
    path = f"{_PLACE}{options['suffix']}"
    one = readers.source(
        ReadSpec(path=path, format=options["format"], member=spec.member, options=options.get("options", {}))
    )
    function = _FUNCTION.format(expression=one.expression.replace(path_source(path), "path"))
    arguments = [f"suffix={literal(options['suffix'])}", f"name={literal(options['name'])}"]
    if "leave_out" in options:
        arguments.append(f"leave_out={literal(options['leave_out'])}")
    folder = path_source(spec.path) if spec.path else "raw"
    imports = tuple(sorted({*one.imports, "import pandas as pd"}))
    before = f"{one.function.strip()}\n\n\n" if one.function else ""
    return ReadCode(imports, f"read_stack({', '.join([folder, *arguments])})", before + function)


def _stack(root: Path, files: Sequence[Found]) -> Found | None:
    """The files in one table, None where they do not read alike."""
    spec, first = files[0]
    columns = list(map(str, first.columns))
    name = next((name for name in _NAMES if name not in columns), None)
    path = PurePosixPath(spec.path)
    folder = "" if str(path.parent) == "." else str(path.parent)
    known = {PurePosixPath(one.path).name for one, _ in files}
    strangers = sorted(
        other.name
        for other in (root / folder).glob(f"*{path.suffix}")
        if other.name not in known and not other.name.startswith(".")
    )
    texts = Counter(literal(one.options) for one, _ in files)
    usual = next(one.options for one, _ in files if literal(one.options) == max(texts, key=lambda text: texts[text]))
    options: dict[str, Any] = {"format": spec.format, "suffix": path.suffix, "name": name}
    options |= {"options": usual} if usual else {}
    options |= {"leave_out": strangers} if strangers else {}
    stack = ReadSpec(path=folder, format="stack", member=spec.member, options=options)
    if name is None or not path.suffix:
        return None
    try:
        frame = read(stack, root)
    except Exception:  # noqa: BLE001 - parsers raise anything where a file wants other options
        return None
    rows = sum(len(one) for _, one in files)
    alike = set(frame.columns) == {name, *columns} and len(frame) == rows
    return (stack, frame) if alike and frame[name].nunique() == len(files) else None
