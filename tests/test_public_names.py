"""The public face: what `mlesmith_env` exports is complete, sorted and documented."""

from __future__ import annotations

import ast
import types
from pathlib import Path

import mlesmith_env


def test_the_exported_names_are_sorted_and_exist() -> None:
    assert list(mlesmith_env.__all__) == sorted(mlesmith_env.__all__)
    missing = [name for name in mlesmith_env.__all__ if not hasattr(mlesmith_env, name)]
    assert not missing


def test_every_public_name_is_exported() -> None:
    """Names are loaded when used: the table of them, the type checker's imports and `__all__` say the same."""
    exported = set(mlesmith_env.__all__) - {"__version__"}
    assert set(mlesmith_env._NAMES) == exported
    tree = ast.parse(Path(str(mlesmith_env.__file__)).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == exported
    stray = {
        name
        for name, value in vars(mlesmith_env).items()
        if not name.startswith("_") and name not in exported and not isinstance(value, types.ModuleType)
    }
    assert stray <= {"annotations"}


def test_every_exported_class_and_function_says_what_it_is() -> None:
    silent = [
        name
        for name in mlesmith_env.__all__
        if isinstance(getattr(mlesmith_env, name), type | types.FunctionType)
        and not getattr(mlesmith_env, name).__doc__
    ]
    assert not silent
