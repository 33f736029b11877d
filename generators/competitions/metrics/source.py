"""The source of a metric as it stands in a generated `metric.py`: the function, what it calls, and their imports."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from generators.parsing import parse_module

_LIBRARY = __package__ or ""


class MetricSource(NamedTuple):
    """Source text of a metric's function, ready to stand in a generated `metric.py`."""

    imports: tuple[str, ...]
    """Import lines for the head of the module, plain imports first, sorted."""
    function: str
    """The function after all constants and functions of this library that it uses, ending in a newline. It needs
    nothing but `imports`."""


@cache
def source_of(*wanted: Callable[..., Any]) -> MetricSource:
    """The self-contained source of functions of this library. The same for every call."""
    imports: dict[str, None] = {}
    constants: dict[str, None] = {}
    functions: dict[str, None] = {}
    for function in wanted:
        _collect(function, imports, constants, functions)
    ordered = sorted(imports, key=lambda line: (line.startswith("from"), line))
    blocks = ["\n".join(constants), *functions] if constants else list(functions)
    return MetricSource(tuple(ordered), "\n\n\n".join(blocks) + "\n")


def _collect(
    function: Callable[..., Any], imports: dict[str, None], constants: dict[str, None], functions: dict[str, None]
) -> None:
    """Add the texts that the function needs, and then its own; the keys of the mappings are an ordered set."""
    text, inner, used = _without_imports(function)
    module = sys.modules[function.__module__]
    outer, assigned = _module_level(module)
    for name in used:
        value = getattr(module, name, None)
        if isinstance(value, FunctionType) and value.__module__.startswith(_LIBRARY):
            _collect(value, imports, constants, functions)
        elif name in outer:
            imports[outer[name]] = None
        elif name in assigned:
            nodes = ast.walk(parse_module(assigned[name]))
            inside = [node.id for node in nodes if isinstance(node, ast.Name) and node.id in outer]
            imports |= dict.fromkeys(outer[other] for other in inside)
            constants[assigned[name]] = None
    imports |= dict.fromkeys(inner)
    functions[text] = None


@cache
def _module_level(module: ModuleType) -> tuple[dict[str, str], dict[str, str]]:
    """The import line and the assignment behind each global name of a module of this library."""
    text = inspect.getsource(module)
    imports: dict[str, str] = {}
    assigned: dict[str, str] = {}
    for statement in parse_module(text).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports |= dict(_import_lines(statement))
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            assigned[statement.targets[0].id] = ast.get_source_segment(text, statement) or ""
    return imports, assigned


def _import_lines(statement: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """Each name that an import binds, and a line that imports it alone."""
    lines = []
    for alias in statement.names:
        whole = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        line = f"from {statement.module} import {whole}" if isinstance(statement, ast.ImportFrom) else f"import {whole}"
        lines.append((alias.asname or alias.name.partition(".")[0], line))
    return lines


def _without_imports(function: Callable[..., Any]) -> tuple[str, list[str], list[str]]:
    """The function's text without the imports in it, those imports, and the global names that it uses.

    Imports inside a function keep this package quick to import; in a generated file they belong at its head.
    """
    text = textwrap.dedent(inspect.getsource(function))
    definition = parse_module(text).body[0]
    lines = text.splitlines()
    imports: list[str] = []
    local: set[str] = set()
    assert isinstance(definition, ast.FunctionDef)
    for statement in definition.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found = _import_lines(statement)
            imports += [line for _, line in found]
            local |= {name for name, _ in found}
            last = statement.end_lineno or statement.lineno
            blank_follows = last < len(lines) and not lines[last].strip()
            for number in range(statement.lineno, last + 1 + blank_follows):
                lines[number - 1] = "\0"
    nodes = list(ast.walk(definition))
    names = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    local |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    used = [name for name in dict.fromkeys(names) if name not in local and not hasattr(builtins, name)]
    return "\n".join(line for line in lines if line != "\0"), imports, used
