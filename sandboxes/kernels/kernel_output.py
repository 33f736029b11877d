"""Output of a kernel: what is written to the streams' descriptors comes with the cell that wrote it, and all of it goes
out in pieces that the host takes."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import os
import select
import threading
from collections.abc import Iterator
from typing import Any

_PIECE_CHARS = 1 << 20
_READ_BYTES = 1 << 16
_READS = 4
"""At a flush: as much as a pipe can hold, and some more for what is written meanwhile."""


def adapt_streams() -> None:
    """Let all streams of this process, and of those forked from it, work so."""
    stream: Any = importlib.import_module("ipykernel.iostream").OutStream
    redirect, flush, whole = stream._setup_stream_redirects, stream.flush, stream._flush_buffers

    def redirected(self: Any, name: str) -> None:
        self._taking = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        redirect(self, name)

    def watch(self: Any) -> None:
        readable = select.poll()
        readable.register(self._fid, select.POLLIN)
        while self._should_watch:
            readable.poll()
            if self._should_watch and not _take(self):
                return

    def drained(self: Any) -> None:
        # the thread that watches may come too late: the end of a cell flushes, and what follows is the next cell's
        if self._should_watch and self._is_master_process():
            for _ in range(_READS):
                if not _waits(self._fid) or not _take(self):
                    break
        flush(self)

    def in_pieces(self: Any) -> Iterator[tuple[Any, str]]:
        for parent, text in whole(self):
            for start in range(0, len(text), _PIECE_CHARS):
                yield parent, text[start : start + _PIECE_CHARS]

    stream._setup_stream_redirects = redirected
    stream._watch_pipe_fd = watch
    stream.flush = drained
    stream._flush_buffers = in_pieces


def _take(stream: Any) -> bool:
    """Move what waits in the stream's pipe, if anything still does, into its buffer. False where nothing comes out of
    it any more."""
    with stream._taking, contextlib.suppress(OSError):  # foreign code may close what it likes
        if not _waits(stream._fid):
            return True
        data = os.read(stream._fid, _READ_BYTES)
        stream.write(stream._decoder.decode(data))
        return bool(data)
    return False


def _waits(descriptor: int) -> bool:
    readable = select.poll()
    readable.register(descriptor, select.POLLIN)
    return bool(readable.poll(0))
