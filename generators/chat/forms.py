"""Whether tools and structured answers are asked for by the provider's own means or in text."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from generators.chat.facts import ModelFacts
from generators.chat.faults import Fault
from generators.chat.options import ChatOptions
from generators.chat.request import Request

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


class FormChoice:
    """Chooses by the options, by what litellm knows of the model, and by what the provider has refused. Safe for many
    threads."""

    def __init__(self, options: ChatOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._refused: set[Literal["tools", "answers"]] = set()

    def forms(self, request: Request, facts: ModelFacts) -> Forms:
        """How this request is made."""
        with self._lock:
            refused = set(self._refused)
        tools: Literal["native", "text"] = "native"
        answers: Literal["native", "text"] = "native"
        if self._options.tools != "auto":
            tools = self._options.tools
        elif facts.tools is False or "tools" in refused:
            tools = "text"
        if self._options.answers != "auto":
            answers = self._options.answers
        elif facts.structured_answers is False or "answers" in refused:
            answers = "text"
        elif request.tools and (tools == "text" or facts.provider not in ("openai", "azure")):
            # most providers take either tools or the form of an answer, and some force the answer where both are given
            answers = "text"
        return Forms(tools, answers)

    def falls_back(self, fault: Fault, request: Request, forms: Forms) -> bool:
        """Whether the provider refused tools or the form of the answer, so that text is to be tried, now and later."""
        refused: Literal["tools", "answers"]
        native_answer = request.answer is not None and forms.answers == "native" and self._options.answers == "auto"
        native_tools = bool(request.tools) and forms.tools == "native" and self._options.tools == "auto"
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
