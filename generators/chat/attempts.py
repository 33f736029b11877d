"""Attempts at one call: again after what may pass, with longer and longer waits, until somebody breaks them off."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import ContextVar
from typing import Any, TypeVar

from generators.chat.faults import Fault
from generators.chat.options import ChatOptions

T = TypeVar("T")


class CallBrokenOff(BaseException):
    """Nobody waits for the call any more; no failure, so that no agent takes it for one and tries something else."""


class Interruption:
    """Ends the attempts of every thread that looks out for it, now and from now on."""

    def __init__(self) -> None:
        self._told: Future[None] = Future()
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """Break off; idempotent."""
        with self._lock:
            if not self._told.done():
                self._told.set_result(None)

    @property
    def interrupted(self) -> bool:
        """Whether it was."""
        return self._told.done()

    @contextlib.contextmanager
    def looked_out_for(self) -> Iterator[None]:
        """Have calls that this thread makes within end with `CallBrokenOff` once it comes."""
        before = _INTERRUPTION.set(self)
        try:
            yield
        finally:
            _INTERRUPTION.reset(before)

    def result(self, once: Callable[[], T]) -> T:
        """What `once` gives. Raises `CallBrokenOff`: a call under way goes on then, and nobody hears of its end."""
        self.check()
        call = beside(once, name="attempt")
        either: tuple[Future[Any], ...] = (call, self._told)
        wait(either, return_when=FIRST_COMPLETED)
        if not call.done():
            raise CallBrokenOff
        return call.result()

    def sleep(self, seconds: float) -> None:
        """Wait. Raises `CallBrokenOff`."""
        wait((self._told,), timeout=seconds)
        self.check()

    def check(self) -> None:
        """Raise `CallBrokenOff` where it has come."""
        if self.interrupted:
            raise CallBrokenOff


_INTERRUPTION: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


def beside(work: Callable[[], T], *, name: str) -> Future[T]:
    """`work` in a thread of its own, which the process does not wait for at its end."""
    ended: Future[T] = Future()

    def run() -> None:
        try:
            ended.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            ended.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return ended


def waits(options: ChatOptions) -> Iterator[float]:
    """Seconds to wait before each further attempt."""
    for place in range(options.attempts - 1):
        longest = min(options.longest_wait_s, options.first_wait_s * 2.0**place)
        yield longest * random.uniform(0.5, 1.0)


def attempt(once: Callable[[], T], options: ChatOptions, failed: Callable[[Fault], None]) -> T:
    """What `once` gives in the end. Raises its last `Fault`. `failed` is told of each."""
    interruption = _INTERRUPTION.get()
    if interruption is not None:
        return _attempt(lambda: interruption.result(once), options, failed, interruption.sleep)
    return _attempt(once, options, failed, time.sleep)


def _attempt(
    once: Callable[[], T],
    options: ChatOptions,
    failed: Callable[[Fault], None],
    sleep: Callable[[float], None],
) -> T:
    for wait_s in waits(options):
        try:
            return once()
        except Fault as fault:
            failed(fault)
            if not fault.may_pass or (fault.retry_after_s or 0.0) > options.longest_wait_s:
                raise
            # a little longer than the provider asks for, each its own: others were told the same
            sleep(max(wait_s, (fault.retry_after_s or 0.0) * random.uniform(1.0, 1.2)))
    try:
        return once()
    except Fault as fault:
        failed(fault)
        raise
