"""Tools and structured answers of models that have neither: what a text says is read as far as it can be."""

from __future__ import annotations

import time

import pytest
from pydantic import BaseModel

from generators.chat.json_text import json_blocks, read_json
from generators.chat.messages import Message, Tool, ToolCall
from generators.chat.reading import read_answer
from generators.chat.text_form import calls_in, in_text, instructed, tool_instructions

LOOK = Tool("look", "Looks at a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


class Colour(BaseModel):
    name: str
    shade: int = 0


@pytest.mark.parametrize(
    "text",
    [
        '```tool_call\n{"name": "look", "arguments": {"path": "a.csv"}}\n```',
        'I look first.\n\n```json\n{"name": "look", "arguments": {"path": "a.csv"}}\n```\nThen I go on.',
        '```\n{"tool": "look", "parameters": {"path": "a.csv"}}\n```',
        '<tool_call>\n{"name": "look", "arguments": {"path": "a.csv"}}\n</tool_call>',
        '<tool_call>{"name": "look", "arguments": {"path": "a.csv"}}</tool_call>',
        '~~~tool_call\n{"name": "look", "arguments": {"path": "a.csv"}}\n~~~',
        '```tool_call\n{"name": "look", "arguments": {"path": "a.csv"}}',
        '{"name": "look", "arguments": {"path": "a.csv"}}',
    ],
)
def test_a_call_is_read_however_a_model_fences_it(text: str) -> None:
    assert calls_in(text, ["look"], 0) == (ToolCall("call_1", "look", {"path": "a.csv"}),)


def test_several_calls_come_in_their_order_with_ids_of_their_own() -> None:
    text = '```tool_call\n{"name": "look", "arguments": {}}\n```\n```tool_call\n{"name": "run", "arguments": {}}\n```'
    assert [(call.id, call.name) for call in calls_in(text, ["look", "run"], 4)] == [
        ("call_5", "look"),
        ("call_6", "run"),
    ]


FIRST, SECOND = '{"name": "look", "arguments": {}}', '{"name": "run", "arguments": {}}'
BROKEN = '{"name": "look", "arguments": {"path": }}'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            f"```tool_call\n{FIRST}\n```\n\n```tool_call\n{SECOND}\n```\n".replace("\n", "\r\n"), id="lines end in CRLF"
        ),
        pytest.param(f"```tool_call\n{FIRST}\n\n```tool_call\n{SECOND}\n```", id="no closing"),
        pytest.param(f"```\n{FIRST}\n\n```json\n{SECOND}\n```", id="no closing of a fence without a mark"),
        pytest.param(f"<tool_call>{FIRST}\n<tool_call>{SECOND}</tool_call>", id="no closing tag"),
        pytest.param(
            f"```tool_call\n{FIRST}\n\n```python\nx\n```\n```tool_call\n{SECOND}\n```", id="no closing, then code"
        ),
        pytest.param(f"```tool_call\n{FIRST}```\nthen\n```tool_call\n{SECOND}\n```", id="closed on the value's line"),
        pytest.param(
            f"```tool_call\n{FIRST} ``` then\n```tool_call\n{SECOND} ```", id="closed on the line, words behind"
        ),
        pytest.param(f"```tool_call\n{FIRST}}}\n```\n\n```tool_call\n{SECOND}\n```", id="a brace too many"),
        pytest.param(f"```tool_call\n{FIRST}}}```\n\n```tool_call\n{SECOND}\n```", id="a brace too many on the line"),
    ],
)
def test_a_call_after_one_that_is_closed_oddly_is_read_as_well(text: str) -> None:
    assert [(call.name, call.problem) for call in calls_in(text, ["look", "run"], 0)] == [("look", ""), ("run", "")]


@pytest.mark.parametrize("fence", ["\n\n", "```\n", "\r\n```\r\n"])
def test_a_call_after_one_that_cannot_be_read_and_is_closed_oddly_is_read(fence: str) -> None:
    broken, whole = calls_in(f"```tool_call\n{BROKEN}{fence}```tool_call\n{SECOND}\n```", ["look", "run"], 0)
    assert (broken.name, "no JSON" in broken.problem) == ("look", True)
    assert (whole.name, whole.problem) == ("run", "")


def test_an_opening_that_a_model_says_again_and_again_is_one() -> None:
    (call,) = calls_in("```tool_call\n" * 3 + f"{FIRST}\n```", ["look"], 0)
    assert (call.name, call.problem) == ("look", "")
    (empty,) = calls_in("<tool_call>\n" * 1000, ["look"], 0)
    assert "empty" in empty.problem


def test_calls_without_a_closing_are_read_in_a_time_that_grows_with_their_text() -> None:
    begun = time.process_time()
    assert calls_in(f"```json\n{FIRST}}}\n" * 5000, ["look"], 0)[-1].name == "look"
    assert time.process_time() - begun < 5


def test_code_with_raw_line_breaks_and_fences_inside_a_string_is_one_call() -> None:
    code = "print('a')\n```python\nx\n```\nprint('b')"
    text = '```tool_call\n{"name": "write", "arguments": {"code": "' + code + '"}}\n```'
    (call,) = calls_in(text, ["write"], 0)
    assert call.arguments == {"code": code}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nothing to call.",
        "```python\ndata = {'name': 'look', 'arguments': {}}\n```",
        '```json\n{"accuracy": 0.9}\n```',
        '{"accuracy": 0.9}',
        "{",
    ],
)
def test_what_is_no_call_is_none(text: str) -> None:
    assert calls_in(text, ["look"], 0) == ()


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ('```tool_call\n{"name": "look", "arguments": {"path": "a\n```', "look", "no JSON"),
        ('```json\n{"name": "look", "arguments": {"path": }}\n```', "look", "no JSON"),
        ("```tool_call\nlook a.csv\n```", "", "no JSON"),
        ("```tool_call\n```", "", "empty"),
        ('```tool_call\n{"arguments": {}}\n```', "", '"name"'),
        ('```tool_call\n["look"]\n```', "", '"name"'),
        ('```tool_call\n{"name": "look", "arguments": "a.csv"}\n```', "look", "JSON object, not str"),
        ("```tool_call\n" + "[" * 100_000 + "\n```", "", "deeply"),
    ],
)
def test_a_call_that_cannot_be_read_says_why(text: str, name: str, why: str) -> None:
    (call,) = calls_in(text, ["look"], 0)
    assert call.name == name
    assert why in call.problem
    assert call.arguments == {}


def test_calls_and_results_are_told_in_text_and_turns_alternate() -> None:
    told = in_text(
        [
            Message("system", "You look."),
            Message("user", "Go."),
            Message(
                "assistant", "First.", (ToolCall("c1", "look", {"path": "a"}), ToolCall("c2", "look", {"path": "b"}))
            ),
            Message("tool", "A", call_id="c1"),
            Message("tool", "B", call_id="c2"),
            Message("user", "And now?"),
        ]
    )
    assert [message.role for message in told] == ["system", "user", "assistant", "user"]
    assert [call.arguments for call in calls_in(told[2].text, ["look"], 0)] == [{"path": "a"}, {"path": "b"}]
    assert told[3].text == "Result of look (c1):\n\nA\n\nResult of look (c2):\n\nB\n\nAnd now?"


def test_a_call_that_was_said_in_text_is_not_told_twice() -> None:
    text = 'Now.\n```tool_call\n{"name": "look", "arguments": {"path": "a"}}\n```'
    said = Message("assistant", text, calls_in(text, ["look"], 0))
    assert in_text([Message("user", "Go."), said])[1].text == text


def test_instructions_join_the_systems_message_or_go_before_all() -> None:
    told = tool_instructions([LOOK])
    assert '"path"' in told
    with_system = instructed([Message("system", "Be brief."), Message("user", "Go.")], told)
    assert with_system[0] == Message("system", f"Be brief.\n\n{told}")
    assert instructed([Message("user", "Go.")], told)[0] == Message("system", told)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "red", "shade": 3}',
        'Here it is:\n```json\n{"name": "red", "shade": 3}\n```',
        'Not {"name": 1}:\n```json\n{"name": 1}\n```\nbut\n```json\n{"name": "red", "shade": 3}\n```\nas asked.',
        'The answer is {"name": "red", "shade": 3}.',
        '```\n{"name": "red",\n "shade": 3}\n```',
    ],
)
def test_an_answer_is_found_in_its_surroundings(text: str) -> None:
    assert read_answer(text, Colour) == Colour(name="red", shade=3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("I would rather not.", "no JSON"),
        ('{"name": "red", "shade": "dark"}', "shade"),
        ('{"shade": 1}', "name: Field required"),
        ('{"name": "red", "shade": NaN}', "NaN"),
        ('```json\n{"name": "re', "Unterminated string"),
    ],
)
def test_an_answer_that_does_not_fit_says_where(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_answer(text, Colour)


def test_halves_of_characters_do_not_reach_files() -> None:
    value = read_json(r'{"\ud83d": ["\ud83d\ude00", "\udc00"]}')
    assert value == {"\ufffd": ["\U0001f600", "\ufffd"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("[" * 490 + "]" * 490, "nested too deeply", id="lists in lists"),
        pytest.param('{"a": ' * 490 + "1" + "}" * 490, "nested too deeply", id="objects in objects"),
        pytest.param("9" * 5000, "a number of 5000 digits", id="many digits"),
        pytest.param("-1e999", "the number -1e999, which is too large", id="an endless number"),
    ],
)
def test_values_that_would_break_what_takes_them_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_json(text)


def test_other_peoples_code_in_fences_is_left_alone() -> None:
    assert list(json_blocks("```python\n{}\n```\n```json\n[1]\n```\n")) != []
    assert [block.value for block in json_blocks("```python\n{}\n```\n```json\n[1]\n```\n")] == [[1]]
