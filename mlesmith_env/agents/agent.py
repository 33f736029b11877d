"""The contract of an agent: it reads what the environment says and answers with an action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from generators.chat.messages import Reply, Usage

if TYPE_CHECKING:
    from mlesmith_env.env import MLESmithEnv
    from mlesmith_env.turn import Turn


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
        """The next action, in any form that the environment accepts. `info` is what came with the observation.

        Raises `ModelError` where a model's provider fails, or `RecordError` where the record of its calls does,
        which ends the episode as no verdict on the agent, and `BudgetSpent` where nothing more may be spent, which
        leaves it.
        """


@runtime_checkable
class Searcher(Protocol):
    """An agent that plays an episode in several forks of its environment at once."""

    name: str
    """For records and reports."""

    def search(
        self,
        env: MLESmithEnv,
        observation: Mapping[str, Any],
        info: Mapping[str, Any],
        *,
        on_turn: Callable[[Turn], None] | None = None,
    ) -> MLESmithEnv:
        """Play the episode that `env` has begun to its end; gives the environment in which it ended, `env` or a fork.

        Every other fork is closed. `on_turn` is told of each step in any of them. Raises as `Agent.act`; no fork is
        left open then.
        """


Player: TypeAlias = Agent | Searcher


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said in one call, and what the call took."""

    turn: int
    """Position in the episode of the step that followed, from 0; in a search the number of the node."""
    text: str
    finish: str
    """`stop`, `tool_calls`, or `length` where the answer was cut off."""
    usage: Usage
    source: str = "provider"

    @classmethod
    def of(cls, turn: int, reply: Reply) -> Said:
        """What a reply held besides its calls of tools, which are actions and lie in the record of the episode."""
        return cls(turn, reply.message.text, reply.finish, reply.usage, reply.source)


@dataclass(frozen=True, slots=True)
class Account:
    """What an agent said and took in one episode. What it saw and did is the record of the episode itself."""

    model: str = ""
    """The model string; empty for an agent without a model."""
    said: tuple[Said, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What else the agent has to tell of the episode, as JSON data."""

    @property
    def usage(self) -> Usage:
        """Of all calls together."""
        return sum((said.usage for said in self.said), Usage())


@runtime_checkable
class Accountable(Protocol):
    """An agent that can tell what its last episode took."""

    def account(self) -> Account:
        """Of the episode since `begin`, finished or not."""


def account_of(player: Player) -> Account | None:
    """The account of a player's last episode; None where it keeps none."""
    return player.account() if isinstance(player, Accountable) else None
