"""One exchange with a provider: the arguments of litellm go out, a reply and its usage come back as plain data."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from generators.chat.facts import ModelFacts
from generators.chat.faults import Fault, fault_of
from generators.chat.library import load_litellm
from generators.chat.messages import Usage
from generators.chat.metering import usage_of
from generators.chat.options import ChatOptions
from generators.chat.reading import RawCall, RawReply
from generators.chat.redaction import without_secrets


def exchange(
    arguments: Mapping[str, Any], tools_form: Literal["native", "text"], options: ChatOptions, facts: ModelFacts
) -> tuple[RawReply, Usage]:
    """What `litellm.completion(**arguments)` gives, and what that took. Raises `Fault`, and `ModelLibraryError` where
    litellm is not installed."""
    litellm = load_litellm()
    begun = time.monotonic()
    response = _within(options.timeout_s, lambda: litellm.completion(**arguments))
    seconds = time.monotonic() - begun
    return _read(response, tools_form), usage_of(response, arguments, seconds, options, facts)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """What `call` gives. Raises `Fault`, also where it takes longer than `seconds`: the limits of HTTP clients are on
    each read, so that a server that sends a byte now and then would hold them for ever."""
    ended: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((True, call()))
        except BaseException as error:  # noqa: BLE001 - whatever the library raises is told to the thread that waits
            ended.put((False, error))

    threading.Thread(target=run, name="model call", daemon=True).start()
    try:
        good, value = ended.get(timeout=seconds)
    except queue.Empty:
        raise Fault("passing", None, f"no whole answer within {seconds:g} s") from None
    if good:
        return value
    # the library's errors hold the request with its headers: none of it may come along
    raise fault_of(value) from None


def _refusal(message: Any) -> str:
    """The words by which a model declines to answer, which stand in a field of their own."""
    fields = getattr(message, "provider_specific_fields", None) or {}
    said = getattr(message, "refusal", None) or fields.get("refusal")
    return said if isinstance(said, str) else ""


def _read(response: Any, tools_form: Literal["native", "text"]) -> RawReply:
    choices: Sequence[Any] = getattr(response, "choices", None) or ()
    message = getattr(choices[0], "message", None) if choices else None
    if message is None:
        raise Fault("passing", None, "the answer holds no message")
    calls = tuple(_call(call) for call in getattr(message, "tool_calls", None) or ())
    content = message.content if isinstance(message.content, str) else ""
    if not content and not calls:
        content = _refusal(message)
    # a key that is said back is taken out here already, so that what a run does with a reply is what its replay does
    return RawReply(without_secrets(content), calls, str(choices[0].finish_reason or "stop"), tools_form)


def _call(call: Any) -> RawCall:
    # a call may also be of the kind `custom`, with a text in place of arguments: nobody offers such tools, models make
    # them up
    called = getattr(call, "function", None) or getattr(call, "custom", None)
    said = getattr(called, "arguments", None) or getattr(called, "input", None)
    return RawCall(str(call.id or ""), str(getattr(called, "name", None) or ""), without_secrets(str(said or "")))
