"""What an agent and a model have said to one another, kept within a budget of tokens.

Messages are only appended, so that a provider's cache of their beginning holds, until the budget is passed. Then old
observations are shortened, many at once, so that the next steps only append again. What the model said itself is never
rewritten; where its own words alone are too much, the oldest exchanges are left out whole, and a note says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from generators.chat.messages import Message
from mlesmith_env.agents.option_checks import check_whole

LEAST_TOKENS = 2_000
"""The smallest budget in which a competition's description, an action and its answer have room."""
USUAL_TOKENS = 60_000
"""A budget for models whose own is not known or larger."""
_LOW = 0.6
"""Share of the budget down to which is shortened once it is passed."""
_ENOUGH = 0.8
"""Share of the budget below which nothing is left out once all is shortened."""
_SUMMARY_CHARS = 400
_FIRST_GUESS = 0.3
"""Tokens of a character, until a reply has told the true number."""
_OVERHEAD = 20
"""Characters that a message costs beside its text."""
_RECENT = 1
"""Exchanges at the end that are never touched."""


@dataclass(slots=True)
class _Exchange:
    """One message of the model and what came of it."""

    said: Message
    answers: list[Message] = field(default_factory=list)
    steps: int = 0
    """Steps that the answers tell of."""
    shortened: bool = False

    @property
    def chars(self) -> int:
        return _chars(self.said) + sum(_chars(answer) for answer in self.answers)


class Conversation:
    """The messages of one episode. `say` adds one of the model, `answer` what came of it."""

    def __init__(self, opening: Sequence[Message], *, budget_tokens: int) -> None:
        """`opening`: what stands before the model's first message, and always stays. Raises `ValueError` where the
        budget is too small for any conversation."""
        check_budget(budget_tokens)
        self._opening = tuple(opening)
        self._exchanges: list[_Exchange] = []
        self._budget = budget_tokens
        self._per_char = _FIRST_GUESS
        self.shortened = 0
        """Observations that were shortened so far."""
        self.left_out = 0
        """Exchanges that were left out so far."""
        self._steps_left_out = 0

    def say(self, message: Message) -> None:
        """Keep what the model said, as it said it."""
        self._exchanges.append(_Exchange(spoken(message)))

    def answer(self, message: Message, *, steps: int = 1) -> None:
        """Keep what came of the model's last message. `steps`: that it cost, none where nothing was done."""
        self._exchanges[-1].answers.append(message)
        self._exchanges[-1].steps += steps

    def messages(self) -> list[Message]:
        """All messages for the next call, within the budget as far as that can be."""
        self._fit()
        said = [message for exchange in self._exchanges for message in (exchange.said, *exchange.answers)]
        return [*self._opening, *self._note(), *said]

    def measure(self, input_tokens: int) -> None:
        """Learn from the last call how many tokens a character is; 0 where the provider did not tell."""
        chars = self._chars_in_all()
        if input_tokens > 0 and chars > 0:
            self._per_char = input_tokens / chars

    @property
    def tokens(self) -> int:
        """Tokens of all messages, by the number of their characters."""
        return int(self._chars_in_all() * self._per_char)

    def _fit(self) -> None:
        if self.tokens <= self._budget:
            return
        old = self._exchanges[:-_RECENT]
        for exchange in old:
            if self.tokens <= self._budget * _LOW:
                return
            if not exchange.shortened:
                self._shorten(exchange)
        if self.tokens <= self._budget * _ENOUGH:
            return
        while self.tokens > self._budget * _LOW and len(self._exchanges) > _RECENT:
            self._steps_left_out += self._exchanges.pop(0).steps
            self.left_out += 1

    def _shorten(self, exchange: _Exchange) -> None:
        exchange.shortened = True
        for place, answer in enumerate(exchange.answers):
            text = shortened(answer.text)
            if text != answer.text:
                exchange.answers[place] = replace(answer, text=text)
                self.shortened += 1

    def _note(self) -> list[Message]:
        if not self.left_out:
            return []
        count = self._steps_left_out
        oldest = {0: "messages are", 1: "step is"}.get(count, f"{count} steps are")
        return [Message("user", f"[The oldest {oldest} left out here. Ask for the topic `history` to see a list.]")]

    def _chars_in_all(self) -> int:
        return sum(map(_chars, self._opening)) + sum(exchange.chars for exchange in self._exchanges)


def check_budget(tokens: int) -> None:
    """Raise `ValueError` for a budget too small for any conversation, or none at all."""
    check_whole("context_tokens", tokens, LEAST_TOKENS)


def spoken(message: Message) -> Message:
    """A message of the model as it can be sent back: one that says nothing says so, for providers refuse empty ones."""
    return message if message.text.strip() or message.calls else replace(message, text="[no answer]")


def shortened(text: str, limit: int = _SUMMARY_CHARS) -> str:
    """An observation as its first and last paragraph: how the action ended, and what became of a submission."""
    paragraphs = text.split("\n\n")
    first, last = paragraphs[0][: limit // 2], paragraphs[-1][-(limit // 2) :]
    kept = len(first) + (len(last) if len(paragraphs) > 1 else 0)
    notice = f"[{len(text) - kept:,} characters of this older observation are left out]"
    short = "\n\n".join([first, notice, last] if len(paragraphs) > 1 else [first, notice])
    return short if len(short) < len(text) else text


def _chars(message: Message) -> int:
    calls = sum(len(call.name) + len(json.dumps(dict(call.arguments), default=str)) for call in message.calls)
    return len(message.text) + calls + _OVERHEAD
