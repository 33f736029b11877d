"""Rendering: templates of the package's files, and how values stand in Python source."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from generators.competitions.prepare_file import text_block
from generators.datasets.readers.code import literal as one_line
from generators.parsing import parse_expression

_WIDTH = 110


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("generators.roles.rules"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is Python and Markdown, no page
    )
    environment.filters["literal"] = literal
    environment.filters["comment"] = comment
    environment.filters["text_block"] = text_block
    environment.filters["indented"] = broken_call
    return environment


def compile_templates() -> None:
    """Compile them all, so that none has to be waited for later: each takes some 10 ms."""
    for name in _environment().list_templates(extensions=["jinja"]):
        _environment().get_template(name)


def render(template: str, **values: Any) -> str:
    """The text of a template, which fails where it asks for a value that is not given."""
    return _environment().get_template(f"{template}.jinja").render(**values)


def literal(value: Any, indent: int = 0) -> str:
    """Python source of a JSON-like value; a long list or mapping has one item a line, `indent` spaces in."""
    text = one_line(list(value) if isinstance(value, tuple) else value)
    if len(text) <= _WIDTH - indent or not isinstance(value, list | tuple | Mapping):
        return text
    space = " " * indent
    if isinstance(value, Mapping):
        items = [f"{one_line(key)}: {one_line(item)}" for key, item in value.items()]
    else:
        items = [one_line(item) for item in value]
    inner = "".join(f"{space}    {item},\n" for item in items)
    brackets = "{}" if isinstance(value, Mapping) else "[]"
    return f"{brackets[0]}\n{inner}{space}{brackets[1]}"


def comment(text: str) -> str:
    """A text as it may stand behind a `#`: whatever could end the line is a space."""
    return "".join(character if character.isprintable() else " " for character in text)


def broken_call(expression: str, head: str = "") -> str:
    """A call that is too long for one line, with one argument a line; `head` is what stands before it."""
    if len(head) + len(expression) <= _WIDTH + 8:
        return expression
    call = parse_expression(expression)
    if not isinstance(call, ast.Call):
        return expression
    indent = " " * (len(head) - len(head.lstrip()))
    parts: Sequence[str] = [
        *(_segment(expression, argument) for argument in call.args),
        *(f"{k.arg}={_segment(expression, k.value)}" for k in call.keywords if k.arg),
    ]
    inner = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{_segment(expression, call.func)}(\n{inner}{indent})"


def _segment(source: str, node: ast.expr) -> str:
    return ast.get_source_segment(source, node) or ast.unparse(node)
