"""Spaces for text: what Gymnasium's own cannot hold (blanks, line breaks, any script) or would silently garble.

None of these has a shape, so that vector environments batch them as plain tuples; `AsyncVectorEnv` needs
`shared_memory=False` and says so itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium import spaces

from mlesmith_env import action_reading, actions

MAX_STEPS = 10_000
"""The largest step budget an episode may have."""


class UnicodeText(spaces.Space[str]):
    """Any text of at most `max_length` characters, the empty one included."""

    def __init__(self, max_length: int, *, seed: int | np.random.Generator | None = None) -> None:
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}")
        super().__init__(None, None, seed)
        self.max_length = max_length

    @property
    def is_np_flattenable(self) -> bool:
        """Text has no fixed numeric form."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A short text; there is nothing to mask."""
        del mask, probability
        words = ("value", "größe", "naïve", "a b\nc", "", "数")
        count = int(self.np_random.integers(0, 8))
        return " ".join(words[int(i)] for i in self.np_random.integers(0, len(words), count))[: self.max_length]

    def contains(self, x: Any) -> bool:
        """Whether `x` is a text short enough."""
        return isinstance(x, str) and len(x) <= self.max_length

    def to_jsonable(self, sample_n: Iterable[str]) -> list[str]:
        """The texts as they are."""
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:
        """The texts as they are."""
        return [str(item) for item in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnicodeText) and other.max_length == self.max_length

    def __hash__(self) -> int:
        return hash((UnicodeText, self.max_length))

    def __repr__(self) -> str:
        return f"UnicodeText({self.max_length})"


class ActionSpace(spaces.Space[Any]):
    """Everything that `actions.parse_action` can read; `sample` gives a harmless request for information."""

    def __init__(self, *, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(None, None, seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Actions have no fixed numeric form."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> dict[str, Any]:
        """A request for information, as a dict; there is nothing to mask."""
        del mask, probability
        topics = [topic for topic in actions.TOPICS if topic != "file"]
        return {"type": "request_info", "topic": topics[int(self.np_random.integers(len(topics)))]}

    def contains(self, x: Any) -> bool:
        """Whether `x` can be read as an action."""
        return not isinstance(action_reading.parse_action(x), actions.Malformed)

    def to_jsonable(self, sample_n: Iterable[Any]) -> list[Any]:
        """Dicts in place of models; dicts and texts as they are."""
        return [item.model_dump(mode="json") if hasattr(item, "model_dump") else item for item in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[Any]:
        """As they are: a dict is an action."""
        return list(sample_n)

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of an action given as a dict."""
        return actions.json_schema()

    def tools(self) -> list[dict[str, Any]]:
        """The actions as OpenAI tool definitions."""
        return actions.tools()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActionSpace)

    def __hash__(self) -> int:
        return hash(ActionSpace)

    def __repr__(self) -> str:
        return "ActionSpace()"


class ObservationSpace(spaces.Dict):
    """`text`: what the agent reads; `step`: steps taken; `steps_left`: steps that remain."""

    def __init__(self, max_chars: int, *, seed: int | None = None) -> None:
        super().__init__(
            {
                "text": UnicodeText(max_chars),
                "step": spaces.Discrete(MAX_STEPS + 1),
                "steps_left": spaces.Discrete(MAX_STEPS + 1),
            },
            seed=seed,
        )
