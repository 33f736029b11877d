"""What is printed where nobody reads it, as behind `| head -1`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlesmith_env.cli import USAGE

ROOT = Path(__file__).parents[3]
PRINTING = """
from mlesmith_env.cli import output
from mlesmith_env.cli.readers import readers_may_leave

for _ in range(2):
    with readers_may_leave():
        {print}
raise SystemExit(3)
"""


def unread(*words: str) -> tuple[int, str]:
    """The exit code of a program whose output nobody reads, and its complaints."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, *words], env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize("line", ["output.stdout().print('x' * 10**6)", "output.print_json(['x'] * 10**6)"])
def test_what_nobody_reads_is_no_failure(line: str) -> None:
    assert unread("-c", PRINTING.format(print=line)) == (3, "")


def test_the_exit_code_tells_of_the_work_and_not_of_the_reader(tmp_path: Path) -> None:
    (tmp_path / "nothing.csv").touch()
    words = ["generate", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "pool")]
    code, told = unread("-m", "mlesmith_env", *words)
    assert code == USAGE, told
