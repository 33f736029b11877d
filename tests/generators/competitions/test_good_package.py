"""The package that tests of every floor start from is itself a good one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from generators.competitions.card import Objective
from generators.competitions.package import Competition, package_digest


def test_its_own_tests_pass_alone(good_package):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(good_package)]
    run = subprocess.run(command, cwd=good_package, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "5 passed" in run.stdout


@pytest.mark.parametrize("objective", [Objective.BINARY, Objective.MULTICLASS, Objective.REGRESSION])
def test_it_is_written_the_same_each_time_and_its_model_beats_its_floor(tmp_path, write_package, objective):
    first = write_package(tmp_path / "first", objective=objective, rows=120)
    second = write_package(tmp_path / "second", objective=objective, rows=120)
    assert package_digest(first) == package_digest(second)
    card = Competition.load(first).card
    sign = 1 if card.higher_is_better else -1
    assert card.scores is not None
    assert sign * card.scores.reference > sign * card.scores.floor
    assert "\n            " not in (first / "description.md").read_text()
