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
_MOST_BYTES = 16 << 20
"""That one cell may put in through the descriptor of a stream; a child that never ends would fill the memory."""
_READS = 4
"""At a time: as much as a pipe can hold, and some more for what is written meanwhile."""
_EMPTY, _MORE, _END = "empty", "more", "end"
"""What a look at a pipe gave: nothing yet, something, and that nothing will come any more."""


def adapt_streams() -> None:
    """Let all streams of this process, and of those forked from it, work so."""
    stream: Any = importlib.import_module("ipykernel.iostream").OutStream
    redirect, whole, flush = stream._setup_stream_redirects, stream._flush_buffers, stream.flush

    def redirected(self: Any, name: str) -> None:
        self._taking = threading.RLock()  # a handler of signals may print
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._cell, self._taken = "", 0
        redirect(self, name)
        os.set_blocking(self._fid, False)

    def watch(self: Any) -> None:
        readable = select.poll()
        readable.register(self._fid, select.POLLIN)
        while self._should_watch:
            readable.poll()
            if self._should_watch and _take(self) == _END:
                return

    def written(self: Any, text: str) -> Any:
        if _in_a_child(self):
            return _tell(self, text)
        _drain(self)  # what was written to the descriptor before comes before
        return self._put(text)

    def flushed(self: Any) -> None:
        # what lies in the buffers of a child is its parent's to send
        if not _in_a_child(self):
            # the thread that watches may come too late: the end of a cell flushes, and what follows is the next cell's
            _drain(self)
            flush(self)

    def in_pieces(self: Any) -> Iterator[tuple[Any, str]]:
        for parent, text in whole(self):
            for start in range(0, len(text), _PIECE_CHARS):
                yield parent, text[start : start + _PIECE_CHARS]

    stream._setup_stream_redirects = redirected
    stream._watch_pipe_fd = watch
    stream._flush_buffers = in_pieces
    stream._put = stream.write
    stream.write, stream.flush = written, flushed
    # what is written there comes back through the pipe, and does not go where the stream went before
    stream.fileno = lambda self: self._original_stdstream_fd


def _in_a_child(stream: Any) -> bool:
    """Whether foreign code has forked this process from the kernel."""
    return bool(stream._should_watch) and not stream._is_master_process()


def _tell(stream: Any, text: str) -> int:
    """Write straight to the pipe, which the kernel reads."""
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(stream._original_stdstream_fd, data) :]
    return len(text)


def _drain(stream: Any) -> None:
    if stream._should_watch:
        for _ in range(_READS):
            if _take(stream) != _MORE:
                break


def _take(stream: Any) -> str:
    """Move what waits in the stream's pipe into its buffer, once nobody else is at that."""
    with stream._taking:
        try:
            data = os.read(stream._fid, _READ_BYTES)
        except BlockingIOError:
            return _EMPTY
        except OSError:  # foreign code may close what it likes
            return _END
        cell = stream.parent_header.get("msg_id", "")
        if cell != stream._cell:
            stream._cell, stream._taken = cell, 0
        stream._taken += len(data)
        if stream._taken <= _MOST_BYTES:
            with contextlib.suppress(MemoryError):  # the pipe is emptied all the same, or its writers would hang
                stream._put(stream._decoder.decode(data))
        return _MORE if data else _END
