"""Arguments of a call on their way into its process: one file, most of it never copied again."""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

_HEAD = struct.Struct("!QI")
_LENGTH = struct.Struct("!Q")


def pack(arguments: Mapping[str, Any]) -> IO[bytes]:
    """Arguments in a file without a name, in memory where the system can do that, so that a full disk stops nothing.

    Paths become absolute. A memoryview arrives as one, read-only, that looks into the file.
    """
    buffers: list[pickle.PickleBuffer] = []
    packed = pickle.dumps({name: _given(value) for name, value in arguments.items()}, 5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    file: IO[bytes]
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("arguments", os.MFD_CLOEXEC), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        file.write(_HEAD.pack(len(packed), len(views)))
        for view in views:
            file.write(_LENGTH.pack(view.nbytes))
        file.write(packed)
        for view in views:
            file.write(view)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def unpack(fd: int) -> dict[str, Any]:
    """The arguments in a file that `pack` of the host wrote. Closes the descriptor."""
    try:
        whole = memoryview(mmap.mmap(fd, 0, prot=mmap.PROT_READ))
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


def _given(value: Any) -> Any:
    if isinstance(value, Path):
        return value.absolute()
    return pickle.PickleBuffer(value) if isinstance(value, memoryview) else value
