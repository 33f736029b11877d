"""Threads that play episodes, which wait for models and sandboxes most of their time, and how they are broken off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TypeVar

from generators.chat.attempts import CallBrokenOff, Interruption, beside

T = TypeVar("T")
_LEAVING_S = 2.0
"""How long an evaluation that is interrupted waits for episodes to close what they hold. One whose code runs on is
closed once that has ended, or with the process."""


class EpisodeThreads:
    """The process does not wait for them at its end."""

    def __init__(self) -> None:
        self.broken = threading.Event()
        """Episodes are to end with their next step."""
        self._interruption = Interruption()
        self._lock = threading.Lock()

    @property
    def interrupted(self) -> bool:
        """Nobody waits for the episodes any more: what comes of them is lost."""
        return self._interruption.interrupted

    def work_off(self, items: Sequence[T], one: Callable[[T], None], workers: int) -> None:
        """Do `one` with each item. Where it raises, the last calls and steps of the other threads are waited for; at
        Ctrl-C no call of a model is."""
        left = iter(items)
        threads: list[Future[None]] = []
        try:
            threads.extend(beside(lambda: self._take(left, one), name="episodes") for _ in items[:workers])
            self._outcome(threads)
        except RuntimeError:  # no further thread can be started
            self.broken.set()
            wait(threads)
            raise
        except (KeyboardInterrupt, SystemExit):
            self.broken.set()
            self._interruption.interrupt()
            wait(threads, timeout=_LEAVING_S)
            raise

    def _outcome(self, threads: Sequence[Future[None]]) -> None:
        done, _ = wait(threads, return_when=FIRST_EXCEPTION)
        try:
            for thread in done:
                thread.result()
        except Exception:  # an agent that is no model broke; what others have asked for is paid for, and counted
            self.broken.set()
            wait(threads)
            raise

    def _take(self, left: Iterator[T], one: Callable[[T], None]) -> None:
        with self._interruption.looked_out_for():
            while not self.broken.is_set():
                with self._lock:
                    item = next(left, None)
                if item is None:
                    return
                try:
                    one(item)
                except CallBrokenOff:
                    return
