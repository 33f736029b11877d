"""Trying a draft's metric in isolation."""

from __future__ import annotations

from pathlib import Path

from generators.roles.llm import bench
from sandboxes.local import LocalSandbox
from sandboxes.script import run_function


def test_a_perfect_submission_is_told_from_the_sample(good_package: Path) -> None:
    told = run_function(bench._TRIAL, "try_metric", arguments={"root": good_package}, readable=[good_package]).value
    assert told["higher_is_better"] == "True"
    assert told["perfect"]["score"] == 1.0 > told["sample"]["score"]


def test_the_server_that_kernels_are_forked_from_loads_nothing_of_models(good_package: Path) -> None:
    run_function(bench._TRIAL, "try_metric", arguments={"root": good_package}, readable=[good_package])
    with LocalSandbox() as sandbox:
        code = (
            "import sys; print([name for name in sys.modules if name.startswith(('generators.roles.llm', 'litellm'))])"
        )
        assert sandbox.execute(code).stdout.strip() == "[]"
