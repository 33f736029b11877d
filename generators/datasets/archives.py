"""Unpacking of zip and tar archives that nobody vouches for.

Nothing is written outside the target folder, links and device files are left out, sizes are counted while bytes
arrive (a header may lie), and hidden files and the ones that macOS adds are skipped.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from generators.errors import DatasetError

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
_CHUNK = 1 << 20


def is_archive(name: str) -> bool:
    """Whether the name is one of an archive that can be unpacked."""
    return name.lower().endswith(SUFFIXES)


def archive_stem(name: str) -> str:
    """The name without the archive's suffix."""
    suffix = max((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), key=len)
    return name[: -len(suffix)]


def is_skipped(parts: tuple[str, ...]) -> bool:
    """Whether a path is hidden or holds what a system adds by itself."""
    return any(
        part.startswith(".") or part in {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini"} for part in parts
    )


def extract(archive: Path, target: Path, *, max_total_mib: int, max_files: int) -> list[str]:
    """Unpacks into the existing folder `target` and gives the names of links that were left out.

    Raises `DatasetError` for a damaged or encrypted archive, for a path that leads outside, and when more than
    `max_files` files or `max_total_mib` MiB come out.
    """
    name = archive.name
    left_out: list[str] = []
    room = max_total_mib << 20
    count = 0
    try:
        for member, stream in _members(archive, left_out):
            count += 1
            if count > max_files:
                raise DatasetError(f"{name} holds more than {max_files} files; unpack it yourself and give the folder")
            path = _inside(target, member, name)
            if path is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as out:
                while chunk := stream.read(_CHUNK):
                    room -= len(chunk)
                    if room < 0:
                        raise DatasetError(
                            f"{name} unpacks to more than {max_total_mib} MiB; unpack what you need and give the folder"
                        )
                    out.write(chunk)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(":")
        raise DatasetError(f"{name} is damaged or no archive of its kind ({reason}); get it again") from error
    except (RuntimeError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{name} cannot be unpacked ({error}); unpack it yourself and give the folder") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"{name} cannot be unpacked: {reason}; get it again or make room on the disk") from error
    return left_out


def _members(archive: Path, left_out: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Names and contents of the files inside."""
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as bundle:
            for info in bundle.infolist():
                if info.is_dir():
                    continue
                if stat.S_ISLNK(info.external_attr >> 16):
                    left_out.append(info.filename)
                    continue
                if info.flag_bits & 1:
                    raise DatasetError(f"{archive.name} is encrypted; unpack it yourself and give the folder")
                with bundle.open(info) as stream:
                    yield info.filename.replace("\\", "/"), stream
        return
    with tarfile.open(archive, "r:*") as tape:
        for entry in tape:
            if entry.isdir():
                continue
            content = tape.extractfile(entry) if entry.isreg() else None
            if content is None:
                left_out.append(entry.name)
                continue
            with content:
                yield entry.name, content


def _inside(target: Path, member: str, archive: str) -> Path | None:
    """Where a member goes; None for what is skipped."""
    parts = PurePosixPath(member).parts
    if member.startswith("/") or ".." in parts or "\0" in member or (parts and parts[0].endswith(":")):
        raise DatasetError(
            f"{archive} holds a path that leads outside ({member!r}); do not trust it, or unpack it yourself"
        )
    return None if not parts or is_skipped(parts) else target.joinpath(*parts)
