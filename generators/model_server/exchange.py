"""One request and what becomes of it: asked, counted, answered or not, logged."""

from __future__ import annotations

import json
import time
from typing import Protocol

from generators.model_server.call_log import CallLog
from generators.model_server.completion import completion, events
from generators.model_server.model import ScriptedModel
from generators.model_server.protocol_error import ProtocolError
from generators.model_server.reply import UNREADABLE, FaultKind, ScriptedReply
from generators.model_server.request import ChatRequest
from generators.model_server.request_checks import read_request
from generators.model_server.tally import Tally
from generators.model_server.tokens import PromptCache, token_use

_RETRY_AFTER_429_S = 1.0
_SLOW_PIECES = 20


class Wire(Protocol):
    """What an exchange needs of a connection. Each raises `OSError` where the other side is gone."""

    def send_json(self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """A whole answer."""

    def send_slowly(self, pieces: list[bytes], *, seconds: float) -> None:
        """A whole answer, spread over a time."""

    def send_events(self, pieces: list[bytes], *, whole: bool = True, seconds: float = 0.0) -> None:
        """Server-sent events, in the end cut off where not `whole`."""

    def send_part(self, body: bytes, *, length: int) -> None:
        """The beginning of an answer that is said to have `length` bytes; then the connection is cut."""

    def cut(self) -> None:
        """End the connection without a word."""

    def wait(self, seconds: float) -> None:
        """Let time pass; raises `OSError` where the server or the other side ends meanwhile."""


class Exchanges:
    """All that passes between callers and the scripted model; safe in many threads."""

    def __init__(self, model: ScriptedModel, *, log: CallLog | None = None, keep_requests: bool = True) -> None:
        self.model = model
        self.tally = Tally()
        self.requests: list[ChatRequest] = []
        self.problems: list[str] = []
        self._cache = PromptCache() if model.prompt_cache else None
        self._log = log
        self._keep = keep_requests
        self._begun = time.monotonic()

    def serve(self, raw: bytes, *, number: int, key_given: bool, wire: Wire) -> None:
        """Answer one chat request. Raises `OSError` where the connection ends or has to."""
        name = _model_name(raw)
        self.tally.call(name)
        request: ChatRequest | None = None
        reply: ScriptedReply | None = None
        outcome = "abandoned"
        started = time.monotonic()
        try:
            request = read_request(raw, number=number, key_given=key_given)
            if self._keep:
                self.requests.append(request)
            reply = self.model.reply(request)
            outcome = self._deliver(request, reply, wire)
        except ProtocolError as error:
            outcome = f"refused: {error}"
            self.tally.refused(name)
            self.problems.append(f"call {number}: {error}")
            wire.send_json(_json(error.body), status=error.status, headers=dict(error.headers))
        except OSError:
            if outcome == "abandoned":
                self.tally.abandoned(name)
            raise
        finally:
            if self._log is not None:
                self._log.write(
                    call=number,
                    outcome=outcome,
                    at_s=round(started - self._begun, 3),
                    seconds=round(time.monotonic() - started, 3),
                    request=raw.decode("utf-8", "replace") if request is None else request.body,
                    reply=None if reply is None else reply.model_dump(mode="json", exclude_defaults=True),
                )

    def _deliver(self, request: ChatRequest, reply: ScriptedReply, wire: Wire) -> str:
        wire.wait(self.model.delay_s if reply.delay_s is None else reply.delay_s)
        fault = reply.fault
        if fault is not None:
            self.tally.fault(request.model, fault.name)
        kind = None if fault is None else fault.kind
        if fault is None or kind not in UNREADABLE:
            self._answer(request, reply, wire)
        elif kind is FaultKind.STATUS:
            wait_s = _RETRY_AFTER_429_S if fault.retry_after_s is None and fault.status == 429 else fault.retry_after_s
            error = ProtocolError(fault.status or 500, fault.message, code=fault.code, retry_after_s=wait_s)
            wire.send_json(_json(error.body), status=error.status, headers=dict(error.headers))
        elif kind is FaultKind.CUT_BEFORE:
            wire.cut()
        else:
            self._spoil(request, reply, wire, cut=kind is FaultKind.CUT_MIDDLE)
        return "answered" if fault is None else fault.name

    def _answer(self, request: ChatRequest, reply: ScriptedReply, wire: Wire) -> None:
        use = token_use(request, reply, cached=self._cache.hit(request) if self._cache else 0)
        seconds = (reply.fault.seconds or 0.0) if reply.fault else 0.0
        # counted before the last byte leaves: whoever has the answer finds it counted
        self.tally.answered(request.model, use)
        try:
            if request.stream:
                wire.send_events(list(events(request, reply, use)), seconds=seconds)
            elif seconds:
                wire.send_slowly(_pieces(_json(completion(request, reply, use))), seconds=seconds)
            else:
                wire.send_json(_json(completion(request, reply, use)))
        except OSError:
            self.tally.answered(request.model, use, times=-1)
            raise

    def _spoil(self, request: ChatRequest, reply: ScriptedReply, wire: Wire, *, cut: bool) -> None:
        said = reply if reply.content or reply.calls else reply.model_copy(update={"text": "This is never read."})
        use = token_use(request, said)
        if request.stream:
            pieces = list(events(request, said, use))
            half = pieces[: len(pieces) // 2]
            wire.send_events(half if cut else [*half, b"data: {not json\n\n"], whole=not cut)
            return
        body = _json(completion(request, said, use))
        half_body = body[: len(body) // 2]
        if cut:
            wire.send_part(half_body, length=len(body))
        else:
            wire.send_json(half_body)


def _json(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _pieces(body: bytes) -> list[bytes]:
    size = max(len(body) // _SLOW_PIECES, 1)
    return [body[start : start + size] for start in range(0, len(body), size)]


def _model_name(raw: bytes) -> str:
    """The model that a request names, as far as it can be told."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    name = data.get("model") if isinstance(data, dict) else None
    return name if isinstance(name, str) else ""
