"""Attempts that somebody breaks off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from generators.chat.attempts import CallBrokenOff, Interruption, attempt
from generators.chat.faults import Fault
from generators.chat.options import ChatOptions

PATIENT = ChatOptions(first_wait_s=60.0)


def ignored(_: Fault) -> None:
    pass


def failing() -> str:
    raise Fault("passing", 503, "come back later")


def held() -> str:
    time.sleep(60)
    return "late"


@pytest.mark.parametrize("once", [failing, held])
def test_a_wait_and_a_call_under_way_end_once_they_are_interrupted(once: Callable[[], str]) -> None:
    interruption = Interruption()
    timer = threading.Timer(0.1, interruption.interrupt)
    timer.start()
    begun = time.monotonic()
    with interruption.looked_out_for(), pytest.raises(CallBrokenOff):
        attempt(once, PATIENT, ignored)
    assert time.monotonic() - begun < 10


def test_no_call_is_begun_after_an_interruption() -> None:
    interruption = Interruption()
    interruption.interrupt()
    interruption.interrupt()
    asked: list[int] = []
    with interruption.looked_out_for(), pytest.raises(CallBrokenOff):
        attempt(lambda: asked.append(1), PATIENT, ignored)
    assert asked == []
    attempt(lambda: asked.append(1), PATIENT, ignored)
    assert asked == [1]


def test_what_a_call_gives_or_raises_is_the_same_for_who_looks_out_for_an_interruption() -> None:
    faults: list[Fault] = []
    with Interruption().looked_out_for():
        assert attempt(lambda: "said", PATIENT, faults.append) == "said"
        with pytest.raises(Fault, match="come back later"):
            attempt(failing, ChatOptions(attempts=2, first_wait_s=0.01), faults.append)
    assert len(faults) == 2
