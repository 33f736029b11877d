"""FunctionAgent: any function from a prompt to an answer plays, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from generators.chat.messages import Message
from mlesmith_env.agents.conversation import USUAL_TOKENS, Conversation, check_budget
from mlesmith_env.agents.prompting import rendered

_HEADS = {"system": "", "user": "## Environment\n", "assistant": "## You\n"}


class FunctionAgent:
    """Plays with a function `str -> str`: the whole episode so far goes in as one text, an action as text comes out.

    The text only grows at its end, until it holds more than `context_tokens`; then old observations are shortened.
    What the function raises is raised by `act`.
    """

    def __init__(
        self, function: Callable[[str], str], *, context_tokens: int = USUAL_TOKENS, name: str | None = None
    ) -> None:
        """`name`: by default the function's own. Raises `ValueError` for a budget too small to hold a step."""
        check_budget(context_tokens)
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self._function = function
        self._context_tokens = context_tokens
        self.begin()

    def begin(self) -> None:
        """Forget the last episode."""
        self._conversation: Conversation | None = None
        self._step = 0

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> str:
        """What the function answers to the episode so far."""
        del info
        heard = Message("user", str(observation["text"]))
        before, self._step = self._step, int(observation["step"])
        if self._conversation is None:
            opening = (Message("system", rendered("react", tools=False)), heard)
            self._conversation = Conversation(opening, budget_tokens=self._context_tokens)
        else:
            self._conversation.answer(heard, steps=self._step - before)
        messages = self._conversation.messages()
        answer = self._function("\n\n".join(_HEADS[message.role] + message.text for message in messages))
        self._conversation.say(Message("assistant", str(answer)))
        return answer
