"""Entrants: who takes part in an evaluation, by name, and how one is made for an episode."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlesmith_env.agents.agent import Player

if TYPE_CHECKING:
    from generators.chat.messages import Chat

_SHARE = 0.7
"""Of the tokens that a model takes, those that a conversation may have."""
Make = Callable[[Path, int], Player]
"""From the folder of a competition and a seed to a player of one episode."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """Someone who plays any number of episodes, each with a player of its own."""

    name: str
    make: Make = field(repr=False)
    model: str = ""
    """The model string; empty without a model."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What tells it from others of the same name and model, as JSON data."""


def entrant(name: str, chat: Chat | None = None, **options: Any) -> Entrant:
    """The entrant called `name`: `react` or `tree`, which play with `chat`, or `scripted`, which needs no model.

    `options`: of its agent; those of `tree` are the arguments of `TreeSearchAgent` and of its `Policy`. How `chat` asks
    its model, such as by a temperature, makes another entrant. Raises `ValueError` for a name, an option or a value
    that means nothing, saying what there is.
    """
    makers: dict[str, Callable[..., Make]] = {"react": _react, "tree": _tree, "scripted": _scripted}
    if name not in makers:
        raise ValueError(f"no agent {name!r}; there are: {', '.join(makers)}")
    known = options_of(name)
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"{name} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
    if (chat is None) != (name == "scripted"):
        need = "plays without a model" if chat is not None else "needs a model; name one, such as openai/gpt-5"
        raise ValueError(f"{name} {need}")
    make = makers[name](options) if chat is None else makers[name](chat, options)
    if chat is None:
        return Entrant(name, make, "", options)
    asked = _asked(chat)
    return Entrant(name, make, chat.model, {**options, "chat": asked} if asked else options)


def _asked(chat: Chat) -> dict[str, Any]:
    """How the chat asks its model otherwise than by default, as far as answers hang on it."""
    from generators.chat.options import ChatOptions

    options = getattr(chat, "options", None)
    if not isinstance(options, ChatOptions):  # a chat of somebody else's, known by its model alone
        return {}
    return options.asked() | ({} if options.tools == "auto" else {"tools": options.tools})


def options_of(name: str) -> tuple[str, ...]:
    """The options that the agent of that name takes."""
    from mlesmith_env.agents.react import ReActAgent
    from mlesmith_env.agents.tree import TreeSearchAgent
    from mlesmith_env.agents.tree_policy import Policy

    if name == "react":
        return _parameters(ReActAgent, without=("chat", "name"))
    if name == "tree":
        policy = tuple(field.name for field in fields(Policy))
        return (*_parameters(TreeSearchAgent, without=("chat", "name", "policy", "seed")), *policy)
    return ()


def _parameters(kind: type, *, without: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(kind).parameters if name not in without)


def _react(chat: Chat, options: Mapping[str, Any]) -> Make:
    from mlesmith_env.agents.react import ReActAgent

    given = {"context_tokens": _window(chat), **options}
    ReActAgent(chat, **given)  # what cannot be is told before the first episode
    return lambda _root, _seed: ReActAgent(chat, **given)


def _window(chat: Chat) -> int:
    """Tokens of a conversation that leave room for an answer in what the model takes, where that is known."""
    from generators.chat.facts import model_facts
    from mlesmith_env.agents.conversation import LEAST_TOKENS, USUAL_TOKENS

    known = model_facts(chat.model).input_tokens
    return USUAL_TOKENS if known is None else max(min(USUAL_TOKENS, int(known * _SHARE)), LEAST_TOKENS)


def _tree(chat: Chat, options: Mapping[str, Any]) -> Make:
    from mlesmith_env.agents.tree import TreeSearchAgent
    from mlesmith_env.agents.tree_policy import Policy

    names = {field.name for field in fields(Policy)}
    policy = Policy(**{name: value for name, value in options.items() if name in names})
    own = {name: value for name, value in options.items() if name not in names}
    TreeSearchAgent(chat, policy=policy, **own)  # as above
    return lambda _root, seed: TreeSearchAgent(chat, policy=policy, seed=seed, **own)


def _scripted(options: Mapping[str, Any]) -> Make:
    from mlesmith_env.agents.scripted import ScriptedAgent

    del options
    return lambda root, seed: ScriptedAgent.for_task(root, seed=seed)
