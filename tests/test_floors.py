"""The three floors: imports only point down, and nothing goes round in a circle."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = {"sandboxes": 0, "generators": 1, "mlesmith_env": 2}
# wings of `generators` and what each may import beside itself
WINGS = {
    "datasets": {"errors"},
    "competitions": {"errors", "parsing", "repeatable"},
    "model_server": set[str](),
    "finding": set[str](),
    "errors": set[str](),
    "parsing": set[str](),
    "repeatable": set[str](),
    "chat": {"errors"},
    "roles": {"errors", "parsing", "repeatable", "finding", "chat", "datasets", "competitions"},
    "verification": {"errors", "parsing", "repeatable", "finding", "datasets", "competitions"},
}


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"))
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which floor is meant"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_never_point_up_the_floors() -> None:
    upward = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        for other in imported(tree)
        if FLOORS.get(other.split(".")[0], -1) > FLOORS[name.split(".")[0]]
    ]
    assert not upward


def test_the_wings_of_the_middle_floor_import_only_what_they_stand_on() -> None:
    wrong = []
    for name, tree in modules().items():
        parts = name.split(".")
        if parts[0] != "generators" or len(parts) < 2 or parts[1] not in WINGS:
            continue
        for other in imported(tree):
            target = other.split(".")
            if target[0] == "generators" and len(target) > 1 and target[1] not in {parts[1], *WINGS[parts[1]]}:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_no_modules_import_one_another_in_a_circle_when_loaded() -> None:
    trees = modules()
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        # imports inside functions happen later and cannot make loading circular
        top = ast.Module([node for node in tree.body if not _is_type_checking(node)], [])
        top.body = [node for node in top.body if isinstance(node, ast.Import | ast.ImportFrom)]
        graph[name] = {other for other in needed(top, trees) if other in trees and other != name}
    list(graphlib.TopologicalSorter(graph).static_order())


def needed(tree: ast.Module, known: Container[str]) -> Iterator[str]:
    """The modules that are loaded for these imports; `from package import module` needs the module alone."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else str(node.module)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
