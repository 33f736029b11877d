"""What a user can do about a fault."""

from __future__ import annotations

import os

from generators.chat.facts import ModelFacts
from generators.chat.faults import Fault
from generators.chat.options import ChatOptions


def advice(fault: Fault, attempts: int, options: ChatOptions, facts: ModelFacts) -> str:
    """What happened, and what the user can do about it."""
    status = f" (HTTP {fault.status})" if fault.status else ""
    said = f" The provider says: {fault.said}" if fault.said else ""
    return f"{facts.model}: {_what(fault, attempts, options, facts)}{status}.{said}"


def _what(fault: Fault, attempts: int, options: ChatOptions, facts: ModelFacts) -> str:
    match fault.kind:
        case "key":
            return f"the provider takes no call without a valid key; {_key_advice(options, facts)}"
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
        case "passing" if (fault.retry_after_s or 0.0) > options.longest_wait_s:
            return f"the provider asks to wait for {fault.retry_after_s:g} s, longer than calls may wait"
        case "passing":
            more = "" if attempts == 1 else f" in {attempts} attempts"
            return f"the provider could not be reached, or failed{more}; try again later"


def _key_advice(options: ChatOptions, facts: ModelFacts) -> str:
    if options.key_variable is not None:
        return f"check the environment variable {options.key_variable}"
    if facts.key_variables:
        return f"set the environment variable {' or '.join(facts.key_variables)}"
    usual = f"{(facts.provider or '').upper()}_API_KEY"
    named = usual if usual in os.environ else f"that holds the key of {facts.provider or 'the provider'}"
    return f"check the environment variable {named}"
