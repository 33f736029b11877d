"""Scripts that are functions: whole conversations, played by what is seen in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.model_server import Call, ScriptedModel, ScriptedModelServer, ScriptedReply

PROGRAM = """
from generators.model_server import ScriptedModel

def play(request):
    return f"{request.model} heard {request.last}"

model = ScriptedModel(play, models=["small"])
number = 3
"""


def test_a_function_plays_a_conversation_by_what_it_sees(serve, client, say):
    def play(request):
        if request.said == 0:
            return ScriptedReply(calls=(Call(name="look", arguments={"at": request.task}),))
        if "Error" in request.last:
            return {"text": "I mend it.", "usage": {"completion_tokens": 7}}
        return f"It is {request.last}, after {request.called}."

    one = client(serve(play))
    tools = [say.tool("look")]
    first = one.chat("go", tools=tools, user="wine-1").message
    assert first["tool_calls"][0]["function"]["arguments"] == '{"at": "wine-1"}'
    said = ["go", first, say.result("red", first["tool_calls"][0]["id"])]
    assert one.chat(*said, tools=tools).text == "It is red, after ('look',)."
    said[-1]["content"] = "KeyError"
    assert one.chat(*said, tools=tools).usage["completion_tokens"] == 7


@pytest.mark.parametrize(
    ("play", "told"),
    [
        (lambda request: request.nothing, "AttributeError"),
        (lambda request: None, "no answer"),
        (lambda request: {"txt": "a"}, "txt"),
        (lambda request: 3, "cannot be used"),
    ],
)
def test_a_function_that_fails_is_a_clear_400_and_a_problem_of_the_server(play, told, serve, client):
    server = serve(play)
    refused = client(server).chat("hello")
    assert refused.status == 400
    assert told in refused.error["message"]
    assert len(server.problems) == 1
    assert server.counts["scripted"].refused == 1


def test_a_function_or_a_model_in_a_file_is_named_after_a_colon(tmp_path: Path, serve, client):
    path = tmp_path / "my_script.py"
    path.write_text(PROGRAM)
    assert client(serve(f"{path}:play")).chat("hello", model="m").text == "m heard hello"
    assert client(serve(f"{path}:model")).chat("hello", model="m").status == 404
    for name, told in (("nothing", "has nothing of that name"), ("number", "is no function")):
        with pytest.raises(ValueError, match=told):
            ScriptedModelServer(f"{path}:{name}")
    path.write_text("import nothing_of_the_kind")
    with pytest.raises(ValueError, match=r"my_script\.py.*nothing_of_the_kind"):
        ScriptedModelServer(f"{path}:play")


def test_what_is_no_script_is_a_type_error():
    with pytest.raises(TypeError, match="int"):
        ScriptedModelServer(3)


def test_each_answer_waits_for_the_models_delay_unless_it_names_its_own(serve, client):
    """Nothing is timed: a delay that did not end would keep the second call from its answer."""
    model = ScriptedModel(lambda request: {"text": "at once", "delay_s": 0}, delay_s=3600)
    assert client(serve(model)).chat("hello").text == "at once"
