"""Bounded text: of a long output the head and the tail are kept, and how much was dropped between them is known."""

from __future__ import annotations

import codecs
from collections import deque


class Clipped:
    """Collects text up to `limit` characters: a half from the start, the newest half from the end."""

    def __init__(self, limit: int) -> None:
        self._head_room = limit - limit // 2
        self._tail_limit = limit // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._tail_chars = 0
        self.dropped = 0
        """Characters dropped so far."""

    def add(self, text: str) -> None:
        """Append text."""
        if self._head_room:
            kept, text = text[: self._head_room], text[self._head_room :]
            self._head.append(kept)
            self._head_room -= len(kept)
        if not text:
            return
        if len(text) > self._tail_limit:
            self.dropped += len(text) - self._tail_limit
            text = text[len(text) - self._tail_limit :]
        self._tail.append(text)
        self._tail_chars += len(text)
        while self._tail_chars > self._tail_limit:
            first = self._tail[0]
            excess = min(len(first), self._tail_chars - self._tail_limit)
            if excess == len(first):
                self._tail.popleft()
            else:
                self._tail[0] = first[excess:]
            self._tail_chars -= excess
            self.dropped += excess

    def text(self) -> str:
        """What was kept, with one line in the middle that says how much is missing."""
        head, tail = "".join(self._head), "".join(self._tail)
        if not self.dropped:
            return head + tail
        return f"{head}\n... [{self.dropped} characters dropped] ...\n{tail}"


class ClippedBytes:
    """The same for a stream of UTF-8 bytes."""

    def __init__(self, limit: int) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._clipped = Clipped(limit)

    def add(self, data: bytes) -> None:
        """Append bytes; a character may be cut in two between calls."""
        self._clipped.add(self._decoder.decode(data))

    def text(self) -> str:
        """What was kept."""
        self._clipped.add(self._decoder.decode(b"", final=True))
        return self._clipped.text()
