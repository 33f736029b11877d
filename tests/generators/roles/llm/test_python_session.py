"""Code of a model runs in the isolated session, and the same code is answered with the same words."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from generators.roles.llm.python_session import PythonSession, RunPython
from sandboxes.forking.endings import await_endings
from sandboxes.forking.forkserver import shared_server
from sandboxes.limits import Limits
from sandboxes.script import standing_by


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "a.txt").write_text("alpha", "utf-8")
    return folder


def test_variables_stay_and_the_data_are_read_only(raw):
    with PythonSession(raw) as session:
        assert session.run(RunPython(code="text = open('public/a.txt').read()")).data == ""
        assert session.run(RunPython(code="print(text)")).data == "alpha"
        refused = session.run(RunPython(code="open('public/a.txt', 'w')"))
    assert "status error" in refused.note
    assert (raw / "a.txt").read_text("utf-8") == "alpha"


def test_the_same_code_is_answered_with_the_same_words(raw):
    code = "import os; print(object(), os.getcwd(), os.path.realpath('public')); raise ValueError(object())"
    answers = []
    for _ in range(2):
        with PythonSession(raw) as session:
            answers.append(session.run(RunPython(code=code)).text())
    assert answers[0] == answers[1]
    assert "object at 0x...>" in answers[0]
    assert str(raw.parent) not in answers[0]


def test_code_that_takes_too_long_is_ended_and_told(raw):
    with PythonSession(raw, limits=Limits(wall_s=0.5)) as session:
        said = session.run(RunPython(code="while True: pass"))
    assert "timeout" in said.note


def processes() -> set[int]:
    """What the fork server has started and what runs below it."""
    server = psutil.Process(shared_server()._process.pid)
    found = set()
    for process in server.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:  # it has ended, which the server has yet to take note of
                found.add(process.pid)
    return found


def becomes_true(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_session_comes_up_before_it_is_wanted_and_is_that_which_is_used(raw):
    await_endings()
    before = processes()
    with PythonSession(raw) as session:
        assert becomes_true(lambda: len(processes() - before) >= 2)
        early = processes() - before
        assert session.run(RunPython(code="print(1)")).data == "1"
        assert session.run(RunPython(code="print(2)")).data == "2"
        assert early <= processes() - before
        assert len(processes() - before) == 2


@pytest.mark.parametrize("broken_off", [False, True])
@pytest.mark.parametrize("up", [False, True])
def test_a_session_that_is_never_used_is_ended_with_the_run(raw, broken_off, up):
    await_endings()
    before = processes()
    with contextlib.suppress(KeyboardInterrupt), standing_by(), PythonSession(raw):
        assert not up or becomes_true(lambda: len(processes() - before) >= 2)
        if broken_off:
            raise KeyboardInterrupt
    assert processes() <= before


def test_a_start_that_fails_is_told_when_the_session_is_used_and_not_before(raw):
    missing = raw.parent / "missing"
    with PythonSession(missing):
        pass
    with PythonSession(missing) as session:
        for _ in range(2):
            with pytest.raises(ValueError, match="not a folder"):
                session.run(RunPython(code="print(1)"))
        missing.mkdir()
        assert session.run(RunPython(code="print(1)")).data == "1"


def test_few_sessions_come_up_before_they_are_wanted_and_all_are_had(raw):
    await_endings()
    before = processes()
    with contextlib.ExitStack() as ends:
        sessions = [ends.enter_context(PythonSession(raw)) for _ in range(6)]
        assert becomes_true(lambda: len(processes() - before) >= 8)
        time.sleep(0.3)
        assert len(processes() - before) <= 8
        assert [session.run(RunPython(code="print(1)")).data for session in reversed(sessions)] == ["1"] * 6


def test_a_closed_session_may_be_used_again(raw):
    session = PythonSession(raw)
    session.close()
    assert session.run(RunPython(code="print(1)")).data == "1"
    session.close()
    session.close()
