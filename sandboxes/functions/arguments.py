"""Arguments of a call on their way into its process: one file, most of it never copied again."""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Any

_HEAD = struct.Struct("!QI")
_LENGTH = struct.Struct("!Q")
_HALVED_FROM = 4 << 20
_AT_ONCE: int = getattr(mmap, "MAP_POPULATE", 0)
"""All pages are mapped in one call: thousands of page faults take longer."""


def pack(arguments: Mapping[str, Any], *, reuse: FileIO | None = None) -> FileIO:
    """Arguments in a file without a name, in memory where the system can do that, so that a full disk stops nothing.

    Paths become absolute. A memoryview arrives as one, read-only, that looks into the file. `reuse`: a file that this
    gave before and that no process reads any more, to be written over: the system takes longer to find memory than to
    fill it. Where arguments cannot be packed, it is closed.
    """
    buffers: list[pickle.PickleBuffer] = []
    file = _new_file() if reuse is None else reuse
    try:
        given = {name: _given(value) for name, value in arguments.items()}
        packed = pickle.dumps(given, 5, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        lengths = b"".join(_LENGTH.pack(view.nbytes) for view in views)
        file.seek(0)
        _write(file, memoryview(_HEAD.pack(len(packed), len(views)) + lengths + packed))
        for view in views:
            _write(file, view)
        file.truncate()  # nothing of what was written before is seen by another
    except BaseException:
        file.close()
        raise
    return file


def unpack(fd: int) -> dict[str, Any]:
    """The arguments in a file that `pack` of the host wrote. Closes the descriptor."""
    try:
        whole = memoryview(mmap.mmap(fd, 0, flags=mmap.MAP_SHARED | _AT_ONCE, prot=mmap.PROT_READ))
    finally:
        os.close(fd)
    size, count = _HEAD.unpack_from(whole)
    start = _HEAD.size + count * _LENGTH.size
    lengths = [_LENGTH.unpack_from(whole, _HEAD.size + place * _LENGTH.size)[0] for place in range(count)]
    packed, start = whole[start : start + size], start + size
    buffers = []
    for length in lengths:
        buffers.append(whole[start : start + length])
        start += length
    arguments: dict[str, Any] = pickle.loads(packed, buffers=buffers)  # noqa: S301 - the host wrote it
    return arguments


def _new_file() -> FileIO:
    """Without a buffer: in a forked copy of this process nothing is left to be written when it closes its own."""
    if hasattr(os, "memfd_create"):
        return FileIO(os.memfd_create("arguments", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile(buffering=0)


def _write(file: FileIO, view: memoryview) -> None:
    """Write all of it where the file stands, two halves at a time where it is much."""
    start, half = file.tell(), len(view) // 2
    if half < _HALVED_FROM:
        _write_at(file.fileno(), view, start)
    else:
        with ThreadPoolExecutor(1) as other:
            second = other.submit(_write_at, file.fileno(), view[half:], start + half)
            _write_at(file.fileno(), view[:half], start)
            second.result()
    file.seek(start + len(view))


def _write_at(fd: int, view: memoryview, place: int) -> None:
    while view:
        written = os.pwrite(fd, view, place)
        view, place = view[written:], place + written


def _given(value: Any) -> Any:
    if isinstance(value, Path):
        return value.absolute()
    return pickle.PickleBuffer(value) if isinstance(value, memoryview) else value
