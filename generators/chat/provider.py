"""One attempt at one call, through litellm."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from generators.chat.facts import ModelFacts, model_facts
from generators.chat.faults import Fault, fault_of
from generators.chat.library import load_litellm
from generators.chat.messages import Usage
from generators.chat.options import ChatOptions
from generators.chat.reading import RawCall, RawReply
from generators.chat.request import Request
from generators.chat.text_form import answer_instructions, in_text, instructed, tool_instructions
from generators.chat.wire import wire_answer, wire_messages, wire_tools

_NO_KEY = "none"
"""Sent to a server of one's own where no key is set: clients insist on one, such servers do not."""
_MARKED = ("anthropic", "bedrock", "vertex_ai", "openrouter", "databricks")
"""Providers that are to be told what to cache, for Claude models; the others find out for themselves."""
_TOOL_WORDS = ("tool", "function call", "functions")
_ANSWER_WORDS = ("response_format", "json_schema", "response schema", "structured output", "json mode")
_REFUSAL_WORDS = (
    "support",
    "no endpoints",
    "not available",
    "not allowed",
    "not permitted",
    "not enabled",
    "unknown param",
    "unrecognized",
    "unexpected",
    "extra inputs",
    "extra fields",
    "invalid schema",
    "invalid_schema",
    "cannot be used",
    "can't be used",
)
"""Of a provider that has no such thing; without one of them the fault is in what was sent, and text would hide it."""


@dataclass(frozen=True, slots=True)
class Forms:
    """How tools are offered and a structured answer is asked for."""

    tools: Literal["native", "text"]
    answers: Literal["native", "text"]


class Provider:
    """A model behind litellm. Safe for many threads."""

    def __init__(self, model: str, options: ChatOptions) -> None:
        self.model = model
        self.options = options
        self._lock = threading.Lock()
        self._refused: set[Literal["tools", "answers"]] = set()

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
        status = f" (HTTP {fault.status})" if fault.status else ""
        said = f" The provider says: {fault.said}" if fault.said else ""
        return f"{self.model}: {self._what(fault, attempts)}{status}.{said}"

    def _what(self, fault: Fault, attempts: int) -> str:
        match fault.kind:
            case "key":
                return f"the provider takes no call without a valid key; {self._key_advice()}"
            case "model":
                return (
                    "there is no such model or no such address; `mlesmith models PATTERN` lists the models that are "
                    "known, such as `openai/*`"
                )
            case "quota":
                return "the account at the provider has no money or quota left; top it up, or use another model"
            case "length":
                return "the conversation is longer than the model takes; use a model with a longer context"
            case "content":
                return "the provider refuses the content"
            case "request":
                return "the provider refuses the request"
            case "passing" if (fault.retry_after_s or 0.0) > self.options.longest_wait_s:
                return f"the provider asks to wait for {fault.retry_after_s:g} s, longer than calls may wait"
            case "passing":
                more = "" if attempts == 1 else f" in {attempts} attempts"
                return f"the provider could not be reached, or failed{more}; try again later"

    def _key_advice(self) -> str:
        if self.options.key_variable is not None:
            return f"check the environment variable {self.options.key_variable}"
        facts = self.facts()
        if facts.key_variables:
            return f"set the environment variable {' or '.join(facts.key_variables)}"
        usual = f"{(facts.provider or '').upper()}_API_KEY"
        named = usual if usual in os.environ else f"that holds the key of {facts.provider or 'the provider'}"
        return f"check the environment variable {named}"

    def ask(self, request: Request, refused: Callable[[Fault], None]) -> tuple[RawReply, Usage]:
        """The answer to one attempt. Raises `Fault`. `refused`: is told where the provider refuses tools or the form
        of the answer, and text is tried instead."""
        litellm = load_litellm()
        while True:
            forms = self._forms(request)
            arguments = self._arguments(request, forms)
            begun = time.monotonic()
            try:
                response = _within(self.options.timeout_s, lambda: litellm.completion(**arguments))  # noqa: B023 - it is called at once
            except Fault as fault:
                if not self._falls_back(fault, request, forms):
                    raise
                refused(fault)
                continue
            seconds = time.monotonic() - begun
            raw = _read(response, forms.tools)
            return raw, self._usage(litellm, arguments, response, seconds)

    def _forms(self, request: Request) -> Forms:
        facts = self.facts()
        with self._lock:
            refused = set(self._refused)
        tools: Literal["native", "text"] = "native"
        answers: Literal["native", "text"] = "native"
        if self.options.tools != "auto":
            tools = self.options.tools
        elif facts.tools is False or "tools" in refused:
            tools = "text"
        if self.options.answers != "auto":
            answers = self.options.answers
        elif facts.structured_answers is False or "answers" in refused:
            answers = "text"
        elif request.tools and (tools == "text" or facts.provider not in ("openai", "azure")):
            # most providers take either tools or the form of an answer, and some force the answer where both are given
            answers = "text"
        return Forms(tools, answers)

    def _falls_back(self, fault: Fault, request: Request, forms: Forms) -> bool:
        """Whether the provider refused tools or the form of the answer, so that text is to be tried."""
        refused: Literal["tools", "answers"]
        native_answer = request.answer is not None and forms.answers == "native" and self.options.answers == "auto"
        native_tools = bool(request.tools) and forms.tools == "native" and self.options.tools == "auto"
        if not fault.refuses(*_REFUSAL_WORDS):
            return False
        if native_answer and fault.refuses(*_ANSWER_WORDS):
            refused = "answers"
        elif native_tools and fault.refuses(*_TOOL_WORDS):
            refused = "tools"
        else:
            return False
        with self._lock:
            self._refused.add(refused)
        return True

    def _arguments(self, request: Request, forms: Forms) -> dict[str, Any]:
        options, facts = self.options, self.facts()
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

    def _usage(self, litellm: ModuleType, arguments: Mapping[str, Any], response: Any, seconds: float) -> Usage:
        told = getattr(response, "usage", None)
        given = int(getattr(told, "prompt_tokens", 0) or 0)
        made = int(getattr(told, "completion_tokens", 0) or 0)
        if not given + made:
            # a server that does not count leaves it to us: unknown is not nothing
            given, made = _counted(litellm, arguments, response)
        details = getattr(told, "prompt_tokens_details", None)
        cached = int(getattr(details, "cached_tokens", 0) or 0)
        return Usage(1, given, made, cached, self._cost(litellm, given, made, response), seconds)

    def _cost(self, litellm: ModuleType, given: int, made: int, response: Any) -> float | None:
        if self.options.input_usd is not None and self.options.output_usd is not None:
            return (given * self.options.input_usd + made * self.options.output_usd) / 1_000_000
        if not self.facts().priced:
            return None
        try:
            return float(litellm.completion_cost(completion_response=response, model=self.model))
        except Exception:  # noqa: BLE001 - a price that litellm cannot work out is unknown, whatever stopped it
            return None


def _counted(litellm: ModuleType, arguments: Mapping[str, Any], response: Any) -> tuple[int, int]:
    """Input and output tokens as litellm's tokenizer counts them."""
    message = response.choices[0].message.model_dump(exclude_none=True)
    given = litellm.token_counter(arguments["model"], messages=arguments["messages"], tools=arguments.get("tools"))
    return int(given), int(litellm.token_counter(arguments["model"], messages=[message]))


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
    calls = tuple(
        RawCall(str(call.id or ""), str(call.function.name or ""), str(call.function.arguments or ""))
        for call in getattr(message, "tool_calls", None) or ()
    )
    content = message.content if isinstance(message.content, str) else ""
    if not content and not calls:
        content = _refusal(message)
    return RawReply(content, calls, str(choices[0].finish_reason or "stop"), tools_form)
