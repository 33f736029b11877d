"""ReadCode: Python that reads one table, and how values become readable Python literals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from generators.errors import DatasetError


class UnreadableFileError(DatasetError):
    """A file that holds no table that can be read; `message` and `advice` become a `Problem`."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(f"{message}; {advice}")
        self.message = message
        self.advice = advice


@dataclass(frozen=True, slots=True)
class ReadCode:
    """Python that reads one table from the variable `raw: Path`, the folder of the raw dataset."""

    imports: tuple[str, ...]
    """Import statements that `expression` and `function` need, sorted."""
    expression: str
    """One expression that gives the frame."""
    function: str = ""
    """Definition of the function that `expression` calls, empty where none is needed."""


def literal(value: Any) -> str:
    """Python source of a JSON-like value, strings in double quotes where that needs no escape."""
    if isinstance(value, str):
        plain = repr(value)
        return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in value else plain
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return repr(value)


def path_source(path: str) -> str:
    """`raw / "folder" / "file.csv"` for a relative path with forward slashes."""
    return " / ".join(("raw", *(literal(part) for part in PurePosixPath(path).parts)))


def numbered_names(names: list[str]) -> bool:
    """Whether the names are the ones that tables without a header get."""
    return names == number_names(len(names))


def number_names(count: int) -> list[str]:
    """Names for the columns of a table without a header."""
    return [f"column_{i}" for i in range(1, count + 1)]


def names_source(names: list[str]) -> str:
    """Source of a list of column names, short for numbered ones."""
    if len(names) > 3 and numbered_names(names):
        return f'[f"column_{{i}}" for i in range(1, {len(names) + 1})]'
    return literal(names)


def identifier(name: str, fallback: str = "table") -> str:
    """A Python identifier in lower case made from any text, `fallback` where no letter is left."""
    import keyword
    import re
    import unicodedata

    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    split_words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", ascii_name)
    slug = re.sub(r"[^a-z0-9]+", "_", split_words.lower()).strip("_")
    if not slug:
        return fallback
    if slug[0].isdigit():
        slug = f"{fallback}_{slug}"
    return f"{slug}_{fallback}" if keyword.iskeyword(slug) or keyword.issoftkeyword(slug) else slug
