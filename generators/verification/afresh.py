"""Runs inside an isolated process: prepare.py in another working directory, and a package's own tests.

Imports nothing of this project, so that nothing of it need be loaded there.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

_REPORT_CHARS = 6000
"""More than is shown: what is cut off here goes by the length of the package's path."""


def prepare_afresh(*, script: Path, raw: Path, public: Path, private: Path) -> None:
    """Run prepare() in another working directory, where a file written beside its folders would show."""
    os.chdir(public)
    spec = importlib.util.spec_from_file_location("prepare", script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.prepare(raw=raw, public=public, private=private)


def run_tests(*, tests: Path) -> dict[str, Any]:
    """Run one test file with pytest and count the outcomes; `failed` holds names and the ends of reports."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(tests.parent)
    import pytest

    class Recorder:
        """Counts outcomes as pytest reports them."""

        def __init__(self) -> None:
            self.passed = 0
            self.skipped = 0
            self.failed: list[tuple[str, str]] = []

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                self.failed.append((report.nodeid, report.longreprtext[-_REPORT_CHARS:]))
            elif report.skipped:
                self.skipped += 1
            elif report.when == "call":
                self.passed += 1

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                self.failed.append((report.nodeid, report.longreprtext[-_REPORT_CHARS:]))

    recorder = Recorder()
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={tests.parent}", "-c", os.devnull]
    code = pytest.main([*options, str(tests)], plugins=[recorder])
    return {"exit": int(code), "passed": recorder.passed, "skipped": recorder.skipped, "failed": recorder.failed}
