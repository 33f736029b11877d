"""The random state of a fresh session: seeded at once, or with the library that holds it where that comes later."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def seed_session(seed: int) -> None:
    """Seed `random`, and `numpy.random` now or at its first import. An installation without numpy is no error."""
    random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(seed % (1 << 32))
    else:
        sys.meta_path.insert(0, _Seeding(seed % (1 << 32)))


class _Seeding:
    """Steps in at the first import of `numpy.random`, and never again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if name != "numpy.random":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def execute_and_seed(module: ModuleType) -> None:
                execute(module)
                module.__dict__["seed"](self._seed)

            loader.exec_module = execute_and_seed
        return spec
