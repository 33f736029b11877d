"""How a model is asked: plain data, the same in every process. Keys are never in it: they come from the environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

Form = Literal["auto", "native", "text"]
"""How tools are offered, or a structured answer is asked for: by the provider's own means, in the text of the prompt,
or as litellm knows the model, and in the text once the provider refuses."""

_OURS = frozenset(
    {"model", "messages", "tools", "tool_choice", "response_format", "stream", "timeout", "max_retries", "num_retries"}
)
_SECRET = frozenset({"api_key", "headers", "extra_headers", "default_headers", "azure_ad_token", "extra_body"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """Raises `ValueError` for what cannot be."""

    api_base: str | None = None
    """Address of the server; None leaves it to the provider and its environment variable."""
    key_variable: str | None = None
    """Environment variable that holds the key; None leaves it to the provider."""
    tools: Form = "auto"
    answers: Form = "auto"
    temperature: float | None = None
    """None leaves it to the provider, as below."""
    max_output_tokens: int | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Further parameters of the provider, sent as they are."""
    prompt_caching: bool = True
    """Whether a provider that wants to be told is told which part of a prompt comes again."""
    timeout_s: float = 600.0
    """Seconds for one attempt, from its start to its last byte."""
    attempts: int = 7
    """How often a call is tried before it has failed."""
    first_wait_s: float = 1.0
    """Seconds before the second attempt; they double with each further one, and are shortened at random by up to a
    half, so that calls that failed together do not come back together."""
    longest_wait_s: float = 60.0
    """Seconds of the longest wait between attempts, and the longest that a provider may ask for."""
    input_usd: float | None = None
    """USD per million input tokens, in place of what litellm knows."""
    output_usd: float | None = None
    """USD per million output tokens, in place of what litellm knows."""

    def __post_init__(self) -> None:
        if self.api_base is not None and not _is_address(self.api_base):
            raise ValueError(
                f"--api-base {self.api_base!r} is no address of a server; write it with its protocol, such as "
                "http://127.0.0.1:8000/v1"
            )
        if self.attempts < 1:
            raise ValueError(f"ChatOptions.attempts must be at least 1, got {self.attempts!r}")
        for name in ("timeout_s", "first_wait_s", "longest_wait_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"ChatOptions.{name} must be positive and finite, got {getattr(self, name)!r}")
        if self.max_output_tokens is not None and self.max_output_tokens < 1:
            raise ValueError(f"ChatOptions.max_output_tokens must be at least 1, got {self.max_output_tokens!r}")
        for name in ("tools", "answers"):
            if getattr(self, name) not in ("auto", "native", "text"):
                raise ValueError(f"ChatOptions.{name} is auto, native or text, got {getattr(self, name)!r}")
        if (self.input_usd is None) is not (self.output_usd is None):
            raise ValueError("ChatOptions.input_usd and output_usd are given together or not at all")
        for price in (self.input_usd, self.output_usd):
            if price is not None and not 0 <= price < math.inf:
                raise ValueError(f"a price is not negative and finite, got {price!r}")
        ours, secret = _OURS & set(self.parameters), _SECRET & set(self.parameters)
        if ours:
            raise ValueError(
                f"ChatOptions.parameters may not hold {', '.join(sorted(ours))}: those are set by the chat"
            )
        if secret:
            raise ValueError(
                f"ChatOptions.parameters may not hold {', '.join(sorted(secret))}: parameters are recorded; "
                "keys come from the environment (key_variable names the variable)"
            )

    def asked(self) -> dict[str, Any]:
        """What is sent with every call beside what is said, under the names that providers share."""
        named = {
            "temperature": self.temperature,
            "max_tokens": self.max_output_tokens,
            "seed": self.seed,
            "reasoning_effort": self.reasoning_effort,
        }
        return {**{name: value for name, value in named.items() if value is not None}, **self.parameters}


def _is_address(text: str) -> bool:
    if not text.lower().startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that cannot be
        return False
