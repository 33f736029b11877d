"""Records of episodes: one JSONL file each, only ever appended to, readable by a later version.

The first line is a header, then one line a step, then an end, and after it what the agent said and took, where it keeps
an account. A line costs the same however long the episode is. What
an observation had to cut is here whole; pictures lie as files in a folder beside the record.
"""

from __future__ import annotations

import json
import math
import mimetypes
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generators.competitions.grade import Grade
from mlesmith_env.agents.agent import Account
from mlesmith_env.turn import Turn
from sandboxes.sandbox import ExecutionResult

SCHEMA_VERSION = 1


class TrajectoryWriter:
    """Writes one episode. Each line is flushed, so that a killed process loses at most the step it was in."""

    def __init__(self, folder: Path, name: str, header: Mapping[str, Any]) -> None:
        """Makes `folder` where it is missing; a record of the same name is kept and this one numbered."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self._stream = _fresh_file(folder, name)
        try:
            self._write({"record": "header", "schema_version": SCHEMA_VERSION, **header})
        except BaseException:
            self.discard()
            raise

    def step(self, turn: Turn) -> None:
        """Append one step."""
        self._write(
            {
                "record": "step",
                "index": turn.index,
                "step": turn.step,
                "action": turn.action,
                "action_type": turn.action_type,
                "status": turn.status,
                "text": turn.text,
                "shown": turn.shown if turn.shown != turn.text else None,
                "code": turn.code,
                "execution": self._execution(turn) if turn.execution is not None else None,
                "outcome": turn.outcome,
                "grade": _grade(turn.grade),
                "normalized": turn.normalized,
                "submission_digest": turn.submission_digest,
                "final": _grade(turn.final),
                "final_normalized": turn.final_normalized,
                "chosen_step": turn.chosen_step,
                "reward": turn.reward,
                "reward_terms": turn.reward_terms,
                "terminated": turn.terminated,
                "truncated": turn.truncated,
                "mask_sample": turn.mask_sample,
                "error_type": turn.error_type,
                "error": turn.error,
                "error_detail": turn.error_detail,
                "timing": turn.timing,
            }
        )

    def end(self, *, finished: bool, total_reward: float, last: Turn | None, seconds: float) -> None:
        """Append the end and close the file. `finished`: the episode came to its end rather than being left."""
        if self._stream.closed:
            return
        final = last.final if last else None
        self._write(
            {
                "record": "end",
                "finished": finished,
                "total_reward": total_reward,
                "score": final.score if final else math.nan,
                "normalized_score": last.final_normalized if last else math.nan,
                "outcome": final.outcome.value if final else "",
                "mask_sample": last.mask_sample if last else False,
                "seconds": seconds,
            }
        )
        self._stream.close()

    def discard(self) -> None:
        """Close the file and remove it with its pictures."""
        self._stream.close()
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.path.with_suffix(".files"), ignore_errors=True)

    def _execution(self, turn: Turn) -> dict[str, Any]:
        result = turn.execution
        assert result is not None
        return {
            "status": result.status.value,
            "stdout": result.stdout,
            "stderr": result.stderr,
            "result": result.result,
            "error_name": result.error_name,
            "error_message": result.error_message,
            "traceback": result.traceback,
            "seconds": result.seconds,
            "state_lost": result.state_lost,
            "dropped_chars": result.dropped_chars,
            "reason": result.reason,
            "displays": self._pictures(turn.index, result),
        }

    def _pictures(self, index: int, result: ExecutionResult) -> list[dict[str, str]]:
        kept = []
        folder = self.path.with_suffix(".files")
        for place, display in enumerate(result.displays, start=1):
            folder.mkdir(exist_ok=True)
            name = f"{index}-{place}{mimetypes.guess_extension(display.mime) or '.bin'}"
            (folder / name).write_bytes(display.data)
            kept.append({"mime": display.mime, "file": f"{folder.name}/{name}"})
        return kept

    def _write(self, record: Mapping[str, Any]) -> None:
        self._stream.write(_line(record))
        self._stream.flush()


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One recorded episode, as JSON data; a number that was unknown is None."""

    path: Path
    header: dict[str, Any]
    steps: tuple[dict[str, Any], ...]
    end: dict[str, Any] | None
    """None where the process ended before the episode did."""
    agent: dict[str, Any] | None = None
    """What the agent said and took (`append_account`); None where it kept no account."""

    @property
    def total_reward(self) -> float:
        """Sum of the rewards of the recorded steps."""
        return math.fsum(step["reward"] for step in self.steps)


def read_trajectory(path: Path | str) -> Trajectory:
    """Read a record. A last line that was torn off is left out.

    Raises `ValueError` naming file and line where it is no record of ours, or one of a later version.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            if number == len(lines):
                break
            raise ValueError(f"{path}, line {number}: not JSON; this is no trajectory, or it was changed") from None
        records.append(record if isinstance(record, dict) else {})
    if not records or records[0].get("record") != "header":
        raise ValueError(f"{path}: this is no trajectory; its first line is no header")
    header = records[0]
    if header.get("schema_version", 0) > SCHEMA_VERSION:
        raise ValueError(f"{path}: written by a later version (schema {header['schema_version']}); update this package")
    steps = tuple(record for record in records if record.get("record") == "step")
    end = next((record for record in records if record.get("record") == "end"), None)
    agent = next((record for record in records if record.get("record") == "agent"), None)
    return Trajectory(path, header, steps, end, agent)


def append_account(path: Path, name: str, account: Account) -> None:
    """Add what an agent said and took to the record of an episode that has ended. Raises `OSError`."""
    line = {"record": "agent", "agent": name, **account_data(account)}
    with path.open("ab") as stream:
        stream.write(_line(line))


def account_data(account: Account) -> dict[str, Any]:
    """An account as JSON data; a cost that is not known is null."""
    said = [
        {"turn": one.turn, "text": one.text, "finish": one.finish, "source": one.source, "usage": asdict(one.usage)}
        for one in account.said
    ]
    return {"model": account.model, "usage": asdict(account.usage), "notes": dict(account.notes), "said": said}


def _fresh_file(folder: Path, name: str) -> tuple[Path, Any]:
    for number in range(1, 1_000_000):
        path = folder / (f"{name}.jsonl" if number == 1 else f"{name}-{number}.jsonl")
        try:
            return path, path.open("xb")
        except FileExistsError:
            continue
    raise ValueError(f"{folder} holds a million records named {name}; choose another trajectory_dir")


def _line(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(_plain(record), ensure_ascii=False, allow_nan=False) + "\n").encode()


def _grade(grade: Grade | None) -> dict[str, Any] | None:
    if grade is None:
        return None
    return {
        "outcome": grade.outcome.value,
        "score": grade.score,
        "reason": grade.reason,
        "seconds": grade.seconds,
        "part": grade.part.value,
    }


def _plain(value: Any) -> Any:
    """The value with every float that JSON has no word for as None, and every text writable as UTF-8."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
