"""What was measured is said again in a replay; a package that was judged otherwise keeps its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from generators.runs.measured import MEASURED, Measured
from generators.verification.verdict import Verdict
from generators.verification.verify import verify, write_verdict


@pytest.fixture
def package(write_package: Callable[..., Path], tmp_path: Path) -> Path:
    root = write_package(tmp_path, rows=200)
    write_verdict(root, verify(root))
    return root


def told(package: Path) -> bytes:
    return (package / "verification.json").read_bytes()


def slower(package: Path) -> None:
    """As if it had been verified once more, by a slower machine."""
    verdict = Verdict.model_validate_json(told(package))
    results = tuple(one.model_copy(update={"seconds": one.seconds + 1.0}) for one in verdict.results)
    write_verdict(package, verdict.model_copy(update={"results": results}))


def test_seconds_are_those_that_were_kept_last(package: Path, tmp_path: Path) -> None:
    measured = Measured(tmp_path / "calls.jsonl", "record")
    measured.settle([package])
    slower(package)
    measured.settle([package])
    kept = told(package)
    with (tmp_path / MEASURED).open("a") as file:
        file.write('{"package": "' + package.name)  # its writer was killed
    slower(package)
    Measured(tmp_path / "calls.jsonl", "replay").settle([package])
    assert told(package) == kept


def test_a_package_that_was_judged_otherwise_or_never_stays_as_it_is(package: Path, tmp_path: Path) -> None:
    replay = Measured(tmp_path / "calls.jsonl", "replay")
    before = told(package)
    replay.settle([package])
    (tmp_path / MEASURED).write_text(json.dumps({"package": package.name, "seconds": [1.0]}) + "\n")
    replay.settle([package])
    assert told(package) == before
