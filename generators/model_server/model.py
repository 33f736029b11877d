"""The scripted model: asked, it says what its script or its function tells it to, with the faults that are drawn."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import ValidationError

from generators.model_server.mistakes import with_fault
from generators.model_server.protocol_error import ProtocolError
from generators.model_server.reply import UNREADABLE, Fault, ScriptedReply
from generators.model_server.request import ChatRequest
from generators.model_server.script import FaultRule, Script, Turn

Play: TypeAlias = Callable[[ChatRequest], ScriptedReply | str | Mapping[str, Any] | None]
"""What the model says to a request: a reply, its fields, or a bare text; None where it has nothing to say. It is called
from several threads at once, and decides best by what it sees in the request alone."""

_SHOWN_CHARS = 300


class ScriptedModel:
    """A model that plays a function. What it says is the same each time as far as the function is.

    `faults` strike by chance, drawn from `seed`; `delay_s` are the seconds before each answer that names none of its
    own; `models` the names that are served, any where none is given; with `prompt_cache` messages that were sent before
    count as cached tokens.
    """

    def __init__(
        self,
        play: Play,
        *,
        faults: Sequence[FaultRule] = (),
        seed: int = 0,
        delay_s: float = 0.0,
        models: Sequence[str] = (),
        prompt_cache: bool = False,
    ) -> None:
        self.models = tuple(models)
        self.delay_s = delay_s
        self.prompt_cache = prompt_cache
        self._play = play
        self._faults = tuple(faults)
        self._seed = seed
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()
        self._struck: Counter[int] = Counter()

    @classmethod
    def from_script(cls, script: Script) -> ScriptedModel:
        """The model that plays a script."""
        return cls(
            TurnsInOrder(script.turns),
            faults=script.faults,
            seed=script.seed,
            delay_s=script.delay_s,
            models=script.models,
            prompt_cache=script.prompt_cache,
        )

    def reply(self, request: ChatRequest) -> ScriptedReply:
        """What is said to a request, mistakes made.

        Raises `ProtocolError`: 404 for a model that is not served, 400 where the script has no answer or its function
        fails.
        """
        if self.models and request.model not in self.models:
            raise ProtocolError(
                404, f"The model {request.model!r} does not exist; served are {', '.join(self.models)}."
            )
        drawn = self._draw(request)
        if drawn is not None and drawn.kind in UNREADABLE:
            # the turn is kept for the next try: what it says would never be read
            return ScriptedReply(fault=drawn)
        reply = self._played(request)
        fault = reply.fault or drawn
        return reply if fault is None else with_fault(reply, fault)

    def _played(self, request: ChatRequest) -> ScriptedReply:
        try:
            said = self._play(request)
            if said is not None:
                return said if isinstance(said, ScriptedReply) else ScriptedReply.model_validate(said)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            problem = f"The script's reply cannot be used: {where}: {first['msg']}"
            raise ProtocolError(400, problem, code="script_failed") from error
        except Exception as error:  # the script is foreign code
            problem = f"The script failed: {type(error).__name__}: {error}"
            raise ProtocolError(400, problem, code="script_failed") from error
        raise ProtocolError(400, f"The script has no answer to this: {_shown(request)}", code="no_answer")

    def _draw(self, request: ChatRequest) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            self._asked[request.digest] += 1
            time = self._asked[request.digest]
        for index, rule in enumerate(self._faults):
            if _chance(self._seed, index, request.digest, time) >= rule.rate or not rule.when.hold(request):
                continue
            with self._lock:
                if rule.times is None or self._struck[index] < rule.times:
                    self._struck[index] += 1
                    return rule.fault
        return None


class TurnsInOrder:
    """Plays the first turn whose conditions hold and that has not been played as often as it may be."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = tuple(turns)
        self._lock = threading.Lock()
        self._played: Counter[tuple[int, str]] = Counter()

    def __call__(self, request: ChatRequest) -> ScriptedReply | None:
        """The reply, None where no turn is left."""
        for index, turn in enumerate(self._turns):
            if not turn.when.hold(request):
                continue
            limit = turn.limit
            if limit is None:
                return turn.reply
            counted = (index, request.conversation if turn.per == "conversation" else "")
            with self._lock:
                if self._played[counted] < limit:
                    self._played[counted] += 1
                    return turn.reply
        return None


def _chance(seed: int, index: int, digest: str, time: int) -> float:
    """A number in [0, 1), the same for the same arguments."""
    drawn = hashlib.sha256(f"{seed}:{index}:{digest}:{time}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") / 2.0**64


def _shown(request: ChatRequest) -> str:
    last = request.messages[-1]
    text = request.last if len(request.last) <= _SHOWN_CHARS else request.last[:_SHOWN_CHARS] + "..."
    parts = [
        f"call {request.number}",
        f"model {request.model!r}",
        *([f"task {request.task!r}"] if request.task else ()),
        f"{len(request.messages)} messages, {request.said} of them the model's",
        f"tools {', '.join(request.offered) or 'none'}",
        f"answer as {request.schema_name or request.answer_format}",
        f"the last message is the {last['role']}'s: {text!r}",
    ]
    return "; ".join(parts)
