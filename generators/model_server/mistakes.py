"""What a model does wrong by itself: JSON that cannot be read, half an answer, a tool that does not exist."""

from __future__ import annotations

from generators.model_server.reply import Call, Fault, FaultKind, ScriptedReply


def with_fault(reply: ScriptedReply, fault: Fault) -> ScriptedReply:
    """The reply with a fault in it; as it was where there is nothing that the fault could strike."""
    changes: dict[str, object] = {}
    if fault.kind is FaultKind.UNKNOWN_TOOL:
        first = reply.calls[0] if reply.calls else Call(name=fault.tool)
        changes = {"calls": (first.model_copy(update={"name": fault.tool}), *reply.calls[1:])}
    elif fault.kind is FaultKind.HALF_ANSWER:
        changes = {**_last_json_or_text(reply, half=True), "finish": "length"}
    elif fault.kind is FaultKind.MALFORMED_ARGUMENTS:
        changes = _last_json_or_text(reply, half=False)
        if not changes:
            return reply
    return reply.model_copy(update={**changes, "fault": fault})


def _last_json_or_text(reply: ScriptedReply, *, half: bool) -> dict[str, object]:
    """The last thing that is said, cut; where not `half`, only JSON is, and only its end."""
    if reply.calls:
        last = reply.calls[-1]
        cut = last.model_copy(update={"arguments": _cut(last.arguments_text, half=half)})
        return {"calls": (*reply.calls[:-1], cut)}
    if reply.answer is not None:
        return {"answer": None, "text": _cut(reply.content, half=half)}
    return {"text": _cut(reply.text, half=True)} if half else {}


def _cut(text: str, *, half: bool) -> str:
    return text[: len(text) // 2] if half else text[:-1].rstrip() + ","
