"""Calls that a model makes wrongly: told to it, and counted as what was paid for, whatever litellm makes of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from generators.chat.messages import Message, Purpose, Reply, Tool
from generators.chat.model_chat import ModelChat
from generators.chat.options import ChatOptions
from generators.errors import ModelError
from generators.model_server import ChatRequest, ScriptedModelServer

ASKED = [Message("user", "Look.")]
LOOK = Tool("look", "Looks at a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
PARALLEL = "multi_tool_use.parallel"
WHOLE = {"tool_uses": [{"recipient_name": "functions.look", "parameters": {"path": name}} for name in "ab"]}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(variable, "sk-scripted-0123456789abcdef")


def chat(url: str, model: str = "openai/scripted") -> ModelChat:
    return ModelChat(model, ChatOptions(api_base=url, attempts=2, first_wait_s=0.01, timeout_s=20.0))


def ask(of: ModelChat, messages: list[Message] | None = None) -> Reply:
    return of.complete(messages or ASKED, purpose=Purpose("designer", "wine"), tools=[LOOK])


@pytest.mark.parametrize("model", ["openai/scripted", "openrouter/scripted"])
@pytest.mark.parametrize(
    ("called", "why"),
    [
        pytest.param({"name": PARALLEL, "arguments": WHOLE}, "no tool named", id="a tool for many calls"),
        pytest.param(
            {"name": PARALLEL, "arguments": {"tool_uses": [{"recipient_name": "functions.look"}]}},
            "no tool named",
            id="a tool for many calls without arguments",
        ),
        pytest.param(
            {"name": "look", "arguments": '{"start": ' + "9" * 4400}, "a number of 4400 digits", id="a digit for ever"
        ),
        pytest.param(
            {"name": "look", "arguments": '{"a": ' + "[" * 3000}, "nested too deeply", id="a bracket for ever"
        ),
        pytest.param(
            {"name": "look", "arguments": '{"a": ' + "[" * 490 + "]" * 490 + "}"},
            "nested too deeply",
            id="a deep value",
        ),
        pytest.param(
            {"name": "look", "arguments": '{"a": 1e999}'}, "1e999, which is too large", id="an endless number"
        ),
    ],
)
def test_a_call_that_litellm_cannot_read_is_told_and_counted_as_answered(
    model: str, called: dict[str, Any], why: str
) -> None:
    def play(request: ChatRequest) -> dict[str, Any] | str:
        return {"calls": [called]} if request.last == "Look." else "I see."

    with ScriptedModelServer(play) as server:
        talk = chat(server.url, model)
        reply = ask(talk)
        (call,) = reply.message.calls
        assert call.name == called["name"]
        assert why in call.problem
        after = [*ASKED, reply.message, Message("tool", call.problem, call_id=call.id)]
        assert ask(talk, after).message.text == "I see."
        (counts,), spent = server.counts.values(), talk.run.ledger.usage()
    assert (spent.calls, spent.input_tokens, spent.output_tokens) == (
        counts.answered,
        counts.prompt_tokens,
        counts.completion_tokens,
    )
    assert (counts.calls, talk.run.ledger.failed_attempts()) == (2, 0)
    assert not server.problems


@pytest.fixture
def provider() -> Iterator[Callable[[dict[str, Any]], str]]:
    """Starts a provider that sends one message for ever, in forms that a scripted model does not have."""
    servers: list[ThreadingHTTPServer] = []

    def start(message: dict[str, Any]) -> str:
        choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        body = json.dumps({**whole, "usage": usage}).encode()

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("custom", "arguments", "why"),
    [
        ({"name": "look", "input": "a.csv"}, {}, "the arguments cannot be read: it is no JSON"),
        ({"name": "look", "input": '{"path": "a.csv"}'}, {"path": "a.csv"}, ""),
        ({"name": "leap", "input": "far"}, {}, "the arguments cannot be read: it is no JSON"),
        ({"name": "leap", "input": ""}, {}, "there is no tool named 'leap'; there are: look"),
    ],
)
def test_a_call_of_a_tool_without_a_schema_is_read_or_told(
    provider: Callable[[dict[str, Any]], str], custom: dict[str, str], arguments: dict[str, str], why: str
) -> None:
    called = {"id": "1", "type": "custom", "custom": custom}
    talk = chat(provider({"role": "assistant", "content": None, "tool_calls": [called]}))
    (call,) = ask(talk).message.calls
    assert (call.name, dict(call.arguments)) == (custom["name"], arguments)
    assert call.problem.startswith(why)
    assert bool(call.problem) == bool(why)
    assert talk.run.ledger.usage().calls == 1


def test_a_message_that_litellm_cannot_read_is_told_without_a_traceback(
    provider: Callable[[dict[str, Any]], str],
) -> None:
    talk = chat(provider({"role": "assistant", "content": None, "tool_calls": [None]}))
    with pytest.raises(ModelError, match="Invalid response object") as caught:
        ask(talk)
    assert "Traceback" not in str(caught.value)
    assert ".py" not in str(caught.value)
    assert "'NoneType' object" in str(caught.value)
