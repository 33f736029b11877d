"""Stacks: files of one folder that hold the same columns, in any order, are one table that names the file of each row.

A month, a subject or a film to a file is how many raw datasets come. What tells the files apart is their name, and
where there are many folders of them (one for each subject) these as well.
"""

from __future__ import annotations

import os
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
_MANY = 5
"""Folders with files of the same columns that are one stack; fewer may be kept apart on purpose, as kinds or places."""

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

_TREE = '''def read_tree(folder, suffix, name, levels, leave_out=()):
    """The rows of all files below a folder that end alike, in the order of their paths, with where each row is from."""
    frames = []
    for path in sorted(folder.rglob(f"*{{suffix}}"), key=lambda path: path.relative_to(folder).as_posix()):
        place = path.relative_to(folder)
        if place.as_posix() in leave_out or any(part.startswith((".", "__")) for part in place.parts):
            continue
        rows = {expression}
        for position, (column, part) in enumerate(zip((*levels, name), (*place.parts[:-1], path.stem))):
            rows.insert(position, column, part)
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
    alike: dict[tuple[Any, ...], dict[PurePosixPath, list[int]]] = {}
    for place, (spec, frame) in enumerate(found):
        if spec.format in _FORMATS and alone[spec.path] == 1:
            path = PurePosixPath(spec.path)
            kind = (path.suffix, spec.format, spec.member, frozenset(map(str, frame.columns)))
            alike.setdefault(kind, {}).setdefault(path.parent, []).append(place)
    stacked: dict[int, Found | None] = {}
    for folders in alike.values():
        everywhere = [place for places in folders.values() for place in places]
        tree = _stack(root, [found[place] for place in everywhere], tree=True) if len(folders) >= _MANY else None
        for places in [everywhere] if tree is not None else folders.values():
            few = len(places) < LEAST
            stack = tree or (None if few else _stack(root, [found[place] for place in places]))
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
    levels = options.get("levels")
    function = (_TREE if levels else _FUNCTION).format(expression=one.expression.replace(path_source(path), "path"))
    arguments = [f"suffix={literal(options['suffix'])}", f"name={literal(options['name'])}"]
    if levels:
        arguments.append(f"levels={literal(levels)}")
    if "leave_out" in options:
        arguments.append(f"leave_out={literal(options['leave_out'])}")
    folder = path_source(spec.path) if spec.path else "raw"
    imports = tuple(sorted({*one.imports, "import pandas as pd"}))
    before = f"{one.function.strip()}\n\n\n" if one.function else ""
    name = "read_tree" if levels else "read_stack"
    return ReadCode(imports, f"{name}({', '.join([folder, *arguments])})", before + function)


def _stack(root: Path, files: Sequence[Found], *, tree: bool = False) -> Found | None:
    """The files, of one folder or of a tree of them, in one table; None where they do not read alike."""
    spec, first = files[0]
    columns = list(map(str, first.columns))
    paths = [PurePosixPath(one.path) for one, _ in files]
    name = next((name for name in _NAMES if name not in columns), None)
    above = PurePosixPath(os.path.commonpath([path.parent.as_posix() for path in paths]))
    levels = _levels([path.relative_to(above) for path in paths]) if tree else []
    suffix = paths[0].suffix
    if name is None or not suffix or (tree and not levels) or set(levels) & {name, *columns}:
        return None
    folder = "" if str(above) == "." else str(above)
    known = {path.relative_to(above).as_posix() for path in paths}
    strangers = sorted(_places(root / folder, suffix, tree=tree) - known)
    texts = Counter(literal(one.options) for one, _ in files)
    usual = next(one.options for one, _ in files if literal(one.options) == max(texts, key=lambda text: texts[text]))
    options: dict[str, Any] = {"format": spec.format, "suffix": suffix, "name": name}
    options |= {"levels": levels} if tree else {}
    options |= {"options": usual} if usual else {}
    options |= {"leave_out": strangers} if strangers else {}
    stack = ReadSpec(path=folder, format="stack", member=spec.member, options=options)
    try:
        frame = read(stack, root)
    except Exception:  # noqa: BLE001 - parsers raise anything where a file wants other options
        return None
    rows = sum(len(one) for _, one in files)
    alike = set(frame.columns) == {*levels, name, *columns} and len(frame) == rows
    return (stack, frame) if alike and len(frame[[*levels, name]].drop_duplicates()) == len(files) else None


def _levels(places: Sequence[PurePosixPath]) -> list[str]:
    """Names for the folders between the shared one and the files; none where the files lie at different depths."""
    depths = {len(place.parts) - 1 for place in places}
    if len(depths) > 1:
        return []
    (depth,) = depths
    return ["folder"] if depth == 1 else [f"folder_{level}" for level in range(1, depth + 1)]


def _places(folder: Path, suffix: str, *, tree: bool) -> set[str]:
    """What the function of a stack would find in the folder."""
    found = (folder.rglob if tree else folder.glob)(f"*{suffix}")
    places = (path.relative_to(folder) for path in found)
    hidden = (".", "__") if tree else (".",)
    return {place.as_posix() for place in places if not any(part.startswith(hidden) for part in place.parts)}
