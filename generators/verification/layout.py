"""What lies in a package's folder: kinds, sizes and hashes of its files."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# left behind by anyone who runs the package's tests; no part of it
_BY_PRODUCTS = frozenset({"__pycache__", ".pytest_cache"})


@dataclass(frozen=True, slots=True)
class FileFact:
    """One entry of the folder, links not followed."""

    size: int
    """Bytes."""
    kind: Literal["file", "link", "other"]
    executable: bool


def list_files(root: Path) -> dict[str, FileFact]:
    """Everything below `root` that is not a plain folder, by relative path with forward slashes, sorted."""
    found: dict[str, FileFact] = {}
    for folder, names, files in os.walk(root):
        links = [name for name in names if Path(folder, name).is_symlink()]
        names[:] = [name for name in names if name not in _BY_PRODUCTS]
        for name in files + links:
            path = Path(folder, name)
            status = path.lstat()
            mode = status.st_mode
            kind: Literal["file", "link", "other"] = (
                "link" if stat.S_ISLNK(mode) else "file" if stat.S_ISREG(mode) else "other"
            )
            executable = kind == "file" and bool(mode & 0o111)
            found[path.relative_to(root).as_posix()] = FileFact(status.st_size, kind, executable)
    return dict(sorted(found.items()))


def file_digests(root: Path) -> dict[str, str]:
    """SHA-256 of every plain file below `root`, by relative path."""
    return {path: _sha256(root / path) for path, fact in list_files(root).items() if fact.kind == "file"}


def file_stamps(root: Path) -> dict[str, str]:
    """Size and time of change of every file below `root`: tells a change without reading gigabytes."""
    stamps = {}
    for path in list_files(root):
        status = (root / path).lstat()
        stamps[path] = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
    return stamps


def differences(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Relative paths that were added, removed or changed, each with which of the three."""
    changes = []
    for path in sorted({*before, *after}):
        if path not in after:
            changes.append(f"{path} (missing)")
        elif path not in before:
            changes.append(f"{path} (new)")
        elif before[path] != after[path]:
            changes.append(f"{path} (changed)")
    return tuple(changes)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
