"""What a call leaves in the folders it may write into: plain files and folders stay, all else is removed.

Who reads there afterwards does so with the rights of the host: a link would lead it to any file of this machine, to be
read or overwritten, a named pipe would keep it waiting for ever, and no walk comes to the end of a folder in a folder
in a folder.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandboxes.errors import SandboxError

_DEEPEST = 32
_SHOWN = 5
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN = stat.S_IRUSR | stat.S_IWUSR
"""Without which a file's owner cannot do with it what is to be done."""
_KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


def remove_odd(folders: Sequence[Path]) -> str:
    """Remove it, and say what it was; empty where there is nothing else. Raises `SandboxError` where that fails."""
    odd: list[str] = []
    for folder in folders:
        if folder.is_file():  # shown by itself, it cannot be replaced
            continue
        try:
            with _opened(str(folder.resolve())) as fd:
                _sweep(fd, (folder.name,), odd)
        except OSError as error:
            raise SandboxError(f"what a call left in {folder} cannot be cleared up: {error}") from error
    more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
    # names are bytes, and what is told is text
    return (", ".join(sorted(odd)[:_SHOWN]) + more).encode("utf-8", "backslashreplace").decode()


def _sweep(fd: int, names: tuple[str, ...], odd: list[str]) -> None:
    _open_up(fd)
    with os.scandir(fd) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            if entry.stat(follow_symlinks=False).st_mode & _OWN != _OWN:
                os.chmod(entry.name, _OWN, dir_fd=fd)
            continue
        place = (*names, entry.name)
        if not entry.is_dir(follow_symlinks=False):
            mode = entry.stat(follow_symlinks=False).st_mode
            _remove(entry.name, fd)
            odd.append(f"{'/'.join(place)} ({_KINDS.get(stat.S_IFMT(mode), 'a device')})")
        elif len(place) > _DEEPEST:
            _remove_folder(entry.name, fd)
            odd.append(f"{'/'.join(names[:2])}/... (folders deeper than {_DEEPEST})")
        else:
            with _opened(entry.name, fd) as inner:
                _sweep(inner, place, odd)


def _open_up(fd: int) -> None:
    """Give a folder's owner back what they may have taken from themselves."""
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(fd, mode | stat.S_IRWXU)


@contextlib.contextmanager
def _opened(name: str, parent: int | None = None) -> Iterator[int]:
    """A folder that its owner may have shut."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        fd = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def _remove(name: str, parent: int) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except PermissionError:
        os.fchmod(parent, stat.S_IRWXU)
        os.unlink(name, dir_fd=parent)


def _remove_folder(name: str, parent: int) -> None:
    """Remove a folder, however deep it is: what is inside comes up first."""
    waiting = [name]
    while waiting:
        one = waiting.pop()
        with _opened(one, parent) as fd:
            os.fchmod(fd, stat.S_IRWXU)
            with os.scandir(fd) as found:
                entries = list(found)
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    with _opened(entry.name, fd) as inner:
                        os.fchmod(inner, stat.S_IRWXU)  # a folder that moves must be writable: its `..` changes
                    waiting.append(uuid.uuid4().hex)
                    os.rename(entry.name, waiting[-1], src_dir_fd=fd, dst_dir_fd=parent)
                else:
                    os.unlink(entry.name, dir_fd=fd)
        os.rmdir(one, dir_fd=parent)
