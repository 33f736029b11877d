"""A reply as the protocol has it: one JSON object, or a stream of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from generators.model_server.reply import ScriptedReply
from generators.model_server.request import ChatRequest, digest
from generators.model_server.tokens import TokenUse

_FINGERPRINT = "scripted"
_PIECE = re.compile(r"\s*\S+\s*")


def completion(request: ChatRequest, reply: ScriptedReply, use: TokenUse) -> dict[str, Any]:
    """The body of an answer in one piece."""
    choice = {"index": 0, "message": _message(request, reply), "logprobs": None, "finish_reason": reply.finish_reason}
    return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(use)}


def chunks(request: ChatRequest, reply: ScriptedReply, use: TokenUse) -> Iterator[dict[str, Any]]:
    """The objects of a streamed answer: role, text word by word, each call in two pieces, the end, and what it took
    where the request asks for that."""
    head = _head(request, "chat.completion.chunk")
    told = bool((request.body.get("stream_options") or {}).get("include_usage"))
    usage: dict[str, Any] = {"usage": None} if told else {}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice], **usage}

    message = _message(request, reply)
    yield chunk({"role": "assistant", "content": "" if message["content"] is not None else None})
    for piece in _PIECE.findall(message["content"] or ""):
        yield chunk({"content": piece})
    if message["refusal"]:
        yield chunk({"refusal": message["refusal"]})
    for index, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        opened = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        yield chunk({"tool_calls": [opened]})
        text = function["arguments"]
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, reply.finish_reason)
    if told:
        yield {**head, "choices": [], "usage": _usage(use)}


def events(request: ChatRequest, reply: ScriptedReply, use: TokenUse) -> Iterator[bytes]:
    """The streamed answer as server-sent events."""
    for chunk in chunks(request, reply, use):
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode("utf-8", "surrogatepass")
    yield b"data: [DONE]\n\n"


def _head(request: ChatRequest, kind: str) -> dict[str, Any]:
    made = {"id": f"chatcmpl-{request.number}", "object": kind, "created": int(time.time()), "model": request.model}
    return {**made, "system_fingerprint": _FINGERPRINT}


def _message(request: ChatRequest, reply: ScriptedReply) -> dict[str, Any]:
    silent = not reply.content and (reply.calls or reply.refusal)
    message: dict[str, Any] = {"role": "assistant", "content": None if silent else reply.content}
    message["refusal"] = reply.refusal or None
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": call.id or f"call_{digest([request.digest, index])}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_text},
            }
            for index, call in enumerate(reply.calls)
        ]
    return message


def _usage(use: TokenUse) -> dict[str, Any]:
    return {
        "prompt_tokens": use.prompt,
        "completion_tokens": use.completion,
        "total_tokens": use.prompt + use.completion,
        "prompt_tokens_details": {"cached_tokens": use.cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
