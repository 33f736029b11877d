"""Named paths: the file or folder that a model names, found without a step out of the folder that it may look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from generators.roles.llm.capability import CallRefused

_LONGEST = 4096
"""Characters of a name: no path of a system is longer, and a sentence of a megabyte is not taken apart."""


def found_below(root: Path, name: str, *, whole: str = "dataset") -> Path | None:
    """The file or folder `name` of `root`, links followed; None where nothing of the kind can have that name.

    Pipes and devices are neither: whoever opens one may wait for ever. Raises `CallRefused` where it leads out of
    `root`, which is called `whole`.
    """
    if len(name) > _LONGEST:
        return None
    top = root.resolve()
    try:
        path = (top / name.lstrip("/")).resolve()
        if not path.is_relative_to(top):
            raise CallRefused(f"the path leads out of the {whole}")
        return path if path.is_file() or path.is_dir() else None
    except (OSError, ValueError, RuntimeError):  # a part too long, a NUL, a link to itself
        return None


def files_below(root: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Path relative to `root` and bytes of each file in `folder` and below it, by path. What a link brings in from
    outside of `root` is left out, and so is what cannot be looked at."""
    top = root.resolve()
    for path in sorted(folder.rglob("*"), key=lambda path: path.as_posix()):
        try:
            if path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(top)):
                yield path.relative_to(top).as_posix(), path.stat().st_size
        except (OSError, RuntimeError):  # gone meanwhile, in a closed folder, a link to itself
            continue
