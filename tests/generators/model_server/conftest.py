"""A scripted server for each test, and a plain client that knows nothing of ours."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from generators.model_server import Script, ScriptedModelServer


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.raw)

    @property
    def message(self) -> Any:
        return self.data["choices"][0]["message"]

    @property
    def text(self) -> str:
        return self.message["content"]

    @property
    def finish(self) -> str:
        return self.data["choices"][0]["finish_reason"]

    @property
    def usage(self) -> Any:
        return self.data["usage"]

    @property
    def error(self) -> Any:
        return self.data["error"]


class Client:
    """Keeps one connection open, as clients of providers do."""

    def __init__(self, server: ScriptedModelServer) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        self.connection.request(method, path, body, headers)
        reply = self.connection.getresponse()
        return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())

    def chat(self, *said: str | dict[str, Any], model: str = "scripted", **fields: Any) -> Answer:
        messages = [{"role": "user", "content": one} if isinstance(one, str) else one for one in said]
        body = json.dumps({"model": model, "messages": messages, **fields}).encode()
        return self.send("POST", "/v1/chat/completions", body, **{"Content-Type": "application/json"})


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def called(name: str, arguments: str = "{}", call_id: str = "1") -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def result(text: str, call_id: str = "1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


@pytest.fixture
def say() -> Any:
    """Ways to write messages and tools."""

    class Say:
        tool = staticmethod(tool)
        called = staticmethod(called)
        result = staticmethod(result)

    return Say


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedModelServer]]:
    """Starts servers; a list is the turns of a script."""
    with ExitStack() as servers:

        def start(script: Any, **fields: Any) -> ScriptedModelServer:
            if isinstance(script, list):
                script = Script.model_validate({"turns": script, **fields})
                fields = {}
            return servers.enter_context(ScriptedModelServer(script, **fields))

        yield start


@pytest.fixture
def client() -> Iterator[Callable[[ScriptedModelServer], Client]]:
    """Connects to a server."""
    opened: list[Client] = []

    def connect(server: ScriptedModelServer) -> Client:
        opened.append(Client(server))
        return opened[-1]

    yield connect
    for one in opened:
        one.connection.close()
