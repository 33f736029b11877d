"""The conformance kit finds what it is for: a sandbox that breaks a clause fails with the name of that clause."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pytest

from sandboxes.conformance import check_files, check_sandbox
from sandboxes.conformance.forks import FORK_CLAUSES
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import Collected, CollectStatus, Sandbox, SandboxReport
from sandboxes.sandbox_files import open_folder
from sandboxes.scripted import ScriptedSandbox


class SharesFiles(ScriptedSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        branches = super().fork(n, seeds=seeds)
        for branch in branches:
            assert self._folder is not None
            assert branch._workspace is not None
            branch._workspace.close()
            branch._workspace = branch._workspace_at(open_folder(self._folder))
        return branches


class LosesTimes(ScriptedSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        branches = super().fork(n, seeds=seeds)
        for branch in branches:
            assert branch._folder is not None
            for path in branch._folder.rglob("*.txt"):
                os.utime(path)
        return branches


class SaysNothing(ScriptedSandbox):
    @property
    def report(self) -> SandboxReport:
        return dataclasses.replace(super().report, forked="")


class TakesAnyNumber(ScriptedSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        return super().fork(n, seeds=seeds) if n > 0 else []


class DiesWithItsParent(ScriptedSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        self.made = super().fork(n, seeds=seeds)
        return list(self.made)

    def close(self) -> None:
        for branch in getattr(self, "made", ()):
            branch.close()
        super().close()


class CollectsWhenClosed(ScriptedSandbox):
    def collect(self, path: str, *, max_bytes: int) -> Collected:
        try:
            return super().collect(path, max_bytes=max_bytes)
        except SandboxError:
            return Collected(CollectStatus.MISSING)


class CannotFork(ScriptedSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        raise SandboxError("no room")


def of(kind: Callable[..., Sandbox]) -> Callable[..., Sandbox]:
    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return kind([], public=public, limits=limits, seed=seed)

    return factory


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        (SharesFiles, "files of branches and parent are independent"),
        (LosesTimes, "with the same times of change"),
        (SaysNothing, "report.forked of a branch is memory or replay"),
        (TakesAnyNumber, r"fork\(0\) raises ValueError"),
        (DiesWithItsParent, "branches outlive their parent; it raised SandboxError"),
        (CollectsWhenClosed, "a closed branch refuses to be used"),
        (CannotFork, "fork gives running sandboxes in the same state; it raised no room"),
    ],
)
def test_a_broken_clause_about_files_is_named(kind: Callable[..., Sandbox], clause: str) -> None:
    with pytest.raises(AssertionError, match=clause):
        check_files(of(kind))


def test_a_backend_that_does_not_fork_is_checked_without() -> None:
    check_files(of(CannotFork), fork=False)


class ForgetsVariables(LocalSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        branches = super().fork(n, seeds=seeds)
        for branch in branches:
            branch.restart()
        return branches


class DrawsTheSame(LocalSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        return super().fork(n, seeds=[1] * n)


class SharesOneSession(LocalSandbox):
    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        return [self] * n


@pytest.mark.parametrize(
    ("kind", "check", "clause"),
    [
        (ForgetsVariables, "_branches_hold_the_same_session", "a branch holds the variables"),
        (DrawsTheSame, "_branches_draw_for_themselves", "without seeds each branch has another one"),
        (SharesOneSession, "_branches_hold_the_same_session", "independent after a fork"),
    ],
)
def test_a_broken_clause_about_a_forked_session_is_named(
    public: Path, kind: type[LocalSandbox], check: str, clause: str
) -> None:
    (broken,) = (each for each in FORK_CLAUSES if each.__name__ == check)
    with kind(public=public) as sandbox, pytest.raises(AssertionError, match=clause):
        broken(sandbox)


def test_a_session_that_reads_over_the_bound_is_named() -> None:
    class ReadsTooMuch(LocalSandbox):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            return super().read_file(path, max_bytes=1 << 30)

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return ReadsTooMuch(public=public, limits=limits, seed=seed)

    with pytest.raises(AssertionError, match="read_file refuses a file over max_bytes"):
        check_sandbox(factory)
