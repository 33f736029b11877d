"""What a call took: tokens as the provider counts them, money as far as a price is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generators.chat.facts import ModelFacts
from generators.chat.library import load_litellm
from generators.chat.messages import Usage
from generators.chat.options import ChatOptions

_CHARACTERS = 4
"""Of a token, roughly, where nothing counts better."""


def usage_of(
    response: Any, arguments: Mapping[str, Any], seconds: float, options: ChatOptions, facts: ModelFacts
) -> Usage:
    """What the call with these arguments took."""
    told = getattr(response, "usage", None)
    given = int(getattr(told, "prompt_tokens", 0) or 0)
    made = int(getattr(told, "completion_tokens", 0) or 0)
    if not given + made:
        # a server that does not count leaves it to us: unknown is not nothing
        given, made = _counted(arguments, response)
    details = getattr(told, "prompt_tokens_details", None)
    cached = int(getattr(details, "cached_tokens", 0) or 0)
    return Usage(1, given, made, cached, _cost(response, given, made, options, facts), seconds)


def _cost(response: Any, given: int, made: int, options: ChatOptions, facts: ModelFacts) -> float | None:
    if options.input_usd is not None and options.output_usd is not None:
        return (given * options.input_usd + made * options.output_usd) / 1_000_000
    if not facts.priced:
        return None
    try:
        return float(load_litellm().completion_cost(completion_response=response, model=facts.model))
    except Exception:  # noqa: BLE001 - a price that litellm cannot work out is unknown, whatever stopped it
        return None


def _counted(arguments: Mapping[str, Any], response: Any) -> tuple[int, int]:
    """Input and output tokens as litellm's tokenizer counts them."""
    said, asked = response.choices[0].message.model_dump(exclude_none=True), arguments["messages"]
    count = load_litellm().token_counter
    try:
        given = count(arguments["model"], messages=asked, tools=arguments.get("tools"))
        return int(given), int(count(arguments["model"], messages=[said]))
    except Exception:  # noqa: BLE001 - a tokenizer that fails, however it does, costs precision and not the reply
        return len(str(asked)) // _CHARACTERS, len(str(said)) // _CHARACTERS
