"""Runs of a package's code whose reports foreign code may have written itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.verification.package_runs import run_own_tests

FORGED = """
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, {told!r})
    except OSError:
        pass
os._exit(0)
"""


@pytest.mark.parametrize(
    "value", ['{"exit": 1, "passed": 0, "skipped": 0, "failed": ["x"]}', "7", '{"exit": 0, "passed": "all"}']
)
def test_a_report_that_the_tests_have_forged_is_a_failure_and_no_error_of_ours(value: str, tmp_path: Path) -> None:
    told = f'{{"status": "ok", "value": {value}}}'.encode()
    (tmp_path / "test_competition.py").write_text(FORGED.format(told=told))
    assert run_own_tests(tmp_path).failure == "what it reported cannot be read"
