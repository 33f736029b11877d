"""Parsing in many threads of one process, and that nothing parses beside the one place for it."""

from __future__ import annotations

import ast
import gc
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import generators
import mlesmith_env
import sandboxes
from generators.parsing import parse_expression, parse_module

TEXT = "\n".join(f"def f{i}(a, b):\n    return [a + b * {i}, {{'x': (a, b)}}]" for i in range(60))
EXPRESSION = "[" + ", ".join(f"{{'x': a + {i}, 'y': (b, [c])}}" for i in range(200)) + "]"
AST = re.compile(r"\bast\b")
PARSING = Path(str(generators.__file__)).with_name("parsing.py")


@pytest.fixture
def collected_often() -> Iterator[None]:
    """Garbage is collected in the middle of every tree, and other threads run meanwhile."""

    def pause(phase: str, info: dict[str, int]) -> None:
        time.sleep(0.0002)

    thresholds = gc.get_threshold()
    gc.callbacks.append(pause)
    gc.set_threshold(200)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(pause)


@pytest.mark.usefixtures("collected_often")
@pytest.mark.parametrize(
    ("parse", "text"), [(parse_module, TEXT), (parse_expression, EXPRESSION)], ids=["module", "expression"]
)
def test_threads_at_once_each_get_the_tree_of_their_text(parse: Callable[[str], ast.AST], text: str) -> None:
    alone = ast.unparse(parse(text))
    with ThreadPoolExecutor(4) as pool:
        assert [ast.unparse(tree) for tree in pool.map(parse, [text] * 8)] == [alone] * 8


def test_a_text_that_is_no_python_is_refused_as_the_language_does_and_holds_up_nobody() -> None:
    with pytest.raises(SyntaxError, match=r"prepare\.py, line 2"):
        parse_module("x = 1\ndef", "prepare.py")
    with pytest.raises(SyntaxError):
        parse_expression("x = 1")
    with ThreadPoolExecutor(1) as pool:
        assert ast.unparse(pool.submit(parse_module, b"x = 1").result(timeout=60)) == "x = 1"


@pytest.mark.parametrize(
    "expression", ["1 + " * 6000 + "1", "-" * 50_000 + "1", "f" + "()" * 20_000], ids=["sum", "signs", "calls"]
)
def test_a_text_nested_too_deeply_is_no_python(expression: str) -> None:
    with pytest.raises(SyntaxError, match="nested too deeply"):
        parse_module(f"x = {expression}\n", "prepare.py")
    with pytest.raises(SyntaxError, match="nested too deeply"):
        parse_expression(expression)
    assert ast.unparse(parse_expression("x+1")) == "x + 1"


def test_nothing_else_in_the_package_makes_trees() -> None:
    beside = []
    for package in (generators, mlesmith_env, sandboxes):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            text = path.read_text("utf-8")
            if path != PARSING and AST.search(text):
                beside += [f"{path.name}:{line}: {what}" for line, what in trees_made(text)]
    assert beside == []
    assert len(list(trees_made(PARSING.read_text("utf-8")))) == 2


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("ast.parse(x)", True),
        ("a = ast.parse", True),
        ("from ast import parse", True),
        ("import ast as tree", True),
        ("ast.literal_eval(text)", True),
        ("compile(text, 'f', 'exec', ast.PyCF_ONLYAST)", True),
        ("ast.literal_eval(parse_expression(text))", False),
        ("ast.unparse(tree)", False),
        ("import ast", False),
    ],
)
def test_every_way_to_make_a_tree_is_seen(code: str, made: bool) -> None:
    assert bool(list(trees_made(code))) == made


def trees_made(code: str) -> Iterator[tuple[int, str]]:
    """Uses of the language's parser for trees, each with its line."""
    given_a_tree = set()
    for node in ast.walk(ast.parse(code)):  # a call before the name that it calls
        match node:
            case ast.Call(func=called, args=[ast.Call(func=ast.Name(id="parse_expression"))]):
                given_a_tree.add(called)
            case (
                ast.ImportFrom(module="ast")
                | ast.Import(names=[ast.alias(name="ast", asname=str())])
                | ast.Attribute(value=ast.Name(id="ast"), attr="parse" | "PyCF_ONLYAST")
            ):
                yield node.lineno, ast.unparse(node)
            case ast.Attribute(value=ast.Name(id="ast"), attr="literal_eval") if node not in given_a_tree:
                yield node.lineno, ast.unparse(node)
