"""One attempt at one call, through litellm."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from generators.chat.advice import advice
from generators.chat.facts import ModelFacts, model_facts
from generators.chat.faults import Fault, fault_of
from generators.chat.forms import FormChoice, Forms
from generators.chat.library import load_litellm
from generators.chat.messages import Usage
from generators.chat.metering import usage_of
from generators.chat.options import ChatOptions
from generators.chat.reading import RawCall, RawReply
from generators.chat.redaction import without_secrets
from generators.chat.request import Request
from generators.chat.text_form import answer_instructions, in_text, instructed, tool_instructions
from generators.chat.wire import wire_answer, wire_messages, wire_tools

_NO_KEY = "none"
"""Sent to a server of one's own where no key is set: clients insist on one, such servers do not."""
_MARKED = ("anthropic", "bedrock", "vertex_ai", "openrouter", "databricks")
"""Providers that are to be told what to cache, for Claude models; the others find out for themselves."""


class Provider:
    """A model behind litellm. Safe for many threads."""

    def __init__(self, model: str, options: ChatOptions) -> None:
        self.model = model
        self.options = options
        self._forms = FormChoice(options)

    def facts(self) -> ModelFacts:
        """What litellm knows of the model."""
        return model_facts(self.model)

    def priced(self) -> bool:
        """Whether what a call costs can be told."""
        return self.options.input_usd is not None or self.facts().priced

    def server(self) -> str:
        """The address of the server, where it is not the provider's own."""
        return self.options.api_base or own_server(self.model.split("/", maxsplit=1)[0])

    def advice(self, fault: Fault, attempts: int) -> str:
        """What happened, and what the user can do about it."""
        return advice(fault, attempts, self.options, self.facts())

    def ask(self, request: Request, refused: Callable[[Fault], None]) -> tuple[RawReply, Usage]:
        """The answer to one attempt. Raises `Fault`. `refused`: is told where the provider refuses tools or the form
        of the answer, and text is tried instead."""
        litellm, facts = load_litellm(), self.facts()
        while True:
            forms = self._forms.forms(request, facts)
            arguments = self._arguments(request, forms, facts)
            begun = time.monotonic()
            try:
                response = _within(self.options.timeout_s, lambda: litellm.completion(**arguments))  # noqa: B023 - it is called at once
            except Fault as fault:
                if not self._forms.falls_back(fault, request, forms):
                    raise
                refused(fault)
                continue
            seconds = time.monotonic() - begun
            raw = _read(response, forms.tools)
            return raw, usage_of(response, arguments, seconds, self.options, facts)

    def _arguments(self, request: Request, forms: Forms, facts: ModelFacts) -> dict[str, Any]:
        options = self.options
        told: list[str] = []
        sent: dict[str, Any] = {}
        messages = request.messages
        if forms.tools == "text":
            messages = in_text(messages)
        if request.tools and forms.tools == "text":
            told.append(tool_instructions(request.tools))
        elif request.tools:
            sent["tools"] = wire_tools(request.tools)
        if request.answer is not None and forms.answers == "text":
            told.append(answer_instructions(request.answer, with_tools=bool(request.tools)))
        elif request.answer is not None:
            sent["response_format"] = wire_answer(request.answer)
        mark = (
            options.prompt_caching
            and facts.prompt_caching is not False
            and facts.provider in _MARKED
            and "claude" in self.model.lower()
        )
        return {
            "model": self.model,
            "messages": wire_messages(instructed(messages, "\n".join(told)), mark=mark),
            **sent,
            **options.asked(),
            "stream": False,
            "timeout": options.timeout_s,
            # attempts are ours to count and to space
            "max_retries": 0,
            "num_retries": 0,
            **self._address(facts),
        }

    def _address(self, facts: ModelFacts) -> dict[str, str]:
        address = {} if self.options.api_base is None else {"api_base": self.options.api_base}
        if self.options.key_variable is not None:
            key = os.environ.get(self.options.key_variable, "")
            if not key:
                raise Fault("key", None, f"the environment variable {self.options.key_variable} is not set")
            address["api_key"] = key
        elif facts.key_variables and (address or own_server(facts.provider)):
            address["api_key"] = _NO_KEY
        return address


def own_server(provider: str | None) -> str:
    """The address of a server that the environment names for a provider; empty where it names none."""
    name = (provider or "").upper()
    return os.environ.get(f"{name}_API_BASE") or os.environ.get(f"{name}_BASE_URL") or ""


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
    # a key that is said back is taken out here already, so that what a run does with a reply is what its replay does
    calls = tuple(
        RawCall(str(call.id or ""), str(call.function.name or ""), without_secrets(str(call.function.arguments or "")))
        for call in getattr(message, "tool_calls", None) or ()
    )
    content = message.content if isinstance(message.content, str) else ""
    if not content and not calls:
        content = _refusal(message)
    return RawReply(without_secrets(content), calls, str(choices[0].finish_reason or "stop"), tools_form)
