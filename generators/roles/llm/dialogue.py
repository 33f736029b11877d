"""Dialogue: a role speaks with a model in bounded steps until the model gives an answer that holds."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from generators.chat.messages import Chat, Message, Purpose, Reply, Tool, ToolCall, Usage
from generators.roles.llm.capability import CallRefused, Capability, Said, named, problems, schema_of
from generators.roles.llm.fencing import capped, repeatable
from generators.roles.transcripts import Transcript, Transcripts
from sandboxes.errors import MLESmithError

FINISH = "finish"
"""The tool that gives the answer; by a tool because every provider that has any structure has tools."""
_MAX_CALLS = 8
"""Calls of one reply that are answered; of more, the model is told to ask again."""
_TOLD = 2000
"""Characters shown of a refusal, and of what it speaks of."""
_ASKED_WRONGLY = frozenset(
    {
        errno.EACCES,
        errno.EEXIST,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EOVERFLOW,
    }
)
"""What a name or a number can be to blame for. A full disk or a lost connection is the machine's fault and passes."""
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an answer does not hold."""

    message: str
    """Our own words, for the model to mend it by."""
    data: str = ""
    """What of the dataset it speaks of: names that there are, evidence. Never shown but fenced."""

    def text(self) -> str:
        """As the model reads it."""
        return Said(repeatable(f"- {self.message}"), repeatable(self.data), limit=2000).text()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Answer]):
    """How a dialogue ended."""

    answer: Answer | None
    """The first answer that held; None where the steps ran out before."""
    steps: int
    """Replies of the model."""
    reason: str = ""
    """Why there is no answer: what was last wrong."""
    objections: tuple[Objection, ...] = ()
    """Against the last answer that did not hold."""


@dataclass(slots=True)
class Dialogue(Generic[Answer]):
    """One task given to a model, with the tools for it and the check of its answer."""

    chat: Chat
    purpose: Purpose
    system: str
    task: str
    answer: type[Answer]
    check: Callable[[Answer], Sequence[Objection]]
    """What speaks against an answer; nothing where it holds. Raises nothing for what a model says."""
    capabilities: Sequence[Capability] = ()
    steps: int = 15
    transcripts: Transcripts | None = None
    _messages: list[Message] = field(default_factory=list, init=False)
    _usage: Usage = field(default_factory=Usage, init=False)
    _last: Outcome[Answer] | None = field(default=None, init=False)

    def hold(self) -> Outcome[Answer]:
        """Speak until an answer holds or the steps are used up.

        What the model says wrongly (a tool that does not exist, arguments that are no JSON, an answer that was cut off
        or does not fit) is told to it, and costs a step. Raises `ModelError` where the provider fails and
        `BudgetSpent` where no more may be spent; what was said until then is kept in the transcripts.
        """
        if self.steps < 1:
            raise ValueError(f"a dialogue takes at least 1 step, got {self.steps}")
        self._messages = [Message("system", self.system), Message("user", self.task)]
        tools = [*(capability.tool for capability in self.capabilities), self._finish_tool()]
        ended = "broken off"
        try:
            for step in range(1, self.steps + 1):
                reply = self.chat.complete(self._messages, purpose=self.purpose, tools=tools)
                self._usage += reply.usage
                answer = self._hear(reply)
                if answer is not None:
                    ended = "answered"
                    return Outcome(answer, step)
                left = self.steps - step
                if left == 1:
                    self._say(f"One step is left. Give your answer now with `{FINISH}`.")
            ended = "out of steps"
            last = self._last
            said = last.reason if last is not None else f"`{FINISH}` was never called"
            return Outcome(None, self.steps, said, last.objections if last is not None else ())
        finally:
            if self.transcripts is not None:
                self.transcripts.add(
                    Transcript(self.purpose, self.chat.model, tuple(self._messages), self._usage, ended)
                )

    def _finish_tool(self) -> Tool:
        return Tool(FINISH, "Give your answer. It is checked; what does not hold is sent back.", schema_of(self.answer))

    def _say(self, text: str) -> None:
        """Add to what the model reads next, without a second message of the same kind behind the first."""
        last = self._messages[-1]
        if last.role == "user":
            self._messages[-1] = Message("user", f"{last.text}\n\n{text}")
        else:
            self._messages.append(Message("user", text))

    def _hear(self, reply: Reply) -> Answer | None:
        """Take a reply in and answer it; the model's answer where it gave one that holds."""
        said = reply.message
        if not said.text and not said.calls:
            said = Message("assistant", "(nothing)")  # providers refuse messages without content
        self._messages.append(said)
        if not said.calls:
            return self._hear_text(reply)
        found: Answer | None = None
        for number, call in enumerate(said.calls):
            if number >= _MAX_CALLS:
                text = f"Not looked at: at most {_MAX_CALLS} calls are answered at a time. Call again."
            elif call.name == FINISH and found is None:
                found, text = self._take(call, reply)
            else:
                text = self._call(call, reply)
            self._messages.append(Message("tool", text, call_id=call.id))
        return found

    def _hear_text(self, reply: Reply) -> Answer | None:
        """A reply without a call: an answer written as JSON all the same, or a slip."""
        text, unfit = reply.message.text, ""
        for candidate in (*_FENCE.findall(text), text):
            if not candidate.strip().startswith("{"):
                continue
            try:
                answer = self.answer.model_validate_json(candidate)
            except ValidationError as error:
                unfit = f" The JSON in your message does not fit the answer's form:\n{problems(error)}\n"
                self._last = Outcome(None, 0, f"the answer does not fit its form: {problems(error)}")
                continue
            objections = self._objections(answer)
            if not objections:
                return answer
            self._messages.append(Message("user", _told(objections)))
            return None
        cut = " Your answer was cut off before its end: be brief." if reply.finish == "length" else ""
        others = f" You may call {named(self.capabilities)}." if self.capabilities else ""
        self._say(f"You called no tool.{cut}{unfit}{others} Give your answer by calling `{FINISH}`.")
        return None

    def _take(self, call: ToolCall, reply: Reply) -> tuple[Answer | None, str]:
        if call.problem:
            self._last = Outcome(None, 0, f"the answer could not be read: {call.problem}")
            return None, _unread(call, reply)
        try:
            answer = self.answer.model_validate(dict(call.arguments))
        except ValidationError as error:
            told = problems(error)
            self._last = Outcome(None, 0, f"the answer does not fit its form: {told}")
            return None, f"Your answer does not fit its form:\n{told}\nMend it and call `{FINISH}` again."
        objections = self._objections(answer)
        return (None, _told(objections)) if objections else (answer, "Your answer is taken.")

    def _objections(self, answer: Answer) -> tuple[Objection, ...]:
        objections = tuple(self.check(answer))
        if objections:
            said = repeatable("; ".join(f"{one.message} {one.data}".strip() for one in objections))
            self._last = Outcome(None, 0, f"the answer does not hold: {said}", objections)
        return objections

    def _call(self, call: ToolCall, reply: Reply) -> str:
        """What is said to a call of a tool."""
        known = {capability.name: capability for capability in self.capabilities}
        capability = known.get(call.name)
        if call.name == FINISH:
            return "An answer was taken already."
        if capability is None:
            return f"There is no tool of that name. There are {named(self.capabilities)} and `{FINISH}`."
        if call.problem:
            return _unread(call, reply)
        try:
            arguments = capability.arguments.model_validate(dict(call.arguments))
        except ValidationError as error:
            return f"The arguments do not fit:\n{problems(error)}"
        try:
            return capability.run(arguments).text()
        except CallRefused as error:
            return Said(f"Refused: {capped(str(error), _TOLD)}", error.data, limit=_TOLD).text()
        except MLESmithError:  # some are ValueErrors as well, and none is of the model's making
            raise
        except (OSError, ValueError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno not in _ASKED_WRONGLY:
                raise
            return Said("The call cannot be made:", _reason(error), limit=_TOLD).text()


def _reason(error: OSError | ValueError | OverflowError) -> str:
    """What went wrong, without the paths of this machine that an `OSError` shows."""
    told = error.strerror if isinstance(error, OSError) else repeatable(str(error))
    return told or type(error).__name__


def _unread(call: ToolCall, reply: Reply) -> str:
    cut = reply.finish == "length"
    advice = "It was cut off before its end: say less at a time." if cut else "Send it again as one JSON object."
    return f"The arguments of `{call.name}` cannot be read: {call.problem}. {advice}"


def _told(objections: Sequence[Objection]) -> str:
    text = "\n".join(objection.text() for objection in objections)
    return f"Your answer does not hold:\n{text}\nMend it and call `{FINISH}` again."
