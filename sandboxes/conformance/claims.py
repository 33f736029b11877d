"""What the clauses are written with: limits and public data to check against, and claims that name what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import Sandbox, SandboxFactory

LIMITS = Limits(wall_s=20.0, memory_mib=1024, file_mib=8, disk_mib=32, files=200, output_chars=2_000)
PUBLIC_TEXT = b"id,x\n1,2\n"

Clause = Callable[[Sandbox], None]
"""Checks a running sandbox; leaves it usable, not as it was."""


def hold(clause: str, holds: object, found: object = "") -> None:
    """Raise `AssertionError` with the clause and what was found where it does not hold."""
    if not holds:
        raise AssertionError(f"{clause}; found {found!r}" if found != "" else clause)


def refuses(clause: str, action: Callable[[], object], kind: type[Exception]) -> None:
    """Raise `AssertionError` with the clause where an action does not raise an error of that kind."""
    try:
        found = action()
    except kind:
        return
    except Exception as error:
        raise AssertionError(f"{clause}; it raised {type(error).__name__}: {error}") from error
    raise AssertionError(f"{clause}; it gave {found!r}")


def prints(clause: str, sandbox: Sandbox, code: str, expected: str) -> None:
    """Raise `AssertionError` with the clause where code does not run to its end and print the expected line."""
    found = sandbox.execute(code)
    hold(clause, found.ok and found.stdout == f"{expected}\n", found)


@contextmanager
def started(factory: SandboxFactory, public: Path, *, limits: Limits = LIMITS, seed: int = 0) -> Iterator[Sandbox]:
    """A running sandbox, closed at the end."""
    sandbox = factory(public=public, limits=limits, seed=seed)
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.close()


@contextmanager
def forked(sandbox: Sandbox, n: int, seeds: list[int] | None = None) -> Iterator[list[Sandbox]]:
    """Branches of a sandbox, closed at the end."""
    try:
        branches: list[Sandbox] = sandbox.fork(n, seeds=seeds)
    except SandboxError as error:
        raise AssertionError(f"fork gives running sandboxes in the same state; it raised {error}") from error
    try:
        hold("fork gives as many sandboxes as were asked for", len(branches) == n, len(branches))
        yield branches
    finally:
        for branch in branches:
            branch.close()
