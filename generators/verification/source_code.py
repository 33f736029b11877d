"""What the code of a package says without being run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generators.parsing import parse_module

# fmt: off
_NETWORK_AND_PROCESSES = frozenset(
    {
        "aiohttp", "asyncio", "boto3", "concurrent", "ctypes", "fsspec", "ftplib", "gcsfs", "http", "httpx",
        "huggingface_hub", "imaplib", "kaggle", "kagglehub", "multiprocessing", "openml", "poplib", "pty",
        "requests", "s3fs", "smtplib", "socket", "socketserver", "ssl", "subprocess", "telnetlib", "urllib",
        "urllib3", "webbrowser", "wget", "xmlrpc",
    }
)
# fmt: on
_HARMLESS = frozenset({"urllib.parse"})
_BUILTIN_CALLS = frozenset({"eval", "exec", "compile", "__import__", "breakpoint", "input"})
_PROCESS_CALLS = ("os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.kill", "os.putenv")
_REMOVALS = frozenset({"rmtree", "remove", "unlink", "rmdir", "rename", "replace", "move", "write_text", "write_bytes"})
_URLS = ("http://", "https://", "ftp://", "s3://", "gs://", "hf://")


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file. `tree` is empty where the text is no Python; `error` says why."""

    tree: ast.Module
    error: str = ""

    def function(self, name: str) -> ast.FunctionDef | None:
        """The function of that name at the top of the file."""
        found = [node for node in self.tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        return found[-1] if found else None

    def classes(self) -> tuple[ast.ClassDef, ...]:
        """The classes at the top of the file."""
        return tuple(node for node in self.tree.body if isinstance(node, ast.ClassDef))


def parse_source(path: Path) -> Source:
    """The parsed file; a file that is no Python or not there gives a source with an error."""
    try:
        return Source(parse_module(path.read_bytes(), path.name))
    except (OSError, SyntaxError, ValueError) as error:
        return Source(ast.Module([], []), f"{path.name}: {error}")


def parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    """Names of the parameters that a caller may pass by keyword, in order."""
    arguments = function.args
    return tuple(argument.arg for argument in (*arguments.args, *arguments.kwonlyargs))


def methods(definition: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """The methods that a class defines itself."""
    return {node.name: node for node in definition.body if isinstance(node, ast.FunctionDef)}


def forbidden_uses(source: Source) -> tuple[str, ...]:
    """Network, processes, dynamic code and changes to `raw` that can be seen in the text, each with its line.

    What cannot be seen is still kept off by the isolated process; this says early, and by line, what it would be.
    """
    found = sorted(_forbidden(source.tree))
    return tuple(f"line {line}: {what}" for line, what in found)


def _forbidden(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_denied(alias.name):
                    yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            module = node.module or "."
            if node.level:
                yield node.lineno, "a relative import (the file must stand alone)"
            elif _is_denied(module):
                yield node.lineno, f"from {module} import"
        elif isinstance(node, ast.Call):
            what = _forbidden_call(node)
            if what:
                yield node.lineno, what


def _is_denied(module: str) -> bool:
    return module not in _HARMLESS and module.split(".", maxsplit=1)[0] in _NETWORK_AND_PROCESSES


def _forbidden_call(call: ast.Call) -> str:
    name = ast.unparse(call.func)
    last = name.rsplit(".", 1)[-1]
    if name in _BUILTIN_CALLS or name.startswith(_PROCESS_CALLS):
        return f"{name}()"
    if last.startswith("fetch_"):
        return f"{name}() fetches from a network"
    if last in _REMOVALS and _changes_raw(call):
        return f"{name}() on raw"
    texts = (argument.value for argument in call.args if isinstance(argument, ast.Constant))
    if any(isinstance(text, str) and text.lower().startswith(_URLS) for text in texts):
        return f"{name}() of an address on a network"
    return ""


def _changes_raw(call: ast.Call) -> bool:
    """Whether a removing call is about `raw`: its receiver is a path made from raw, or its first argument is.

    Text methods named alike (`str.replace`) have other receivers, and what is only copied from raw comes second.
    """
    concerned: list[ast.expr] = list(call.args[:1])
    if isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, ast.Call):
        concerned.append(call.func.value)
    return any(_is_raw_path(expression) for expression in concerned)


def _is_raw_path(expression: ast.expr) -> bool:
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Div):
        return _is_raw_path(expression.left)
    return isinstance(expression, ast.Name) and expression.id == "raw"
