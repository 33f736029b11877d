"""Files of a sandbox, handled from outside without trusting a single name in it.

Every path is walked from one open folder, no link is followed on the way or at the end, nothing blocks, and a file's
kind, size and bytes come from one descriptor, so that nothing can be swapped between a check and its use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sandboxes.confinement import linux
from sandboxes.sandbox import Collected, CollectStatus

PUBLIC = "public"
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0)
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RESOLVE = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS
_CHUNK = 1 << 20


class Workspace:
    """The folder behind the descriptor `folder`, which it owns from here on.

    `max_bytes` is the size of one file, `quota_bytes` and `quota_files` are of the whole.
    """

    def __init__(self, folder: int, *, max_bytes: int, quota_bytes: int, quota_files: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._quota_bytes = quota_bytes
        self._quota_files = quota_files
        found = os.fstat(folder)
        self._owner = (found.st_uid, found.st_gid)

    def write(self, path: str, data: bytes) -> None:
        """Put a file there, with the folders above it; what was there before is replaced, never written through.

        Raises `ValueError` for a path outside or in `public/`, one that leads through a link or a file, or one file or
        the whole over quota.
        """
        *above, name = self._own(path)
        if len(data) > self._max_bytes:
            raise ValueError(f"{path}: {len(data)} bytes are over the limit of {self._max_bytes} bytes for one file")
        with linux.acting_as(*self._owner), self._parent(path, above, make=True) as parent:
            try:
                self._write(parent, name, data)
            except IsADirectoryError as error:
                raise ValueError(f"{path} is a folder") from error
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise ValueError(f"{path}: the workspace is full") from error
                if error.errno == errno.ENAMETOOLONG:
                    raise ValueError(f"{path}: the name is too long") from error
                raise

    def _write(self, parent: int, name: str, data: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                raise IsADirectoryError(name)
            os.unlink(name, dir_fd=parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o644, dir_fd=parent)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
        except OSError:
            os.unlink(name, dir_fd=parent)
            raise
        finally:
            os.close(fd)

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The bytes of a regular file.

        Raises `FileNotFoundError`, and `ValueError` for anything else than a regular file of at most `max_bytes`.
        """
        self._parts(path)
        found = self.collect(path, max_bytes=max_bytes)
        if found.status is CollectStatus.MISSING:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if found.status is CollectStatus.NOT_REGULAR:
            raise ValueError(f"{path} is not a regular file")
        if found.status is CollectStatus.TOO_LARGE:
            raise ValueError(f"{path} has {found.size} bytes, more than {max_bytes}")
        return found.data

    def collect(self, path: str, *, max_bytes: int) -> Collected:
        """Take a file out. A path outside counts as not regular."""
        try:
            fd = self._open(self._parts(path))
        except ValueError:
            return Collected(CollectStatus.NOT_REGULAR)
        except OSError as error:
            missing = error.errno in (errno.ENOENT, errno.ENAMETOOLONG)
            return Collected(CollectStatus.MISSING if missing else CollectStatus.NOT_REGULAR)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                return Collected(CollectStatus.NOT_REGULAR)
            if found.st_size > max_bytes:
                return Collected(CollectStatus.TOO_LARGE, size=found.st_size, modified_ns=found.st_mtime_ns)
            data = _read(fd, max_bytes + 1)
            if len(data) > max_bytes:  # it grew while it was read
                return Collected(CollectStatus.TOO_LARGE, size=len(data), modified_ns=found.st_mtime_ns)
            return Collected(CollectStatus.FOUND, data, len(data), found.st_mtime_ns)
        except OSError:
            return Collected(CollectStatus.NOT_REGULAR)
        finally:
            os.close(fd)

    def remove(self, path: str) -> None:
        """Remove a file, link or folder, if it is there. Raises `ValueError` for `public/` and paths outside."""
        *above, name = self._own(path)
        try:
            with linux.acting_as(*self._owner), self._parent(path, above, make=False) as parent:
                if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                    shutil.rmtree(name, dir_fd=parent)
                else:
                    os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return

    def set_time(self, path: str, modified_ns: int) -> None:
        """Set the modification time of a file."""
        *above, name = self._own(path)
        with linux.acting_as(*self._owner), self._parent(path, above, make=False) as parent:
            os.utime(name, ns=(modified_ns, modified_ns), dir_fd=parent, follow_symlinks=False)

    def usage(self) -> tuple[int, int]:
        """Bytes and entries in the workspace, `public/` not counted."""
        size = entries = 0
        for _, folders, files, fd in self._walk():
            entries += len(folders) + len(files)
            for name in files:
                with contextlib.suppress(OSError):
                    size += os.stat(name, dir_fd=fd, follow_symlinks=False).st_blocks * 512
        return size, entries

    def over_quota(self) -> bool:
        """Whether the files are more or larger than allowed."""
        size, entries = self.usage()
        return size > self._quota_bytes or entries > self._quota_files

    def resemble(self, other: Workspace) -> None:
        """Remove the files that `other` does not have, and copy over those that it has; folders stay."""
        for path in set(self._paths()) - set(other._paths()):
            self.remove(path)
        other.copy_to(self)

    def copy_to(self, other: Workspace) -> None:
        """Copy every regular file to another workspace, with its time, as far as its quota goes."""
        for path in self._paths():
            with contextlib.suppress(OSError, ValueError):
                found = self.collect(path, max_bytes=self._quota_bytes)
                if found.status is CollectStatus.FOUND:
                    other.write(path, found.data)
                    other.set_time(path, found.modified_ns)

    def _paths(self) -> list[str]:
        """Paths of everything but folders, `public/` not counted."""
        return [str(PurePosixPath(folder, name)) for folder, _, files, _ in self._walk() for name in files]

    def _walk(self) -> Iterator[tuple[str, list[str], list[str], int]]:
        """Folder by folder as `os.fwalk`, without `public/`; a folder that code has closed to its owner is opened."""
        _let_in(self._folder)
        for folder, folders, files, fd in os.fwalk(".", dir_fd=self._folder):
            if folder == "." and PUBLIC in folders:
                folders.remove(PUBLIC)
            for name in folders:
                with contextlib.suppress(OSError):
                    below = os.open(name, _FOLDER, dir_fd=fd)
                    _let_in(below)
                    os.close(below)
            yield folder, folders, files, fd

    def close(self) -> None:
        """Let the folder go. Idempotent."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def _open(self, parts: list[str]) -> int:
        if linux.available():
            try:
                return linux.openat2(self._folder, "/".join(parts), _READ, _RESOLVE)
            except OSError as error:
                if error.errno not in (errno.ENOSYS, errno.EPERM):
                    raise
        with self._parent("/".join(parts), parts[:-1], make=False) as parent:
            return os.open(parts[-1], _READ, dir_fd=parent)

    @contextlib.contextmanager
    def _parent(self, path: str, parts: list[str], *, make: bool) -> Iterator[int]:
        """Descriptor of the folder `parts`, walked without following a link."""
        folder = os.dup(self._folder)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=folder)
                below = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        except (NotADirectoryError, OSError) as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise ValueError(f"{path} leads through something that is not a folder") from error
            raise
        finally:
            os.close(folder)

    def _own(self, path: str) -> list[str]:
        parts = self._parts(path)
        if parts[0] == PUBLIC:
            raise ValueError(f"{path}: {PUBLIC}/ is read-only")
        return parts

    @staticmethod
    def _parts(path: str) -> list[str]:
        pure = PurePosixPath(path)
        if pure.is_absolute() or not pure.parts or ".." in pure.parts or "\0" in path:
            raise ValueError(f"{path!r} is not a path inside the workspace")
        return list(pure.parts)


def _let_in(folder: int) -> None:
    """Let the owner of a folder look into it again."""
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    if mode & 0o700 != 0o700:
        with contextlib.suppress(OSError):
            Path(f"/proc/self/fd/{folder}").chmod(mode | 0o700)


def _read(fd: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    while left:
        data = os.read(fd, min(left, _CHUNK))
        if not data:
            break
        chunks.append(data)
        left -= len(data)
    return b"".join(chunks)
