"""The text of a package's `prepare.py`, edited in place: its description, and the tier that it makes."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generators.competitions import thinning
from generators.errors import CompetitionError
from generators.parsing import parse_expression, parse_module
from sandboxes.limits import Limits

PREPARE_LIMITS = Limits(wall_s=120.0, memory_mib=8192)
"""What one run of `prepare` may take."""
_WHOLE = "prepare_whole"
# no source text holds a NUL, and a carriage return does not come back as one
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def parsed(path: Path) -> ast.Module | None:
    """The syntax tree of a file, None where it is no Python or not there."""
    try:
        return parse_module(path.read_bytes(), path.name)
    except (OSError, SyntaxError, ValueError):
        return None


def text_block(text: str) -> str:
    """A text of several lines as a triple-quoted literal that reads as the text does."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    escaped = _CONTROLS.sub(lambda found: f"\\x{ord(found.group()):02x}", escaped)
    block = f'"""\\\n{escaped}"""'
    assert ast.literal_eval(parse_expression(block)) == text, "a text must come back as it went in"
    return block


def embed_description(path: Path, description: str) -> None:
    """Set the constant DESCRIPTION of a prepare.py, where it has one."""
    tree = parsed(path)
    for node in tree.body if tree is not None else []:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
            continue
        if [ast.unparse(t) for t in node.targets] == ["DESCRIPTION"] and node.value.value not in (None, description):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            head, tail = lines[: node.lineno - 1], lines[node.end_lineno or node.lineno :]
            _write(path, "".join([*head, f"DESCRIPTION = {text_block(description)}\n", *tail]))
            return


def prepare_tier(path: Path, *, tier: str, sizes: Mapping[str, int], arguments: Mapping[str, Any]) -> None:
    """Make the prepare.py of a whole competition that of one of its tiers.

    Its `prepare` gets another name, and a new one calls it and thins out what it wrote. `sizes`: `train_rows` and
    `test_rows` at most; `arguments`: the further ones of `thinning.keep_tier`, JSON values. Raises `CompetitionError`
    where the file has no such function.
    """
    tree = parsed(path)
    found = [
        node for node in (tree.body if tree else []) if isinstance(node, ast.FunctionDef) and node.name == "prepare"
    ]
    if not found or tree is None:
        raise CompetitionError(f"{path.name} defines no function prepare(raw, public, private) to make a tier of")
    function = found[-1]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    place = function.lineno - 1
    lines[place] = lines[place].replace("prepare", _WHOLE, 1)
    end = function.end_lineno or function.lineno
    text = _tier_text(tier, sizes, arguments)
    names = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    needed = (("np", "import numpy as np"), ("pd", "import pandas as pd"), ("Path", "from pathlib import Path"))
    lacking = "".join(f"{line}\n" for name, line in needed if name not in names)
    at = _first_import(tree)
    _write(path, "".join([*lines[:at], lacking, *lines[at:end], text, *lines[end:]]))


def _first_import(tree: ast.Module) -> int:
    """Lines before the place of a new import: the first one that is no `from __future__`, else after the docstring."""
    for node in tree.body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            return node.lineno - 1
    head = [node for node in tree.body if isinstance(node, ast.ImportFrom | ast.Expr)]
    return (head[-1].end_lineno or 0) if head else 0


def _tier_text(tier: str, sizes: Mapping[str, int], arguments: Mapping[str, Any]) -> str:
    functions = "\n\n".join(
        textwrap.dedent(inspect.getsource(function))
        for function in (thinning.class_quotas, thinning.kept_rows, thinning.keep_tier)
    )
    given = "".join(f"        {name}={_literal(value)},\n" for name, value in {**sizes, **arguments}.items())
    return (
        f"\n\n# From here on: the tier {tier}, the same competition with fewer rows.\n\n\n{functions}\n\n"
        "def prepare(raw: Path, public: Path, private: Path) -> None:\n"
        '    """Write the files of the whole competition, then keep the rows of the tier."""\n'
        f"    {_WHOLE}(raw, public, private)\n"
        f"    keep_tier(\n        public,\n        private,\n{given}    )\n"
    )


def _literal(value: Any) -> str:
    """A JSON value in Python, texts in double quotes."""
    return repr(value) if isinstance(value, bool | int | float | None) else json.dumps(value, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    parse_module(text, path.name)
    path.write_text(text, encoding="utf-8", newline="\n")
