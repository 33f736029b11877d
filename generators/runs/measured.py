"""What was measured while competitions were made with a model: kept beside the record of its calls, and said again when
that is replayed, so that a replayed run makes the same packages to the byte."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from generators.competitions.leaderboard import write_leaderboard
from generators.competitions.package import LEADERBOARD, VERIFICATION, read_card
from generators.errors import RecordError
from generators.verification.verdict import Verdict
from generators.verification.verify import write_verdict

MEASURED = "measured.jsonl"
"""The file beside the record of calls."""


class Measured:
    """Seconds of published packages, by their ids. Safe for many processes, each of which adds whole lines."""

    def __init__(self, calls: Path, mode: Literal["record", "replay"]) -> None:
        """`calls`: the record of calls that it stands beside."""
        self._path = calls.with_name(MEASURED)
        self._mode = mode

    def settle(self, packages: Sequence[Path]) -> None:
        """Keep the seconds of packages that have just been published, or put those into them that were kept.

        A package that nothing was kept of, or that was judged otherwise, stays as it is. Raises `RecordError` where the
        disk does not take it.
        """
        if self._mode == "replay":
            kept = self._kept()
            for package in packages:
                _put(package, kept.get(package.name, []))
            return
        lines = [json.dumps({"package": package.name, "seconds": _told(package)}) + "\n" for package in packages]
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RecordError(f"{self._path}: what was measured cannot be written: {error.strerror}") from error

    def _kept(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        if not self._path.is_file():
            return found
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                told = json.loads(line)
                found[str(told["package"])] = list(told["seconds"])
            except (KeyError, TypeError, ValueError):  # its writer was killed amid the line
                continue
        return found


def _told(package: Path) -> list[Any]:
    return [place[key] for place, key in _places(_verdict(package).model_dump(mode="json"))]


def _put(package: Path, seconds: Sequence[Any]) -> None:
    data = _verdict(package).model_dump(mode="json")
    places = list(_places(data))
    if len(places) != len(seconds):
        return
    for (place, key), value in zip(places, seconds, strict=True):
        place[key] = value
    verdict = Verdict.model_validate(data)
    write_verdict(package, verdict)
    if verdict.leaderboard:
        higher = read_card(package).higher_is_better
        write_leaderboard(package / LEADERBOARD, verdict.leaderboard, higher_is_better=higher)


def _verdict(package: Path) -> Verdict:
    return Verdict.model_validate_json((package / VERIFICATION).read_bytes())


def _places(data: Any, *, timed: bool = False) -> Iterator[tuple[dict[str, Any], str]]:
    """Where a number of seconds stands: what is called so, and all within."""
    if isinstance(data, list):
        for item in data:
            yield from _places(item, timed=timed)
    elif isinstance(data, dict):
        for key, value in data.items():
            of_time = timed or key == "seconds" or key.endswith("_s")
            if of_time and isinstance(value, int | float) and not isinstance(value, bool):
                yield data, key
            else:
                yield from _places(value, timed=of_time)
