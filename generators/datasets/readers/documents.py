"""Documents: a folder of texts, one file each, is one table with a row per file.

Its columns: the folders that a file lies in (`folder`, or `folder_1` from the outside in), its name (`file`) and what
it says (`text`). Folders that all files share are left out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from generators.datasets.raw import ReadSpec
from generators.datasets.readers.code import ReadCode, UnreadableFileError, literal, path_source
from generators.datasets.readers.encoding import detect_encoding

SUFFIXES = (".txt", ".text", ".md", ".rst", ".html", ".htm", "")
LEAST = 30
"""Files of one suffix that make a collection of documents; of fewer, each is a text about the data."""
_UNMISTAKABLE = 0.8
"""Share of the files that must hold no table by themselves."""
_FALLBACK = "cp1252"
_LOOKED_AT = 50
_DEEPEST = 4

_FUNCTION = '''def read_documents(folder, suffix, levels, leave_out=(), encoding="cp1252"):
    """One row per text file: the folders it lies in, its name, its text (UTF-8, or else the other encoding)."""
    rows = []
    for path in sorted(folder.rglob(f"*{suffix}"), key=lambda path: path.relative_to(folder).as_posix()):
        place = path.relative_to(folder)
        hidden = any(part.startswith((".", "__")) for part in place.parts)
        if hidden or path.suffix != suffix or not path.is_file() or place.as_posix() in leave_out:
            continue
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode(encoding, errors="replace")
        text = text.replace("\\r\\n", "\\n").replace("\\r", "\\n").replace("\\0", "").strip()
        above = dict(zip(levels, (*place.parts[:-1], *[None] * len(levels))))
        rows.append({**above, "file": path.name, "text": text or None})
    return pd.DataFrame(rows, columns=[*levels, "file", "text"])
'''


def gather(root: Path, files: Sequence[str], tabular: Sequence[str]) -> tuple[ReadSpec, pd.DataFrame] | None:
    """The collection of documents among `files` (paths below `root`), or None.

    The suffix that most files have is that of the documents. `tabular` are those of the files that could be read as a
    table by themselves: where these are more than a fifth of that suffix, the files are tables. Never raises for what
    the files hold.
    """
    kinds = Counter(PurePosixPath(file).suffix for file in files if PurePosixPath(file).suffix.lower() in SUFFIXES)
    suffix, count = max(kinds.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    chosen = sorted(file for file in files if PurePosixPath(file).suffix == suffix)
    tables = set(tabular).intersection(chosen)
    if count < LEAST or len(tables) > (1 - _UNMISTAKABLE) * count:
        return None
    folder = os.path.commonpath([PurePosixPath(file).parent.as_posix() for file in chosen])
    encoding = _other_encoding(root, chosen)
    if encoding is None:
        return None
    options: dict[str, Any] = {
        "suffix": suffix,
        "levels": _levels([PurePosixPath(f).relative_to(folder) for f in chosen]),
    }
    if encoding != _FALLBACK:
        options["encoding"] = encoding
    spec = ReadSpec(path="" if folder == "." else folder, format="documents", options=options)
    taken = {PurePosixPath(file).relative_to(folder).as_posix() for file in chosen}
    strangers = sorted(_places(root / folder, suffix) - taken)
    if strangers:
        spec = spec.model_copy(update={"options": {**options, "leave_out": strangers}})
    return spec, read(spec, root)


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table."""
    namespace: dict[str, Any] = {"pd": pd}
    exec(_FUNCTION, namespace)  # noqa: S102 - our own text above: the frame is the one that the packages' code gives
    frame: pd.DataFrame = namespace["read_documents"](root / spec.path, **spec.options)
    return frame


def source(spec: ReadSpec) -> ReadCode:
    """A call of a small function that reads the files in the order of their paths."""
    arguments = [f"{name}={literal(value)}" for name, value in spec.options.items()]
    folder = path_source(spec.path) if spec.path else "raw"
    return ReadCode(("import pandas as pd",), f"read_documents({', '.join([folder, *arguments])})", _FUNCTION)


def members(spec: ReadSpec, files: Sequence[str]) -> set[str]:
    """Those of `files` that are rows of the table."""
    left_out = {str(PurePosixPath(spec.path, place)) for place in spec.options.get("leave_out", ())}
    return {
        file
        for file in files
        if PurePosixPath(file).suffix == spec.options["suffix"]
        and PurePosixPath(file).is_relative_to(spec.path or ".")
        and file not in left_out
    }


def _places(folder: Path, suffix: str) -> set[str]:
    """What the function above would find in the folder."""
    found = (path for path in folder.rglob(f"*{suffix}") if path.suffix == suffix and path.is_file())
    places = (path.relative_to(folder) for path in found)
    return {place.as_posix() for place in places if not any(part.startswith((".", "__")) for part in place.parts)}


def _levels(places: Sequence[PurePosixPath]) -> list[str]:
    """Names for the folders that the files lie in below the one they share."""
    depth = min(_DEEPEST, max(len(place.parts) - 1 for place in places))
    return [] if depth == 0 else ["folder"] if depth == 1 else [f"folder_{level}" for level in range(1, depth + 1)]


def _other_encoding(root: Path, files: Sequence[str]) -> str | None:
    """How the files are written that are not UTF-8; None where most files are no texts."""
    found: Counter[str] = Counter()
    unreadable = 0
    looked_at = files[:: max(1, len(files) // _LOOKED_AT)]
    for file in looked_at:
        try:
            encoding, _ = detect_encoding(root / file)
        except (UnreadableFileError, OSError):
            unreadable += 1
            continue
        if not encoding.startswith("utf-8"):
            found[encoding] += 1
    if unreadable > 0.2 * len(looked_at):
        return None
    return max(found.items(), key=lambda item: (item[1], item[0]))[0] if found else _FALLBACK
