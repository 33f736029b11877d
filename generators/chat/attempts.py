"""Attempts at one call: again after what may pass, with longer and longer waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from generators.chat.faults import Fault
from generators.chat.options import ChatOptions

T = TypeVar("T")


def waits(options: ChatOptions) -> Iterator[float]:
    """Seconds to wait before each further attempt."""
    for place in range(options.attempts - 1):
        longest = min(options.longest_wait_s, options.first_wait_s * 2.0**place)
        yield longest * random.uniform(0.5, 1.0)


def attempt(once: Callable[[], T], options: ChatOptions, failed: Callable[[Fault], None]) -> T:
    """What `once` gives in the end. Raises its last `Fault`. `failed` is told of each."""
    for wait in waits(options):
        try:
            return once()
        except Fault as fault:
            failed(fault)
            if not fault.may_pass or (fault.retry_after_s or 0.0) > options.longest_wait_s:
                raise
            # a little longer than the provider asks for, each its own: others were told the same
            time.sleep(max(wait, (fault.retry_after_s or 0.0) * random.uniform(1.0, 1.2)))
    try:
        return once()
    except Fault as fault:
        failed(fault)
        raise
