"""One attempt at one call, through litellm."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from generators.chat.advice import advice
from generators.chat.exchange import exchange
from generators.chat.facts import ModelFacts, model_facts
from generators.chat.faults import Fault
from generators.chat.forms import FormChoice, Forms
from generators.chat.library_process import library_process
from generators.chat.messages import Usage
from generators.chat.options import ChatOptions
from generators.chat.reading import RawReply
from generators.chat.request import Request
from generators.chat.text_form import answer_instructions, in_text, instructed, tool_instructions
from generators.chat.wire import wire_answer, wire_messages, wire_tools
from generators.errors import ModelError

_NO_KEY = "none"
"""Sent to a server of one's own where no key is set: clients insist on one, such servers do not."""
_TRIES = 2
"""Processes that are asked what litellm knows."""
_MARKED = ("anthropic", "bedrock", "vertex_ai", "openrouter", "databricks")
"""Providers that are to be told what to cache, for Claude models; the others find out for themselves."""


class Provider:
    """A model behind litellm. Safe for many threads."""

    def __init__(self, model: str, options: ChatOptions) -> None:
        self.model = model
        self.options = options
        self._forms = FormChoice(options)
        self._facts: ModelFacts | None = None

    def facts(self) -> ModelFacts:
        """What litellm knows of the model. Raises `ModelError` where it cannot be asked."""
        for _ in range(_TRIES):
            process = library_process()
            if process is None:
                return model_facts(self.model)
            with contextlib.suppress(Fault):  # it ended before it answered
                self._facts = self._facts or process.call(model_facts, self.model)
                return self._facts
        raise ModelError(f"{self.model}: the process that calls models ends as it starts; memory may have run out")

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
        facts = self.facts()
        while True:
            forms = self._forms.forms(request, facts)
            arguments = self._arguments(request, forms, facts)
            process = library_process()
            try:
                if process is None:
                    return exchange(arguments, forms.tools, self.options, facts)
                return process.call(exchange, arguments, forms.tools, self.options, facts)
            except Fault as fault:
                if not self._forms.falls_back(fault, request, forms):
                    raise
                refused(fault)

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
