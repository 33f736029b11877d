"""Python text to syntax trees: the one place where this package's processes parse.

Before Python 3.11.8 and 3.12.2 all threads share the depth that the interpreter counts while it builds a tree
(gh-106905). A collection of garbage in the middle lets another thread start its own tree, and the first one then fails
with a `SystemError`, though its text is sound. Pipelines and episodes run in threads, so trees are built one at a time.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# a finalizer that the collector runs amid a tree may parse as well, in the thread that holds the lock
_LOCK = threading.RLock()


def parse_module(text: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """The tree of a file's text. Raises `SyntaxError` and `ValueError` as the language does, `SyntaxError` also for a
    text that is nested too deeply for a tree."""
    with _one_at_a_time():
        return ast.parse(text, filename=filename)


def parse_expression(text: str) -> ast.expr:
    """The tree of one expression. Raises as `parse_module` does."""
    with _one_at_a_time():
        return ast.parse(text, mode="eval").body


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with _LOCK:
        try:
            yield
        except (RecursionError, MemoryError):  # the parser's stack has an end, where the language names none
            raise SyntaxError("nested too deeply") from None
