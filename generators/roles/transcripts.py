"""Transcripts: what roles and models said to one another, until it is saved beside the round it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from generators.chat.messages import Message, Purpose, Usage
from generators.chat.redaction import json_without_secrets


@dataclass(frozen=True, slots=True)
class Transcript:
    """One dialogue from its first message to its last."""

    purpose: Purpose
    model: str
    messages: tuple[Message, ...]
    usage: Usage
    ended: str
    """`answered`, `out of steps`, or `broken off` where a provider failed or the budget was spent."""

    def lines(self) -> list[dict[str, Any]]:
        """JSON values: the head, then a message each."""
        head = {"role": self.purpose.role, "task": self.purpose.task, "model": self.model, "ended": self.ended}
        return [{**head, "usage": asdict(self.usage)}, *(_line(message) for message in self.messages)]


@dataclass(slots=True)
class Transcripts:
    """Keeps transcripts in the order in which they ended, and what was spent on each task."""

    _unsaved: list[Transcript] = field(default_factory=list)
    _spent: dict[str, Usage] = field(default_factory=dict)
    _models: dict[str, list[str]] = field(default_factory=dict)
    _falls: dict[str, dict[str, str]] = field(default_factory=dict)

    @contextmanager
    def of_one_dataset(self, broken_off: Path) -> Iterator[None]:
        """Around the work on one dataset: nothing of another one is counted in, and where the work is broken off, what
        was said and not saved goes into the folder `broken_off`."""
        for kept in (self._unsaved, self._spent, self._models, self._falls):
            kept.clear()
        try:
            yield
        except BaseException:
            self.save(broken_off)
            raise

    def add(self, transcript: Transcript) -> None:
        """Keep one."""
        task = transcript.purpose.task
        self._unsaved.append(transcript)
        self._spent[task] = self._spent.get(task, Usage()) + transcript.usage
        models = self._models.setdefault(task, [])
        if transcript.model not in models:
            models.append(transcript.model)

    def spent(self, task: str) -> Usage:
        """What all dialogues about a task took together."""
        return self._spent.get(task, Usage())

    def models(self, task: str) -> tuple[str, ...]:
        """The models that spoke about a task, in the order in which they first did."""
        return tuple(self._models.get(task, ()))

    def fell_back(self, role: str, task: str, reason: str) -> None:
        """Note that a provider failed in a role, and that another backend took it over."""
        self._falls.setdefault(task, {})[role] = reason

    def falls(self, task: str) -> Mapping[str, str]:
        """The roles that another backend took over in a task, with the reasons."""
        return dict(self._falls.get(task, {}))

    def save(self, folder: Path) -> None:
        """Write what has not been saved, as `<folder>/<number>-<role>.jsonl`, and keep only what was spent."""
        waiting, self._unsaved = self._unsaved, []
        for transcript in waiting:
            folder.mkdir(parents=True, exist_ok=True)
            number = 1 + sum(1 for _ in folder.glob("*.jsonl"))
            path = folder / f"{number}-{transcript.purpose.role}.jsonl"
            lines = json_without_secrets(transcript.lines())
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def _line(message: Message) -> dict[str, Any]:
    line: dict[str, Any] = {"role": message.role, "text": message.text}
    if message.calls:
        line["calls"] = [asdict(call) for call in message.calls]
    if message.call_id:
        line["call_id"] = message.call_id
    return line
