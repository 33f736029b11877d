"""What litellm knows of a model: what it supports and what it costs. What it does not know is None."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from generators.chat.library import load_litellm

_ASKS_A_SERVER = frozenset({"ollama", "ollama_chat", "huggingface"})
"""Providers of which litellm learns by asking their server."""
_LOGS_IN = frozenset({"github_copilot", "chatgpt"})
"""Providers to which litellm logs in, a person at a browser included, as soon as it is asked whose a model is."""
_CALLED = {"bedrock_converse": "bedrock"}
"""Providers that the list calls otherwise than a model string does; `vertex_ai-FAMILY` is cut besides."""
_MILLION = 1_000_000
_CHAT = ("chat", "responses")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model string."""

    model: str
    provider: str | None
    """None where no provider of litellm's has such a model."""
    known: bool
    """Whether litellm's list holds the model; it can be called all the same where it does not."""
    tools: bool | None = None
    structured_answers: bool | None = None
    prompt_caching: bool | None = None
    images: bool | None = None
    input_tokens: int | None = None
    """The longest input."""
    output_tokens: int | None = None
    """The longest output."""
    input_usd: float | None = None
    """USD per million tokens."""
    output_usd: float | None = None
    """USD per million tokens."""
    cached_input_usd: float | None = None
    """USD per million tokens that the provider had cached."""
    key_variables: tuple[str, ...] = ()
    """Environment variables that the provider needs and that are not set."""

    @property
    def priced(self) -> bool:
        """Whether both prices are known."""
        return self.input_usd is not None and self.output_usd is not None


@lru_cache(maxsize=256)
def _listed(model: str) -> tuple[str | None, Mapping[str, Any] | None]:
    litellm = load_litellm()
    name, provider = _divided(model)
    if provider is None:
        return None, None
    costs: Mapping[str, Mapping[str, Any]] = litellm.model_cost
    for key in (model, f"{provider}/{name}"):
        if key in costs:
            return provider, costs[key]
    if provider not in _ASKS_A_SERVER | _LOGS_IN:
        try:
            return provider, costs.get(litellm.get_model_info(model)["key"])
        except Exception:  # noqa: BLE001 - as above
            return provider, None
    return provider, None


def _divided(model: str) -> tuple[str, str | None]:
    """The provider's name for a model, and the provider; None where litellm has none for it."""
    head, slash, rest = model.partition("/")
    if slash and head in _LOGS_IN:
        return rest, head
    try:
        name, provider, _, _ = load_litellm().get_llm_provider(model)
    except Exception:  # noqa: BLE001 - litellm raises errors of many kinds for a string that it does not know
        return model, None
    return name, provider


def model_facts(model: str) -> ModelFacts:
    """What is known of `model`. Raises `ModelError` where litellm is not installed."""
    provider, entry = _listed(model)
    missing = missing_keys(model) if provider else ()
    return _facts(model, provider, entry, missing)


def _facts(model: str, provider: str | None, entry: Mapping[str, Any] | None, missing: tuple[str, ...]) -> ModelFacts:
    if entry is None:
        return ModelFacts(model, provider, known=False, key_variables=missing)

    def flag(name: str) -> bool:
        # the list names what a model can do and is silent about what it cannot
        return entry.get(name) is True

    def number(name: str) -> int | None:
        value = entry.get(name)
        return int(value) if isinstance(value, int | float) else None

    def price(name: str) -> float | None:
        value = entry.get(name)
        return float(value) * _MILLION if isinstance(value, int | float) else None

    return ModelFacts(
        model,
        provider,
        known=True,
        tools=flag("supports_function_calling"),
        structured_answers=flag("supports_response_schema"),
        prompt_caching=flag("supports_prompt_caching"),
        images=flag("supports_vision"),
        input_tokens=number("max_input_tokens"),
        output_tokens=number("max_output_tokens"),
        input_usd=price("input_cost_per_token"),
        output_usd=price("output_cost_per_token"),
        cached_input_usd=price("cache_read_input_token_cost"),
        key_variables=missing,
    )


def matching_models(pattern: str) -> list[str]:
    """Chat models of litellm's list whose string fits a pattern such as `openai/gpt-5*`, sorted."""
    return sorted(model for model in _chat_models() if fnmatch.fnmatchcase(model.lower(), pattern.lower()))


def providers() -> dict[str, int]:
    """The providers of litellm's list, sorted, with how many chat models of theirs it holds."""
    return dict(sorted(Counter(model.split("/", maxsplit=1)[0] for model in _chat_models()).items()))


def missing_keys(model: str) -> tuple[str, ...]:
    """Environment variables that the provider of `model` needs and that are not set."""
    if model.partition("/")[0] in _LOGS_IN:
        return ()
    try:
        told = load_litellm().validate_environment(model)
    except Exception:  # noqa: BLE001 - advice that cannot be had is no reason to fail
        return ()
    return () if told.get("keys_in_environment") else tuple(map(str, told.get("missing_keys", ())))


@lru_cache(maxsize=1)
def _chat_models() -> frozenset[str]:
    """Model strings that can be called: the list leaves the provider out of some of its names, calls it otherwise in
    others, and holds models of providers that litellm no longer calls."""
    found = set()
    for key, entry in load_litellm().model_cost.items():
        if isinstance(entry, Mapping) and entry.get("mode") in _CHAT and (provider := entry.get("litellm_provider")):
            called = "vertex_ai" if provider.startswith("vertex_ai-") else _CALLED.get(provider, provider)
            found.add(key if "/" in key else f"{called}/{key}")
    return frozenset(model for model in found if _divided(model)[1] is not None)
