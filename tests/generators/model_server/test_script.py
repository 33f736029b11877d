"""Scripts: which turn is played, and what a script file that cannot be used is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generators.model_server import FaultKind, Script, ScriptedModelServer, read_script
from generators.model_server.conditions import Conditions

ROOT = Path(__file__).parents[3]
SYSTEM = {"role": "system", "content": "You are the Designer."}
JSON_OBJECT = {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("when", "fits", "fits_not"),
    [
        ({"holds": "wine"}, {"said": ["red wine", "x"]}, {"said": ["beer", "x"]}),
        ({"holds": ["wine", "beer"]}, {"said": ["wine", "beer"]}, {"said": ["wine", "x"]}),
        ({"lacks": "wine"}, {"said": ["beer"]}, {"said": ["wine", "beer"]}),
        ({"last_holds": "wine"}, {"said": ["x", "wine"]}, {"said": ["wine", "x"]}),
        ({"system_holds": "Designer"}, {"said": [SYSTEM, "x"]}, {"said": ["Designer"]}),
        ({"matches": r"\d{3} rows"}, {"said": ["120 rows", "x"]}, {"said": ["20 rows"]}),
        ({"last_matches": "(?i)error$"}, {"said": ["x", "ValueError"]}, {"said": ["ValueError", "x"]}),
        ({"model": "gpt-*"}, {"model": "gpt-9"}, {"model": "other"}),
        ({"task": "wine*"}, {"user": "wine-1"}, {"user": "beer"}),
        ({"task": "wine*"}, {"metadata": {"task": "wine-1"}}, {}),
        ({"offers": "look"}, {"tools": ["look", "leap"]}, {"tools": ["leap"]}),
        ({"offers": ["look", "leap"]}, {"tools": ["leap", "look"]}, {"tools": ["leap"]}),
        ({"offers": []}, {}, {"tools": ["leap"]}),
        ({"tool_choice": "required"}, {"tools": ["look"], "tool_choice": "required"}, {"tools": ["look"]}),
        ({"answer_format": "json_object"}, {"said": ["json"], **JSON_OBJECT}, {}),
        ({"said": 0}, {"said": ["x"]}, {"said": ["x", {"role": "assistant", "content": "y"}, "z"]}),
        ({"said": [1, 2]}, {"said": ["x", {"role": "assistant", "content": "y"}, "z"]}, {"said": ["x"]}),
        ({"holds": "x", "model": "a"}, {"model": "a"}, {"model": "b"}),
    ],
    ids=str,
)
def test_a_turn_is_played_where_its_conditions_hold(when, fits, fits_not, serve, client, say):
    one = client(serve([{"when": when, "reply": "fits"}, {"times": "always", "reply": "fits not"}]))

    def ask(said=("x",), tools=(), **fields):
        offered = {"tools": [say.tool(name) for name in tools]} if tools else {}
        return one.chat(*said, **offered, **fields).text

    assert ask(**fits) == "fits"
    assert ask(**fits_not) == "fits not"


def test_conditions_on_the_tool_called_last_and_on_the_number_of_the_call(serve, client, say):
    turns = [
        {"when": {"call": 3}, "reply": "third"},
        {"when": {"after": "look"}, "reply": "looked"},
        {"times": "always", "reply": "else"},
    ]
    one = client(serve(turns))
    looked = ["go", say.called("look"), say.result("rows")]
    leapt = [*looked, say.called("leap"), say.result("high")]
    assert [one.chat(*said).text for said in (looked, leapt, looked, looked)] == ["looked", "else", "third", "looked"]


def test_turns_without_conditions_are_played_in_order_and_then_the_script_has_no_answer(serve, client):
    server = serve([{"reply": "one"}, {"reply": "two", "times": 2}])
    one = client(server)
    assert [one.chat("go").text for _ in range(3)] == ["one", "two", "two"]
    refused = one.chat("go on", model="small", user="wine-1")
    assert refused.status == 400
    for shown in ("no answer", "call 4", "'small'", "'wine-1'", "go on"):
        assert shown in refused.error["message"]
    assert refused.error["message"] in server.problems[0]
    assert server.counts["small"].refused == 1


def test_times_may_count_in_each_conversation(serve, client):
    turns = [{"times": 1, "per": "conversation", "reply": "first"}, {"times": "always", "reply": "again"}]
    one = client(serve(turns))
    told = [one.chat(SYSTEM, task).text for task in ("wine", "beer", "wine", "beer")]
    told.append(one.chat(SYSTEM, "wine", {"role": "assistant", "content": "first"}, "go on").text)
    told.append(one.chat(SYSTEM, "wine", user="other").text)
    assert told == ["first", "first", "again", "again", "again", "first"]


TURNS = [{"when": {"holds": "a"}, "reply": {"calls": [{"name": "f", "arguments": {"code": "print(1)\nprint(2)"}}]}}]
YAML = """
# a comment
- when: {holds: a}
  reply:
    calls:
      - name: f
        arguments:
          code: |-
            print(1)
            print(2)
"""


def test_a_script_is_a_yaml_or_json_file_a_list_of_turns_or_an_object(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "b.json").write_text(json.dumps(TURNS, indent="\t"))
    (tmp_path / "c.json").write_text(json.dumps({"turns": TURNS}))
    wanted = Script.model_validate({"turns": TURNS})
    assert [read_script(tmp_path / name) for name in ("a.yaml", "b.json", "c.json")] == [wanted] * 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("turns: [", ["cannot be read as YAML", "line 1"]),
        ("", ["list of turns"]),
        ("just a text", ["list of turns"]),
        ("turns: {}", ["field turns"]),
        ("models: [a]", ["field turns: it is missing"]),
        ("- {reply: a, when: {hold: b}}", ["turn 1, field when.hold: no such field"]),
        ("- reply: a\n- {name: greets, reply: b, when: {matches: '('}}", ["turn 2 (greets), field when.matches", "("]),
        ("- {reply: a, times: 0}", ["turn 1, field times"]),
        ("- {reply: {}}", ["turn 1, field reply", "says nothing"]),
        ("- {reply: {text: a, answer: b}}", ["either `text` or `answer`"]),
        ("- {reply: {fault: cut_off}}", ["turn 1, field reply.fault.kind", "cut_middle"]),
        ("- {reply: {fault: {kind: status}}}", ["turn 1, field reply.fault", "500"]),
        ("- {reply: {fault: {kind: slow}}}", ["seconds"]),
        ("- {reply: {fault: 200}}", ["turn 1, field reply.fault.status", "400"]),
        ("- {reply: {fault: {kind: cut_before, seconds: 1}}}", ["'seconds'", "'slow'"]),
        ("- {reply: {text: a, fault: malformed_arguments}}", ["needs JSON to break"]),
        ("- {reply: {text: a, delay_s: -1}}", ["turn 1, field reply.delay_s"]),
        ("- {reply: {calls: [{arguments: {}}]}}", ["turn 1, field reply.calls.0.name"]),
        ("- {reply: {answer: 2026-01-01}}", ["turn 1, field reply.answer", "quotes"]),
        ("- {reply: {calls: [{name: f, arguments: [1]}]}}", ["reply.calls.0.arguments: ", "an object, or: ", "a text"]),
        ("- {reply: a, reply: b}", ["'reply' stands here twice", "line 1"]),
        ("turns: []\nfaults: [{rate: 2, fault: 500}]", ["fault 1, field rate"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_script_that_cannot_be_used_is_told_file_entry_and_field(text, told, tmp_path: Path):
    path = tmp_path / "script.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="script") as refused:
        read_script(path)
    assert str(refused.value).startswith(f"{path}: ")
    for words in told:
        assert words in str(refused.value)


def test_json_that_names_a_field_twice_or_is_broken_is_refused(tmp_path: Path):
    path = tmp_path / "script.json"
    for text, told in (('[{"reply": "a", "reply": "b"}]', "twice"), ('[{"reply": ]', "line 1")):
        path.write_text(text)
        with pytest.raises(ValueError, match=told):
            read_script(path)


@pytest.mark.parametrize("name", ["nowhere.yaml", "nowhere.py:play", "script.txt", "script.py"])
def test_files_that_are_not_there_or_of_another_kind_are_named(name, tmp_path: Path):
    with pytest.raises(ValueError, match=name.split(":")[0]):
        ScriptedModelServer(str(tmp_path / name))


def test_the_scripts_of_readme_and_examples_are_scripts(tmp_path: Path):
    blocks = (ROOT / "README.md").read_text("utf-8").split("```yaml\n")[1:]
    shown = [block.split("```")[0] for block in blocks if block.startswith("turns:")]
    assert shown
    for number, text in enumerate([*shown, (ROOT / "examples" / "model_script.yaml").read_text("utf-8")]):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
        assert read_script(tmp_path / f"{number}.yaml").turns


def test_the_readme_names_every_condition_and_every_fault():
    text = (ROOT / "README.md").read_text("utf-8")
    named = [*Conditions.model_fields, *(kind.value for kind in FaultKind if kind is not FaultKind.STATUS)]
    assert [name for name in named if f"`{name}`" not in text] == []
