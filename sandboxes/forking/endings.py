"""Ends that nobody waits for: what is left to do once a tree can do no more harm, done beside the caller's work."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


class _Endings:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.going_on: set[threading.Thread] = set()

    def run(self, end: Callable[[], None]) -> None:
        try:
            end()
        finally:
            with self.lock:
                self.going_on.discard(threading.current_thread())

    def forget(self) -> None:
        """In a forked copy of the host: the ends are the original's."""
        self.lock, self.going_on = threading.Lock(), set()


_endings = _Endings()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_endings.forget)


def end_later(end: Callable[[], None]) -> None:
    """Run `end` in a thread of its own, for which the interpreter waits before it ends itself.

    Where no thread can be started any more it is run at once.
    """
    thread = threading.Thread(target=_endings.run, args=(end,), name="mlesmith-ending")
    with _endings.lock:
        _endings.going_on.add(thread)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending, or this host is out of threads
        with _endings.lock:
            _endings.going_on.discard(thread)
        end()


def await_endings() -> None:
    """Wait for every end that any thread of this process has begun until now."""
    with _endings.lock:
        going_on = [thread for thread in _endings.going_on if thread.ident is not None]
    for thread in going_on:
        thread.join()
