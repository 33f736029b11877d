"""Arguments of a call on their way into its process: one file, most of it never copied again."""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Any, Self

_HEAD = struct.Struct("!QI")
_LENGTH = struct.Struct("!Q")
_MAPPED_FROM = 8 << 20
"""Bytes from which on copying in memory is quicker than writing."""
_IN_MEMORY = hasattr(os, "memfd_create")
"""Elsewhere a disk may be full, which only writing tells without a signal."""
_AT_ONCE: int = getattr(mmap, "MAP_POPULATE", 0)
"""All pages are mapped in one call: thousands of page faults take longer."""


class Packed:
    """A file without a name that holds arguments, in memory where the system can do that. Close it, or use it as a
    context."""

    def __init__(self) -> None:
        self._file = _new_file()
        self._view: mmap.mmap | None = None
        self.size = 0
        """Its bytes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Its descriptor."""
        return self._file.fileno()

    def close(self) -> None:
        """Let go of it. Idempotent."""
        self._file.close()
        view, self._view = self._view, None
        if view is not None:
            view.close()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._file.closed

    def write(self, pieces: Sequence[memoryview]) -> None:
        """Let it hold these pieces, one after another, and nothing of what it held before."""
        size = sum(piece.nbytes for piece in pieces)
        os.ftruncate(self.fileno(), size)
        place = 0
        for piece in pieces:
            if piece.nbytes < _MAPPED_FROM or not _IN_MEMORY:
                _write_at(self.fileno(), piece, place)
            else:
                _copy(piece, memoryview(self._mapped(size))[place : place + piece.nbytes])
            place += piece.nbytes
        self.size = size

    def _mapped(self, size: int) -> mmap.mmap:
        """The file as memory, at least `size` bytes of it. It stays mapped: that takes as long as filling it."""
        if self._view is None or len(self._view) < size:
            self._view = mmap.mmap(self.fileno(), size, flags=mmap.MAP_SHARED | _AT_ONCE)
        return self._view


def pack(arguments: Mapping[str, Any], *, reuse: Packed | None = None) -> Packed:
    """Arguments in a file in memory, so that a full disk stops nothing.

    Paths become absolute. A memoryview arrives as one, read-only, that looks into the file. `reuse`: a file that this
    gave before and that no process reads any more, to be written over: the system takes longer to find memory than to
    fill it. Where arguments cannot be packed, it is closed.
    """
    buffers: list[pickle.PickleBuffer] = []
    packed = Packed() if reuse is None else reuse
    try:
        given = {name: _given(value) for name, value in arguments.items()}
        pickled = pickle.dumps(given, 5, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        lengths = b"".join(_LENGTH.pack(view.nbytes) for view in views)
        packed.write([memoryview(_HEAD.pack(len(pickled), len(views)) + lengths + pickled), *views])
    except BaseException:
        packed.close()
        raise
    return packed


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
    if _IN_MEMORY:
        return FileIO(os.memfd_create("arguments", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile(buffering=0)


def _copy(source: memoryview, target: memoryview) -> None:
    """Copy bytes, two halves at the same time."""
    import numpy as np  # whoever has so many bytes has loaded it; its copies leave other threads running

    half = len(source) // 2
    given, taken = np.frombuffer(source, np.uint8), np.frombuffer(target, np.uint8)
    with ThreadPoolExecutor(1) as other:
        second = other.submit(np.copyto, taken[half:], given[half:])
        np.copyto(taken[:half], given[:half])
        second.result()


def _write_at(fd: int, view: memoryview, place: int) -> None:
    while view:
        written = os.pwrite(fd, view, place)
        view, place = view[written:], place + written


def _given(value: Any) -> Any:
    if isinstance(value, Path):
        return value.absolute()
    return pickle.PickleBuffer(value) if isinstance(value, memoryview) else value
