"""The contract of an agent: it reads what the environment says and answers with an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Agent(Protocol):
    """Whoever plays: a script, a person, a language model.

    An agent may keep what it learned within an episode; `rollout.play` calls `begin` before each.
    """

    name: str
    """For records and reports."""

    def begin(self) -> None:
        """Forget the last episode."""

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> Any:
        """The next action, in any form that the environment accepts. `info` is what came with the observation."""
