"""Reading an action: every accepted form, and a useful word for everything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlesmith_env import actions
from mlesmith_env.action_reading import MAX_ACTION_CHARS, parse_action
from mlesmith_env.actions import Malformed, RequestInfo, RunCode, Submit, WriteCode
from tests.fuzzing import examples


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ({"type": "submit"}, Submit()),
        ({"type": "request_info", "topic": "data"}, RequestInfo(topic="data")),
        ({"code": "print(1)"}, RunCode(code="print(1)")),
        ({"type": "write_code", "code": "x = 1"}, WriteCode(code="x = 1", path="solution.py")),
        (RunCode(code="1"), RunCode(code="1")),
        ('{"type": "submit", "step": 3}', Submit(step=3)),
        ('  \n{"code": "1"}\n', RunCode(code="1")),
        ('I am done.\n```json\n{"type": "submit"}\n```', Submit()),
        ('```\n{"type": "submit"}\n```', Submit()),
        ("Let us try:\n```python\nprint(1)\n```\nDone.", RunCode(code="print(1)\n")),
        ("```\nx = {1: 2}\n```", RunCode(code="x = {1: 2}\n")),
        ("```py\n{'a': 1}\n```", RunCode(code="{'a': 1}\n")),
        ({"name": "run_code", "arguments": '{"code": "1"}'}, RunCode(code="1")),
        ({"name": "submit", "arguments": {}}, Submit()),
    ],
)
def test_every_accepted_form_is_read(given_value: object, expected: object) -> None:
    assert parse_action(given_value) == expected


def test_a_fence_inside_json_text_is_not_taken_for_the_action() -> None:
    action = {"type": "write_code", "path": "notes.md", "code": "```python\nprint(1)\n```\n"}
    assert parse_action(json.dumps(action)) == WriteCode(path="notes.md", code=action["code"])


@pytest.mark.parametrize(
    ("given_value", "problem"),
    [
        (None, "NoneType"),
        (3, "int"),
        (b"x", "bytes"),
        ([], "list"),
        ("", "no fenced code block"),
        ("no code here", "no fenced code block"),
        ("```python\n1\n```\n```python\n2\n```", "2 fenced code blocks"),
        ("```bash\nls\n```", "'bash'"),
        ('{"type": "run_code", "code": ', "not JSON"),
        ("[" * 100_000, "no fenced"),
        ('{"a":' * 100_000, "JSON"),
        ('{"type": "submit", "step": ' + "1" * 5000 + "}", "JSON"),
        ("```json\n[1, 2]\n```", "not an object"),
        ({}, "`type` is missing"),
        ({"type": "shell"}, "known are request_info"),
        ({"type": ["run_code"]}, "`type` is a list"),
        ({"type": "run_code"}, "give either `code` or `path`"),
        ({"type": "run_code", "code": "1", "path": "a.py"}, "give either `code` or `path`"),
        ({"type": "run_code", "code": 7}, "`code`"),
        ({"type": "run_code", "code": "1", "timeout": -1}, "`timeout`"),
        ({"type": "run_code", "code": "1", "timeout": float("nan")}, "`timeout`"),
        ({"type": "run_code", "code": "1", "tiemout": 3}, "`tiemout`"),
        ({"type": "run_code", "code": "\x00"}, "NUL"),
        ({"type": "run_code", "code": "\ud800"}, "unicode"),
        ({"type": "run_code", "code": "a" * (actions.MAX_CODE_CHARS + 1)}, "at most 200000"),
        ({"type": "write_code", "code": "1", "path": "../x.py"}, "inside the workspace"),
        ({"type": "write_code", "code": "1", "path": "/etc/passwd"}, "inside the workspace"),
        ({"type": "write_code", "code": "1", "path": "a//b"}, "inside the workspace"),
        ({"type": "write_code", "code": "1", "path": "C:\\x"}, "inside the workspace"),
        ({"type": "request_info", "topic": "answers"}, "`topic`"),
        ({"type": "request_info", "topic": "file"}, "`path` is given exactly where"),
        ({"type": "request_info", "topic": "data", "path": "x"}, "`path` is given exactly where"),
        ({"type": "fix_code", "edits": []}, "`edits`"),
        ({"type": "fix_code", "edits": [{"old": "", "new": "x"}]}, "`edits.0.old`"),
        ({"type": "fix_code"}, "give either `edits` or `code`"),
        ({"type": "submit", "step": -1}, "`step`"),
        ({"name": "run_code", "arguments": "{"}, "arguments are not JSON"),
        ({"name": "run_code", "arguments": 3}, "arguments are no object"),
        ({1: 2, "type": "submit"}, "`1`"),
        ("x" * (MAX_ACTION_CHARS + 1), "characters"),
    ],
)
def test_what_cannot_be_read_is_said_with_how_to_write_it(given_value: object, problem: str) -> None:
    malformed = parse_action(given_value)
    assert isinstance(malformed, Malformed)
    assert problem in malformed.problem
    assert "\n" not in malformed.problem
    assert "{" in malformed.advice
    assert len(malformed.message) < 2000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["type", "code", "path", "topic", "edits", "run", "fresh", "timeout", "step", "name", "arguments"]
)


@given(st.one_of(json_values, st.dictionaries(fields, json_values | st.sampled_from(list(actions.ACTIONS)))))
@settings(max_examples=examples(300), deadline=None)
def test_no_value_makes_reading_raise(value: object) -> None:
    read = parse_action(value)
    text = read.message if isinstance(read, Malformed) else read.model_dump_json()
    text.encode()


@given(st.text(max_size=200))
@settings(max_examples=examples(200), deadline=None)
def test_no_text_makes_reading_raise(text: str) -> None:
    for form in (text, "{" + text, f"```python\n{text}\n```", json.dumps({"type": "run_code", "code": text})):
        read = parse_action(form)
        (read.message if isinstance(read, Malformed) else read.model_dump_json()).encode()
