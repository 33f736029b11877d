"""Keeping keys out of what is said about calls: errors, logs, records."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)(_\w+)?$", re.IGNORECASE)
_SHORTEST, _SHORTEST_WORD = 8, 16
"""Characters of a value, and of one without digits: what is shorter is no key but a word that stands for none, and
removing it would tear holes into texts."""
_LOOKS_LIKE = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|hf|pplx|tgp|nvapi)[-_][\w*.-]{6,}|\bAIza[\w-]{10,}|(?<=[Bb]earer )[\w.~+/*=-]{6,}"
    r"|(?<=://)[^/\s@]+(?=@)"
)
REMOVED = "[key removed]"


def secrets_at_hand() -> list[str]:
    """Values of the environment's variables that are named like keys, the longest first."""
    found = {value for name, value in os.environ.items() if _NAME.search(name) and _may_be_a_key(value)}
    return sorted(found, key=lambda value: (-len(value), value))


def _may_be_a_key(value: str) -> bool:
    return len(value) >= (_SHORTEST_WORD if value.isalpha() else _SHORTEST)


def without_secrets(text: str) -> str:
    """`text` without any value of the environment that is named like a key."""
    cleaned: str = _cleaned(text, secrets_at_hand())
    return cleaned


def json_without_secrets(value: Any) -> Any:
    """A JSON value whose texts are without secrets."""
    return _cleaned(value, secrets_at_hand())


def _cleaned(value: Any, secrets: Sequence[str]) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, REMOVED)
            return value
        case list():
            return [_cleaned(item, secrets) for item in value]
        case dict():
            return {name: _cleaned(item, secrets) for name, item in value.items()}
        case _:
            return value


def without_keys(text: str) -> str:
    """For errors of providers: without secrets, and without what looks like a key or a part of one."""
    return _LOOKS_LIKE.sub(REMOVED, without_secrets(text))
