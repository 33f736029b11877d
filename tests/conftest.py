"""What tests of every floor share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def write_package() -> Callable[..., Path]:
    """The function `write_package` of `tests/packages.py`: a complete small competition of any objective and metric."""
    # by path: with this folder on sys.path, `tests/generators` would stand in for the package of that name
    if "packages" not in sys.modules:
        spec = importlib.util.spec_from_file_location("packages", Path(__file__).with_name("packages.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules["packages"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["packages"])
    return sys.modules["packages"].write_package


@pytest.fixture
def good_package(tmp_path: Path, write_package: Callable[..., Path]) -> Path:
    """A small complete competition, binary with ROC AUC, fresh for each test; its raw data lie in `../raw`."""
    return write_package(tmp_path)
