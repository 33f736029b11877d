"""The assertions on a package, made once for the same files: a role that works until they hold asks for them, and the
verdict that follows does so again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from generators.finding import CheckResult
from generators.verification.assertions import assert_package
from generators.verification.layout import FileFact, file_stamps, list_files

_KEPT = 8
"""Packages whose results are kept."""

PackageState = tuple[str, dict[str, FileFact], dict[str, str], str, dict[str, str]]


class _Memory:
    """Results by the folder of the package, with the state of its files that they belong to. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[PackageState, tuple[CheckResult, ...]]] = OrderedDict()

    def get(self, state: PackageState) -> tuple[CheckResult, ...] | None:
        with self._lock:
            known, results = self._kept.get(state[0], (None, ()))
            return results if known == state else None

    def put(self, state: PackageState, results: tuple[CheckResult, ...]) -> None:
        with self._lock:
            self._kept.pop(state[0], None)
            self._kept[state[0]] = state, results
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


_memory = _Memory()


def assertions_on(root: Path, raw: Path | None) -> tuple[CheckResult, ...]:
    """What `assert_package` gives. Where neither the package nor the raw data have been touched since this process last
    asked, what it gave then. Raises `SandboxError`."""
    state = state_of(root, raw)
    known = _memory.get(state)
    if known is not None:
        return known
    results = assert_package(root, raw)
    if state_of(root, raw) == state:
        _memory.put(state, results)
    return results


def state_of(root: Path, raw: Path | None) -> PackageState:
    """What tells whether anything in a package, or in the raw data, has been touched."""
    beside = {} if raw is None else file_stamps(raw)
    return str(root), list_files(root), file_stamps(root), str(raw or ""), beside
