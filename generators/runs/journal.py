"""Journal: an append-only file of JSON lines in the pool folder; what it says has happened, whatever comes after."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from generators.runs.record import Record, RejectedLine

JOURNAL = "journal.jsonl"


@dataclass(slots=True)
class History:
    """What a journal tells, the last word on each subject."""

    made: dict[str, Record] = field(default_factory=dict)
    """Records by the key of their job."""
    placed: dict[str, dict[str, RejectedLine]] = field(default_factory=dict)
    """Jobs whose competitions are all in their places, with the ones that found theirs taken."""
    scratch: list[str] = field(default_factory=list)
    """Temporary folders of runs that did not come to their end."""

    def take(self, line: dict[str, Any]) -> None:
        """Read one line. Raises `KeyError`, `TypeError` or `ValueError` where it is none of a journal's."""
        match line:
            case {"run": {"scratch": str(scratch)}}:
                self.scratch.append(scratch)
            case {"ended": str(scratch)}:
                self.scratch.remove(scratch)
            case {"made": str(key), "record": dict(record)}:
                self.made[key] = Record.model_validate(record)
                self.placed.pop(key, None)
            case {"placed": str(key), "taken": dict(taken)}:
                self.placed[key] = {name: RejectedLine.model_validate(one) for name, one in taken.items()}
            case _:
                raise ValueError("it is no line of a journal")


class Journal:
    """The journal in a folder, open for more lines. Each line is on the disk before `write` returns."""

    def __init__(self, folder: Path) -> None:
        """Raises `ValueError` where a file of that name is there and is no journal."""
        self._path = folder / JOURNAL
        self.history = History()
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, line: dict[str, Any]) -> None:
        """Add one line and wait until the disk has it."""
        data = memoryview((json.dumps(line, ensure_ascii=False) + "\n").encode())
        while data:
            data = data[os.write(self._file, data) :]
        os.fdatasync(self._file)

    def _read(self) -> None:
        data = self._path.read_bytes()
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                self.history.take(json.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{self._path}, line {number}: {error}; move the file away to begin a new journal"
                ) from error
        # a line without its end was being written when the writer was killed
        os.ftruncate(self._file, whole)
