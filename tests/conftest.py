"""What tests of every floor share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def write_package() -> Callable[..., Path]:
    """The function `write_package` of `tests/packages.py`: a complete small competition of any objective and metric."""
    return _beside("packages").write_package


@pytest.fixture(scope="session")
def shut_in() -> ModuleType:
    """The module `tests/shut_in.py`: programs run where calls of the system are refused, as in a container."""
    return _beside("shut_in")


@pytest.fixture
def good_package(tmp_path: Path, write_package: Callable[..., Path]) -> Path:
    """A small complete competition, binary with ROC AUC, fresh for each test; its raw data lie in `../raw`."""
    return write_package(tmp_path)


def _beside(name: str) -> Any:
    # by path: with this folder on sys.path, `tests/generators` would stand in for the package of that name
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
