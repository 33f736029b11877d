"""The half of a sandbox that is about files: the same for all that have a workspace behind a descriptor."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from sandboxes.limits import Limits
from sandboxes.sandbox import Collected
from sandboxes.workspace import PUBLIC, Workspace

_MIB = 1 << 20


class SandboxFiles(ABC):
    """A workspace, and public data that is read under `public/`. `public`: its folder, None for none."""

    def __init__(self, *, public: Path | None, limits: Limits | None) -> None:
        if public is not None and not public.is_dir():
            raise ValueError(f"public={str(public)!r} is not a folder")
        self.limits = limits or Limits()
        self._public = public.resolve() if public is not None else None
        self._workspace: Workspace | None = None
        self._shown: Workspace | None = None

    @abstractmethod
    def start(self) -> None:
        """See `Sandbox.start`."""

    @abstractmethod
    def close(self) -> None:
        """See `Sandbox.close`."""

    @abstractmethod
    def _files(self) -> Workspace:
        """The workspace. Raises `SandboxError` where the sandbox is not running."""

    def write_file(self, path: str, data: bytes) -> None:
        """Put a file into the workspace; see `Sandbox.write_file`."""
        self._files().write(path, data)

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        """Read a file of the workspace or of `public/`; see `Sandbox.read_file`."""
        files, path = self._files_of(path)
        return files.read(path, max_bytes=max_bytes)

    def collect(self, path: str, *, max_bytes: int) -> Collected:
        """Take a file out as plain bytes; see `Sandbox.collect`."""
        files, path = self._files_of(path)
        return files.collect(path, max_bytes=max_bytes)

    def remove(self, path: str) -> None:
        """Remove a file, link or folder; see `Sandbox.remove`."""
        self._files().remove(path)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _workspace_at(self, folder: int) -> Workspace:
        limits = self.limits
        return Workspace(
            folder,
            max_bytes=limits.file_mib * _MIB,
            quota_bytes=limits.disk_mib * _MIB,
            quota_files=limits.files,
        )

    def _show_public(self) -> None:
        if self._public is not None:
            self._shown = self._workspace_at(open_folder(self._public))

    def _close_files(self) -> None:
        for files in (self._workspace, self._shown):
            if files is not None:
                files.close()
        self._workspace = self._shown = None

    def _files_of(self, path: str) -> tuple[Workspace, str]:
        files = self._files()
        first, _, rest = path.removeprefix("./").partition("/")
        if first == PUBLIC and rest and self._shown is not None:
            return self._shown, rest
        return files, path


def open_folder(folder: Path) -> int:
    """A descriptor of a folder of the host."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
