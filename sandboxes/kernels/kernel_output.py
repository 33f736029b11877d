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
_EMPTY, _MORE, _END = "empty", "more", "end"
"""What a look at a pipe gave: nothing yet, something, and that nothing will come any more."""


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
            if self._should_watch and _take(self) == _END:
                return

    def drained(self: Any) -> None:
        # the thread that watches may come too late: the end of a cell flushes, and what follows is the next cell's
        if self._should_watch and self._is_master_process():
            for _ in range(_READS):
                if _take(self) != _MORE:
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


def _take(stream: Any) -> str:
    """Move what waits in the stream's pipe into its buffer, once nobody else is at that."""
    with stream._taking, contextlib.suppress(OSError):  # foreign code may close what it likes
        readable = select.poll()
        readable.register(stream._fid, select.POLLIN)
        if not readable.poll(0):
            return _EMPTY
        data = os.read(stream._fid, _READ_BYTES)
        stream.write(stream._decoder.decode(data))
        return _MORE if data else _END
    return _END
