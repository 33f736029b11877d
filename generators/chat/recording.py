"""Recording: every call of a run as one line of JSON, from which the run can be resumed or replayed.

A line holds the whole call: whom it was for, what was asked, what came back or went wrong, what it took. Messages and
tools that came before are not written again; the line names them by a hash, and `new` holds those that are new in the
file. Lines end with a line break: what stands behind the last one was being written when its writer was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from generators.chat.ledger import Ledger, usage_from_json, usage_json
from generators.chat.messages import Purpose, Usage
from generators.chat.reading import RawReply
from generators.chat.redaction import json_without_secrets
from generators.chat.request import Request, digest, message_json
from generators.errors import NotRecordedError, RecordError

SCHEMA = 1
Mode = Literal["record", "resume", "replay"]


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """How a call ended: with a reply or an error."""

    reply: RawReply | None
    error: str
    """What `ModelError` said; empty where there is a reply."""
    usage: Usage
    writer: str = ""
    """Which opening of the record wrote it."""


@dataclass(slots=True)
class _Told:
    """What the lines of a record tell."""

    calls: dict[tuple[str, str, str], deque[RecordedCall]] = field(default_factory=lambda: defaultdict(deque))
    """By role, task and key of the request, in order."""
    known: set[str] = field(default_factory=set)
    """Hashes of what the file holds."""
    paid: Usage = field(default_factory=Usage)
    ledger: Ledger = field(default_factory=Ledger)

    def take(self, line: Mapping[str, Any], *, offered: bool) -> None:
        """Read one line; `offered`: whether its call can be given out. Raises `KeyError`, `TypeError` or `ValueError`
        where it is none of a record's."""
        if line["schema"] != SCHEMA:
            raise ValueError(f"it is of schema {line['schema']!r}, this version reads {SCHEMA}")
        raw, usage = line["reply"], usage_from_json(line["usage"])
        self.count(line)
        call = RecordedCall(
            None if raw is None else RawReply.from_json(raw), str(line["error"]), usage, str(line["writer"])
        )
        queue = self.calls[str(line["role"]), str(line["task"]), str(line["key"])]
        # a call that failed and was made again when its task was taken up anew ended as it did the second time
        while queue and queue[-1].error and queue[-1].writer != call.writer:
            queue.pop()
        if offered:
            queue.append(call)

    def count(self, line: Mapping[str, Any]) -> None:
        """Take in what a line says of money and of messages that need not be written again."""
        self.known.update(line["new"])
        purpose, usage = Purpose(str(line["role"]), str(line["task"])), usage_from_json(line["usage"])
        if line["source"] == "provider":
            self.paid += usage
        answered = line["reply"] is not None
        if answered:
            self.ledger.add(purpose, usage, line["source"])
        for _ in range(int(line["attempts"]) - answered * (line["source"] == "provider")):
            self.ledger.add_failed_attempt(purpose)


class Recording:
    """A record, open in one of three ways: `record` begins a new one, `resume` goes on with one (calls that it holds
    are not made again), `replay` only reads it. Safe for many threads, and for many processes: the first begins the
    record and the others resume it."""

    def __init__(self, path: Path, mode: Mode = "record") -> None:
        """Raises `ValueError` where the file is not there to replay, is there already, or is no record."""
        self.path = path
        self.mode = mode
        self._writer = uuid.uuid4().hex[:12]
        self._lock = threading.Lock()
        self._told = _Told()
        self._read_to = 0
        flags = os.O_RDONLY if mode == "replay" else os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            if mode != "replay":
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, flags | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ValueError(f"{path}: the record cannot be opened: {error.strerror}") from error
        try:
            self._begin()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        if self.mode == "record" and os.fstat(self._file).st_size:
            raise ValueError(f"{self.path}: there is a record already; go on with --resume, or name another file")
        self._read(offered=True)

    def close(self) -> None:
        """Let go of the file; closing twice does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def take(self, purpose: Purpose, key: str) -> RecordedCall | None:
        """The next call of this key that the record holds for `purpose`; each is given once, in order. Of a run that
        is resumed, only calls that had a reply. None where there is none; a replay raises `NotRecordedError` then."""
        if self.mode == "record":
            return None
        with self._lock:
            queue = self._told.calls.get((purpose.role, purpose.task, key), deque())
            while queue:
                call = queue.popleft()
                if self.mode == "replay" or call.reply is not None:
                    return call
        if self.mode == "resume":
            return None
        raise NotRecordedError(self._not_held(purpose))

    def _not_held(self, purpose: Purpose) -> str:
        whose = f"{purpose.role}{f' of {purpose.task!r}' if purpose.task else ''}"
        with self._lock:
            left = sum(
                len(queue)
                for (role, task, _), queue in self._told.calls.items()
                if (role, task) == (purpose.role, purpose.task)
            )
        held = f"{left} other calls of it are left" if left else "none of its calls are left"
        return (
            f"{self.path}: the record does not hold this call of the {whose}; {held}. The model, the prompts, the data "
            "or the settings differ from the recorded run; to make new calls, resume the record instead of replaying it"
        )

    def write(
        self,
        purpose: Purpose,
        request: Request,
        key: str,
        call: RecordedCall,
        *,
        source: Literal["provider", "cache"],
        attempts: int,
    ) -> None:
        """Add a call. Raises `RecordError` where the disk does not take it."""
        head, new = request.head(), {}
        messages = []
        for message in request.messages:
            said = message_json(message)
            messages.append(name := digest(said)[:16])
            new[name] = said
        tools = digest(head["tools"])[:16]
        new[tools] = head.pop("tools")
        line = {
            "role": purpose.role,
            "task": purpose.task,
            "key": key,
            "at": round(time.time(), 3),
            "writer": self._writer,
            "request": {**head, "tools": tools, "messages": messages},
            "reply": None if call.reply is None else call.reply.as_json(),
            "error": call.error,
            "usage": usage_json(call.usage),
            "source": source,
            "attempts": attempts,
        }
        with self._lock:
            line["new"] = {name: said for name, said in new.items() if name not in self._told.known}
            try:
                self._append(json_without_secrets(line))
            except OSError as error:
                raise RecordError(f"{self.path}: the record cannot be written: {error.strerror}") from error

    def paid(self) -> Usage:
        """What the whole run paid its providers so far, in other processes and before a resumption too."""
        with self._lock:
            if self.mode != "replay":
                self._read()
            return self._told.paid

    def ledger(self) -> Ledger:
        """What the whole run took so far by role and task, in other processes and before a resumption too: a reply that
        a resumed run had from its record counts once, as the provider's."""
        with self._lock:
            if self.mode != "replay":
                self._read()
            return self._told.ledger

    def _append(self, line: dict[str, Any]) -> None:
        data = memoryview((json.dumps({"schema": SCHEMA, **line}) + "\n").encode())
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._read()
            # nobody writes now: what stands behind the last line break was left by a writer that was killed
            if os.fstat(self._file).st_size > self._read_to:
                os.ftruncate(self._file, self._read_to)
            length = len(data)
            try:
                while data:
                    data = data[os.write(self._file, data) :]
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._read_to)
                raise
            self._read_to += length
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._told.count(line)

    def _read(self, *, offered: bool = False) -> None:
        """Take in the whole lines that came since. What others write after the opening is not given out: it belongs to
        their tasks."""
        size = os.fstat(self._file).st_size
        data = bytearray()
        while self._read_to + len(data) < size:
            more = os.pread(self._file, size - self._read_to - len(data), self._read_to + len(data))
            if not more:
                break
            data += more
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                self._told.take(json.loads(line), offered=offered)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ValueError(
                    f"{self.path}, byte {self._read_to}: this is no line of a record of calls ({error}); "
                    "move the file away, or name another one"
                ) from error
            self._read_to += len(line)
