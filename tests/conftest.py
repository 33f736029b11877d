"""What tests of every floor share."""

from __future__ import annotations

import importlib.util
import shutil
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


@pytest.fixture(scope="session")
def engine() -> Any:
    """The SDK's client of a container engine that has the sandbox's image; `tests/engine.py` makes one."""
    from sandboxes.containers.engine import connect
    from sandboxes.containers.images import DEFAULT_IMAGE, find_image
    from sandboxes.errors import SandboxStartError

    try:
        client = connect()
        find_image(DEFAULT_IMAGE)
    except SandboxStartError as reason:
        pytest.skip(str(reason))
    return client


@pytest.fixture(scope="session")
def written_package(tmp_path_factory: pytest.TempPathFactory, write_package: Callable[..., Path]) -> Path:
    """What `good_package` is a copy of, not to be changed."""
    return write_package(tmp_path_factory.mktemp("written"))


@pytest.fixture
def good_package(tmp_path: Path, written_package: Path) -> Path:
    """A small complete competition, binary with ROC AUC, fresh for each test; its raw data lie in `../raw`."""
    shutil.copytree(written_package.parent / "raw", tmp_path / "raw")
    return Path(shutil.copytree(written_package, tmp_path / written_package.name))


def _beside(name: str) -> Any:
    # by path: with this folder on sys.path, `tests/generators` would stand in for the package of that name
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
