"""ReActAgent: a language model that thinks, acts, and reads what came of it, step by step."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal, get_args

from generators.chat.messages import Chat, Message, Purpose, Reply, Tool, ToolCall
from mlesmith_env import action_reading, actions
from mlesmith_env.agents.agent import Account, Said
from mlesmith_env.agents.conversation import USUAL_TOKENS, Conversation, check_budget
from mlesmith_env.agents.prompting import rendered

Style = Literal["tools", "text"]
_CUT_OFF = "the answer was cut off because it was too long."
_SHORTER = "Write less at once: a shorter text and shorter code, or a file in several steps."
_NOT_DONE = "Not done, because the call before it in the same turn did not succeed."


class ReActAgent:
    """Plays an episode with a model, by calls of tools or by text.

    What a model says wrongly (no action, arguments that are no JSON, a tool that does not exist) goes to the
    environment, which says what was wrong; it costs a step, so that the environment's budget bounds everything. Of
    several calls in one reply each is a step, in order, until one does not succeed.
    """

    def __init__(
        self, chat: Chat, *, style: Style = "tools", context_tokens: int = USUAL_TOKENS, name: str = "react"
    ) -> None:
        """`style`: `tools` where the model is offered the actions as tools (a reply without a call is still read as
        text); `text` where it writes them. `context_tokens`: beyond it old observations are shortened.

        Raises `ValueError` for a style that is not known, or a budget too small to hold a step.
        """
        if style not in get_args(Style):
            raise ValueError(f"style must be one of {', '.join(get_args(Style))}, got {style!r}")
        check_budget(context_tokens)
        self.name = name
        self._chat = chat
        self._style = style
        self._context_tokens = context_tokens
        self._tools = _tools() if style == "tools" else ()
        self.begin()

    def begin(self) -> None:
        """Forget the last episode."""
        self._conversation: Conversation | None = None
        self._waiting: deque[ToolCall] = deque()
        self._playing: ToolCall | None = None
        self._step = 0
        self._said: list[Said] = []
        self._turns = 0
        self._malformed = 0

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> Any:
        """The next action. Raises `ModelError` and `BudgetSpent`."""
        conversation = self._listen(observation, info)
        if not self._waiting:
            reply = self._ask(conversation, info)
            self._waiting.extend(reply.message.calls)
            if not self._waiting:
                return self._count(_action_in(reply))
        self._playing = self._waiting.popleft()
        return self._count(_action_of(self._playing))

    def account(self) -> Account:
        """What the model said and took since `begin`."""
        conversation = self._conversation
        notes = {
            "style": self._style,
            "malformed": self._malformed,
            "observations_shortened": conversation.shortened if conversation else 0,
            "exchanges_left_out": conversation.left_out if conversation else 0,
        }
        return Account(self._chat.model, tuple(self._said), notes)

    def _listen(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> Conversation:
        """Take in what came of the last action."""
        text, before, self._step = str(observation["text"]), self._step, int(observation["step"])
        if self._conversation is None:
            system = Message("system", rendered("react", tools=self._style == "tools"))
            self._conversation = Conversation((system, Message("user", text)), budget_tokens=self._context_tokens)
            return self._conversation
        call, self._playing = self._playing, None
        heard = Message("tool", text, call_id=call.id) if call else Message("user", text)
        self._conversation.answer(heard, steps=self._step - before)  # none where information was free
        if info["status"] != "ok":
            while self._waiting:
                self._conversation.answer(Message("tool", _NOT_DONE, call_id=self._waiting.popleft().id), steps=0)
        return self._conversation

    def _ask(self, conversation: Conversation, info: Mapping[str, Any]) -> Reply:
        purpose = Purpose("agent", task=f"{info['task_id']}/{info['episode_id']}")
        reply = self._chat.complete(conversation.messages(), purpose=purpose, tools=self._tools)
        conversation.measure(reply.usage.input_tokens)
        conversation.say(reply.message)
        self._said.append(Said.of(self._turns, reply))
        return reply

    def _count(self, action: Any) -> Any:
        self._turns += 1
        self._malformed += isinstance(action_reading.parse_action(action), actions.Malformed)
        return action


def _tools() -> tuple[Tool, ...]:
    functions = [definition["function"] for definition in actions.tools()]
    return tuple(Tool(function["name"], function["description"], function["parameters"]) for function in functions)


def _action_of(call: ToolCall) -> Any:
    if not call.problem:
        return {"name": call.name, "arguments": dict(call.arguments)}
    example = actions.EXAMPLES.get(call.name, actions.EXAMPLES["request_info"])
    advice = f"As a JSON object the action looks like this: {example}"
    return actions.Malformed(f"the call of {call.name}: {call.problem}", advice, call.name)


def _action_in(reply: Reply) -> Any:
    """The action in a reply without calls, as the text that it is."""
    text = reply.message.text
    if reply.finish == "length" and isinstance(action_reading.parse_action(text), actions.Malformed):
        return actions.Malformed(_CUT_OFF, _SHORTER, text[:2000])
    return text
