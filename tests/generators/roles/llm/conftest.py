from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from generators.chat.model_chat import ModelChat
from generators.chat.options import ChatOptions
from generators.model_server import ChatRequest, ScriptedModelServer

KEY = "sk-scripted-0123456789abcdef"
"""The key in the environment of these tests, which must turn up nowhere."""


class Speech:
    """A chat with a scripted model, and the server behind it."""

    def __init__(self, server: ScriptedModelServer, **options: Any) -> None:
        self.server = server
        waits = {"first_wait_s": 0.01, "longest_wait_s": 0.02, "timeout_s": 60}
        self.chat = ModelChat("openai/scripted", ChatOptions(api_base=server.url, **waits, **options))

    @property
    def requests(self) -> tuple[ChatRequest, ...]:
        assert not self.server.problems
        return self.server.requests

    def read(self, number: int = -1) -> str:
        """All that the model could read in a request."""
        return "\n".join(self.requests[number].texts)


@pytest.fixture
def speech(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Speech]]:
    """Starts a server that says the given replies one after the other, or what a function says to each request."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ExitStack() as stack:

        def start(replies: Sequence[Any] | Callable[[ChatRequest], Any], **options: Any) -> Speech:
            def play(request: ChatRequest) -> Any:
                return replies[request.said] if request.said < len(replies) else None

            script = replies if callable(replies) else play
            return Speech(stack.enter_context(ScriptedModelServer(script)), **options)

        yield start
