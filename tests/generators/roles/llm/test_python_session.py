"""Code of a model runs in the isolated session, and the same code is answered with the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.roles.llm.python_session import PythonSession, RunPython
from sandboxes.limits import Limits


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
