"""Jupyter messages turned into an `ExecutionResult`. Pure: no sockets, no clock.

The messages come from a process that runs foreign code, so their contents may be forged or malformed: every value is
taken as text or left out, and nothing raises.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from sandboxes.kernels.output import Clipped
from sandboxes.sandbox import Display, ExecutionResult, ExecutionStatus

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BINARY = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"})
_TEXTUAL = frozenset({"image/svg+xml", "text/html", "text/markdown", "text/latex", "application/json"})
_DISPLAY_BYTES = 16 << 20
_DISPLAYS = 64
_ERROR_MESSAGE_CHARS = 10_000


def plain(text: str) -> str:
    """Text without colour and cursor codes."""
    return _ANSI.sub("", text)


class Transcript:
    """Collects the messages that belong to one execution."""

    def __init__(self, output_chars: int) -> None:
        self._stdout = Clipped(output_chars)
        self._stderr = Clipped(output_chars)
        self._result = Clipped(output_chars)
        self._traceback = Clipped(output_chars)
        self._displays: list[Display] = []
        self._display_bytes = 0
        self._error: tuple[str, str] | None = None
        self._reply = ""
        self.replied = False
        """Whether the reply on the shell channel has come."""
        self.idle = False
        """Whether the kernel said on iopub that it is done."""

    @property
    def finished(self) -> bool:
        """Whether nothing more can belong to this execution."""
        return self.replied and self.idle

    @property
    def aborted(self) -> bool:
        """Whether the kernel refused to run the code; never the code's fault."""
        return self._reply == "aborted"

    def add_reply(self, content: Mapping[str, Any]) -> None:
        """Take the content of an `execute_reply`."""
        self.replied = True
        self._reply = str(content.get("status", ""))
        if self._reply == "error" and self._error is None:
            self._add_error(content)

    def add_output(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take a message of the iopub channel by its type and content."""
        if kind == "stream":
            stream = self._stderr if content.get("name") == "stderr" else self._stdout
            stream.add(plain(_text(content.get("text"))))
        elif kind == "execute_result":
            data = _mapping(content.get("data"))
            self._result.add(plain(_text(data.get("text/plain"))))
            self._add_displays(data)
        elif kind in ("display_data", "update_display_data"):
            data = _mapping(content.get("data"))
            if not self._add_displays(data):
                self._stdout.add(plain(_text(data.get("text/plain"))) + "\n")
        elif kind == "error":
            self._add_error(content)
        elif kind == "status" and content.get("execution_state") == "idle":
            self.idle = True

    def result(
        self,
        seconds: float,
        *,
        status: ExecutionStatus | None = None,
        reason: str = "",
        state_lost: bool = False,
    ) -> ExecutionResult:
        """What was collected. `status` overrules what the messages say."""
        name, message = self._error or ("", "")
        streams = (self._stdout, self._stderr, self._result, self._traceback)
        return ExecutionResult(
            status=status or (ExecutionStatus.ERROR if self._error else ExecutionStatus.OK),
            stdout=self._stdout.text(),
            stderr=self._stderr.text(),
            result=self._result.text(),
            displays=tuple(self._displays),
            error_name=name,
            error_message=message,
            traceback=self._traceback.text(),
            seconds=seconds,
            state_lost=state_lost,
            dropped_chars=sum(stream.dropped for stream in streams),
            reason=reason,
        )

    def _add_error(self, content: Mapping[str, Any]) -> None:
        if self._error is not None:
            return
        self._error = (
            _text(content.get("ename"))[:200] or "Error",
            plain(_text(content.get("evalue")))[:_ERROR_MESSAGE_CHARS],
        )
        lines = content.get("traceback")
        if isinstance(lines, list):
            self._traceback.add(plain("\n".join(_text(line) for line in lines)))

    def _add_displays(self, data: Mapping[str, Any]) -> bool:
        pictures = [mime for mime in data if mime in _BINARY]
        for mime in pictures or [mime for mime in data if mime in _TEXTUAL and mime != "text/html"]:
            try:
                text = _text(data[mime])
                raw = base64.b64decode(text, validate=False) if mime in _BINARY else text.encode(errors="replace")
            except (binascii.Error, ValueError):
                continue
            if len(self._displays) < _DISPLAYS and self._display_bytes + len(raw) <= _DISPLAY_BYTES:
                self._displays.append(Display(mime, raw))
                self._display_bytes += len(raw)
        return bool(pictures)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
