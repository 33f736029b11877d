"""Good packages to break, and what verification says of them afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from generators.competitions.card import Objective
from generators.finding import CheckOutcome, CheckResult
from generators.verification.assertions import assert_package


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, write_package: Callable[..., Path]) -> Callable[..., Path]:
    """The folder of a good package and its raw data, written once for each objective and metric."""
    written: dict[tuple[Objective, str | None], Path] = {}

    def find(objective: Objective = Objective.BINARY, metric: str | None = None) -> Path:
        if (objective, metric) not in written:
            folder = tmp_path_factory.mktemp("pristine")
            written[objective, metric] = write_package(folder, objective=objective, metric=metric)
        return written[objective, metric]

    return find


@pytest.fixture
def make_package(pristine: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """A good package of one's own, to break; its raw data lie in `../raw`."""

    def make(objective: Objective = Objective.BINARY, metric: str | None = None) -> Path:
        good = pristine(objective, metric)
        shutil.copytree(good.parent / "raw", tmp_path / "raw")
        return Path(shutil.copytree(good, tmp_path / good.name))

    return make


@pytest.fixture
def package(make_package: Callable[..., Path]) -> Path:
    """A good binary package of one's own."""
    return make_package()


@pytest.fixture
def results() -> Callable[..., dict[str, CheckResult]]:
    """The results of the assertions by name, with the raw data at hand where asked for."""

    def run(package: Path, *, raw: bool = False) -> dict[str, CheckResult]:
        found = assert_package(package, package.parent / "raw" if raw else None)
        return {result.check: result for result in found}

    return run


@pytest.fixture
def complaints(results: Callable[..., dict[str, CheckResult]]) -> Callable[..., list[str]]:
    """Names of the checks that failed, and of those that warned, marked so."""

    def run(package: Path, *, raw: bool = False) -> list[str]:
        found = results(package, raw=raw)
        marks = {CheckOutcome.FAILED: "", CheckOutcome.WARNED: " (warning)"}
        return [name + marks[result.outcome] for name, result in found.items() if result.outcome in marks]

    return run


class Edit:
    """Changes to a package, one method for each kind of file."""

    @staticmethod
    def text(path: Path, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = path.read_text()
        assert old in text, f"{path.name} holds no {old!r}"
        path.write_text(text.replace(old, new))

    @staticmethod
    def card(package: Path, **changes: Any) -> None:
        """Change fields of the card; a mapping changes fields within."""
        path = package / "competition.json"
        card = json.loads(path.read_text())
        for name, value in changes.items():
            card[name] = {**(card[name] or {}), **value} if isinstance(value, dict) else value
        path.write_text(json.dumps(card))

    @staticmethod
    def table(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Change a table, every cell as text."""
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        change(table).to_csv(path, index=False, lineterminator="\n")

    @staticmethod
    def read(path: Path) -> pd.DataFrame:
        """A table, every cell as text."""
        return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture
def edit() -> Edit:
    """Changes to a package."""
    return Edit()
