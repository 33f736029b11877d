"""What the chats of one run share: its ledger, budget, record and cache."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from generators.chat.budget import Budget, Spending
from generators.chat.cache import Cache
from generators.chat.ledger import Ledger
from generators.chat.messages import Purpose, Usage
from generators.chat.recording import Mode, RecordedCall, Recording
from generators.chat.request import Request


class ModelRun:
    """Open until it is closed. A run of several processes has one in each, on the same record: the first with mode
    `record`, the others with `resume`; its budget then holds for all of them together."""

    def __init__(
        self,
        *,
        record: Path | None = None,
        mode: Mode = "record",
        cache: Path | None = None,
        budget: Budget | None = None,
    ) -> None:
        """`record`: the file of all calls. Raises `ValueError` where a file cannot be used, or where a budget in money
        cannot be kept since calls of a resumed run have no known price."""
        if record is None and mode != "record":
            raise ValueError(f"to {mode} a run, name the record of its calls")
        self.ledger = Ledger()
        self.cache = None if cache is None else Cache(cache)
        self.recording: Recording | None = None
        try:
            self.recording = None if record is None else Recording(record, mode)
            self.spending = Spending(budget or Budget(), self.paid, record)
            if mode == "resume":
                self.spending.check_prices()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; the ledger stays."""
        if self.recording is not None:
            self.recording.close()
        if self.cache is not None:
            self.cache.close()

    def paid(self) -> Usage:
        """What providers were paid for: with a record in all parts and processes of the run, else here."""
        return self.ledger.usage(source="provider") if self.recording is None else self.recording.paid()

    def enter(
        self,
        purpose: Purpose,
        request: Request,
        key: str,
        call: RecordedCall,
        *,
        source: Literal["provider", "cache"],
        attempts: int,
    ) -> None:
        """Count a call that has ended, and record it."""
        if call.reply is not None:
            self.ledger.add(purpose, call.usage, source)
        if self.recording is not None:
            self.recording.write(purpose, request, key, call, source=source, attempts=attempts)
