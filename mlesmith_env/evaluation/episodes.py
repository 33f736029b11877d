"""The episodes of an evaluation: one JSON line each, only ever appended, so that a run that was cut off can go on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from generators.chat.messages import Usage

EPISODES = "episodes.jsonl"

Ending = Literal["finished", "failed", "stopped"]
"""`finished`: it says something about the agent; `failed`: the machinery, a model's provider or the competition failed,
which says nothing; `stopped`: it was left because what may be spent is spent."""


class EpisodeRecord(BaseModel):
    """One episode of an evaluation. Scores are private ones in the metric's unit; null where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    """What tells the episode from all others: entrant, task, seed and the rules it was played by."""
    task: str
    """As it was named."""
    task_id: str = ""
    agent: str
    model: str = ""
    seed: int
    ending: Ending
    valid: bool = False
    """Whether a valid submission counted in the end."""
    score: float | None = None
    normalized_score: float | None = None
    """0 without a valid submission; null where the competition has no reference scores, or the episode is none."""
    metric: str = ""
    higher_is_better: bool = True
    position: int | None = None
    """Place among the reference solutions, the first one that is tied or beaten, from 1."""
    entries: int = 0
    """Reference solutions on the leaderboard."""
    medal: str = ""
    """`gold`, `silver`, `bronze` or empty, by Kaggle's places for a board of that size."""
    steps: int = 0
    malformed: int = 0
    """Steps whose action could not be read."""
    reward: float = 0.0
    """Sum of the episode's rewards."""
    seconds: float = 0.0
    feedback: str = ""
    isolation: str = ""
    usage: Usage = Usage()
    """`cost_usd` is null where a price is not known."""
    error_type: str = ""
    error: str = ""
    trajectory: str | None = None
    """Name of the episode's own record, from the folder of the evaluation."""


class EpisodeLog:
    """The file of an evaluation's episodes. Thread-safe; each line is on the disk before `add` returns."""

    def __init__(self, folder: Path) -> None:
        """Makes `folder` where it is missing. Raises `ValueError` naming the line where the file is another one."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / EPISODES
        self._lock = threading.Lock()
        self.records = _read(self.path)
        """The episodes that were there before, in their order."""

    def add(self, record: EpisodeRecord) -> None:
        """Append one episode. Raises `OSError`."""
        with self._lock, self.path.open("ab") as stream:
            stream.write(record.model_dump_json().encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def finished(records: Iterable[EpisodeRecord]) -> dict[str, EpisodeRecord]:
    """The finished episodes by their key, the last word on each."""
    return {record.key: record for record in records if record.ending == "finished"}


def _read(path: Path) -> list[EpisodeRecord]:
    """The lines of a file; a last one that was torn off is removed from it."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    records = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            records.append(EpisodeRecord.model_validate_json(line))
        except ValidationError:
            raise ValueError(
                f"{path}, line {number}: this is no episode of an evaluation; name another folder"
            ) from None
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    return records


def as_data(record: EpisodeRecord) -> dict[str, Any]:
    """As JSON data."""
    return record.model_dump(mode="json")
