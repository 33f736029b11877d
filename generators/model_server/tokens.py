"""Tokens as this server counts them: words and signs, the same for the same text."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generators.model_server.reply import ScriptedReply
from generators.model_server.request import ChatRequest, digest, text_of

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class TokenUse:
    """Tokens of one call."""

    prompt: int
    completion: int
    cached: int = 0
    """Of the prompt's."""


def count_tokens(text: str) -> int:
    """Words and signs of a text."""
    return len(_TOKEN.findall(text))


def token_use(request: ChatRequest, reply: ScriptedReply, *, cached: int = 0) -> TokenUse:
    """What a call takes: the figures that the script gives, the rest counted."""
    told = reply.usage
    prompt = prompt_tokens(request) if told.prompt_tokens is None else told.prompt_tokens
    completion = _completion_tokens(reply) if told.completion_tokens is None else told.completion_tokens
    hit = cached if told.cached_tokens is None else told.cached_tokens
    return TokenUse(prompt, completion, min(hit, prompt))


def prompt_tokens(request: ChatRequest) -> int:
    """Messages, tools and the schema of the answer."""
    return _preamble_tokens(request) + sum(map(_message_tokens, request.messages))


class PromptCache:
    """Which beginnings of conversations were sent before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def hit(self, request: ChatRequest) -> int:
        """Tokens of the longest beginning that was sent before; from now on all of the request was."""
        beginnings = _beginnings(request)
        with self._lock:
            known = sum(beginning in self._seen for beginning in beginnings)
            self._seen.update(beginnings)
        if not known:
            return 0
        return _preamble_tokens(request) + sum(map(_message_tokens, request.messages[:known]))


def _beginnings(request: ChatRequest) -> Sequence[str]:
    """One digest for each beginning of the conversation, each made from the one before."""
    so_far, found = digest([request.model, request.tools]), []
    for message in request.messages:
        so_far = digest([so_far, message])
        found.append(so_far)
    return found


def _preamble_tokens(request: ChatRequest) -> int:
    parts = [request.tools, request.body.get("response_format")]
    return sum(count_tokens(json.dumps(part, ensure_ascii=False)) for part in parts if part)


def _message_tokens(message: Mapping[str, Any]) -> int:
    called = [call["function"] for call in message.get("tool_calls") or ()]
    texts = [text_of(message), *(f"{function['name']} {function['arguments']}" for function in called)]
    return sum(map(count_tokens, texts))


def _completion_tokens(reply: ScriptedReply) -> int:
    calls = [f"{call.name} {call.arguments_text}" for call in reply.calls]
    return sum(map(count_tokens, [reply.content, reply.refusal, *calls]))
