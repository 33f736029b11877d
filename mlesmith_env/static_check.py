"""Light findings on code that was written but not run: syntax, and the mistakes that cost a run to notice."""

from __future__ import annotations

import ast
import re
import warnings

from generators.parsing import parse_module

_ABSOLUTE = re.compile(r"(?:/(?:[\w.-]+/)+[\w.-]*|/[\w-]+\.\w+|[A-Za-z]:[\\/].+|~/.*)")
_FAR = "private/"


def check_code(path: str, code: str) -> list[str]:
    """Findings on one file, each a sentence with its line; empty where nothing was seen. Only Python is looked at."""
    if not path.endswith(".py"):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parse_module(code)
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        where = f"line {error.lineno or 0}: " if error.args[1:] else "Python cannot read it: "
        return [f"{where}{error.msg}{f': {line.strip()[:120]}' if line.strip() else ''}"]
    except ValueError as error:
        return [f"Python cannot read it: {error or type(error).__name__}"]
    return _findings(tree)


def _findings(tree: ast.Module) -> list[str]:
    findings, names_submission = [], False
    texts = _docstrings(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in texts:
            continue
        text = node.value
        names_submission = names_submission or "submission" in text
        if _ABSOLUTE.fullmatch(text.strip()):
            findings.append(f"line {node.lineno}: {text[:80]!r} is an absolute path; the data is in ./public/")
        elif text.startswith(("../", _FAR)):
            findings.append(f"line {node.lineno}: {text[:80]!r} is outside the workspace; the data is in ./public/")
    if not names_submission:
        findings.append("nothing here names a submission file; predictions count once they are in ./submission.csv")
    return findings


def _docstrings(tree: ast.Module) -> set[int]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
    return found
