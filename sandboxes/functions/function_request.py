"""What the fork server is asked for when a function of a foreign module is to run: shared by one call and many."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandboxes.confinement import rlimits
from sandboxes.confinement.confine import Bind, Confinement, Folder
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.sandbox import IsolationLevel

_OWN_PACKAGES = ("sandboxes.", "generators.", "mlesmith_env.", "pytest")
_SCRATCH = "/tmp"  # noqa: S108 - inside the private root
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - inside the private root


@dataclass(frozen=True, slots=True)
class FunctionRequest:
    """A module and what its process may see and use. Paths are absolute."""

    target: Path | str
    """Path of a Python file, or the dotted name of an importable module."""
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    limits: Limits
    level: IsolationLevel
    environment: Mapping[str, str]
    hash_seed: int

    def to_json(self, scratch: str, **content: Any) -> dict[str, Any]:
        """The request for the fork server. `scratch`: the folder that `scratch_folder` gives.

        Raises `ValueError` for paths that do not exist.
        """
        is_file = isinstance(self.target, Path)
        seen = [Path(self.target), *self.readable] if is_file else self.readable
        binds = [*_binds(seen, writable=False), *_binds(self.writable, writable=True)]
        private = self.level is IsolationLevel.NAMESPACES
        folders: tuple[Folder, ...] = ()
        if private:
            folders = tuple(
                Folder(path, self.limits.disk_mib, self.limits.files) for path in (_SCRATCH, _SHARED_MEMORY)
            )
        else:
            binds.append(Bind(scratch, scratch, writable=True))
        return {
            "confinement": Confinement(self.level, tuple(binds), folders).to_json(),
            "target": str(self.target),
            "is_file": is_file,
            "preload": [self.target] if isinstance(self.target, str) and self.target.startswith(_OWN_PACKAGES) else [],
            "limits": rlimits.limits_to_json(self.limits),
            "environment": scrubbed_environment(
                scratch, {"TMPDIR": scratch, "PYTHONHASHSEED": str(self.hash_seed), **self.environment}
            ),
            "cwd": scratch,
            "scratch": [folder.path for folder in folders] or [scratch],
            "belongings": [] if private else [scratch],
            **content,
        }


@contextlib.contextmanager
def scratch_folder(level: IsolationLevel) -> Iterator[str]:
    """An empty folder for foreign code: inside the private root, or one of this host that goes with the context."""
    if level is IsolationLevel.NAMESPACES:
        yield _SCRATCH
        return
    folder = tempfile.mkdtemp(prefix="mlesmith-")
    try:
        yield str(Path(folder).resolve())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def absolute(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Paths as the caller's working directory makes them."""
    return tuple(Path(path).absolute() for path in paths)


def _binds(paths: Sequence[Path], *, writable: bool) -> Iterator[Bind]:
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path} does not exist")
        real = str(path.resolve())
        for target in dict.fromkeys((str(path), real)):
            yield Bind(real, target, writable)
