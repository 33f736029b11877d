"""What every sandbox with a Jupyter kernel has in common, wherever it runs: files, runs, recovery, the end."""

from __future__ import annotations

import dataclasses
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from sandboxes.confinement.cgroups import Culprit
from sandboxes.confinement.confine import shields_supervisor
from sandboxes.errors import SandboxError, SandboxLostError, SandboxStartError
from sandboxes.kernels.branching import Branch, Unforkable
from sandboxes.kernels.messages import Transcript
from sandboxes.kernels.past import Past
from sandboxes.kernels.session import Ending, Session
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionResult, ExecutionStatus, IsolationLevel, SandboxReport
from sandboxes.sandbox_files import SandboxFiles
from sandboxes.script import describe_exit
from sandboxes.workspace import Workspace

_MIB = 1 << 20
_ANSWER_S = 10.0
_Made = TypeVar("_Made", bound="KernelSandbox")


class KernelSandbox(SandboxFiles, ABC):
    """A workspace with one persistent Python session in a confined process tree. Implements `Sandbox`.

    A backend says where the tree comes from (`_bring_up`), at what level (`_choose_level`) and what it is (`report`).
    `public` is a folder offered read-only as `public/`. `seed` fixes the state of `random` and `numpy.random` in every
    fresh session.
    """

    def __init__(self, *, public: Path | None, limits: Limits | None, seed: int) -> None:
        super().__init__(public=public, limits=limits)
        self._seed = seed
        self._level: IsolationLevel | None = None
        self._session: Session | None = None
        self._broken_off = False
        self._owner = os.getpid()
        self._past = Past()
        self._is_template = False
        self._forked: Literal["", "memory", "replay"] = ""
        self._fork_note = ""

    @property
    @abstractmethod
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""

    @abstractmethod
    def _choose_level(self) -> IsolationLevel:
        """The level to run at. Raises `IsolationError` or `SandboxStartError` where there is none."""

    @abstractmethod
    def _bring_up(self, level: IsolationLevel) -> tuple[Session, Workspace]:
        """A running session and the workspace it works in. Raises `SandboxStartError` or `OSError`."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Remove what `_bring_up` made on the host besides the session and the workspace. Idempotent."""

    @abstractmethod
    def _sibling(self, seed: int) -> Self:
        """A sandbox made as this one was, not started, with another seed."""

    def _fork_session(self, session: Session, seeds: Sequence[int | None]) -> list[Branch]:
        """The living session forked. Raises `Unforkable` where that cannot be done."""
        del session, seeds
        raise Unforkable("this backend forks no living session")

    def _fresh_session(self, session: Session) -> Branch:
        """A session without variables beside a template. Raises `SandboxStartError`."""
        raise SandboxStartError(f"this backend has no templates ({session})")

    def _quota_check(self) -> Any:
        """How to notice a full workspace while code runs; None where something else enforces the quota."""
        return None

    def _shields_supervisor(self, level: IsolationLevel) -> bool:
        """Whether foreign code cannot signal the process above it, so that its end is never that code's doing."""
        return shields_supervisor(level)

    def _files_die_with_the_tree(self, level: IsolationLevel) -> bool:
        """Whether a new process tree starts with an empty workspace."""
        return level is IsolationLevel.NAMESPACES

    def start(self) -> None:
        """Bring the session up. Idempotent while running.

        Raises `IsolationError` where the host cannot give the level asked for, `SandboxStartError` otherwise.
        """
        if self._session is not None:
            return
        self._past = Past()
        self._level = self._choose_level()
        self._owner = os.getpid()
        try:
            self._show_public()
            self._session, self._workspace = self._bring_up(self._level)
        except OSError as error:
            self.close()
            raise SandboxStartError(f"the sandbox cannot be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def execute(self, code: str, *, timeout_s: float | None = None) -> ExecutionResult:
        """Run `code`; see `Sandbox.execute`."""
        session = self._running()
        started = time.monotonic()
        allowed = self.limits.wall_s if timeout_s is None else min(timeout_s, self.limits.wall_s)
        if self._broken_off or session.died():
            culprit = "" if self._broken_off else session.memory_culprit()
            ours = not self._broken_off and self._is_ours(session, culprit)
            self._replace()
            reason = "The session had ended before this code was run, so it was not run; a fresh session is ready."
            if culprit:
                reason = f"{self._memory_sentence(culprit)} {reason}"
            return ExecutionResult(ExecutionStatus.KILLED, state_lost=True, machinery_failed=ours, reason=reason)
        if self._is_template:
            session = self._leave_template()
        transcript = Transcript(self.limits.output_chars)
        self._past.note(code, allowed)
        self._broken_off = True
        ending = session.execute(code, allowed, transcript, self._quota_check())
        self._broken_off = False
        seconds = time.monotonic() - started
        if ending is Ending.DONE and not transcript.aborted:
            return transcript.result(seconds)
        if ending is Ending.INTERRUPTED:
            reason = f"It ran longer than {allowed:g} s and was interrupted."
            return transcript.result(seconds, status=ExecutionStatus.TIMEOUT, reason=reason)
        status = ExecutionStatus.TIMEOUT if ending is Ending.STUCK else ExecutionStatus.KILLED
        culprit = session.memory_culprit() if ending is Ending.DIED else ""
        died = f"The session ended while the code ran: {describe_exit(session.exit_status)}."
        reason = {
            # a kernel of ours never says so: the code itself has forged the answer
            Ending.DONE: "The session refused to run the code, so it was replaced.",
            Ending.STUCK: f"It ran longer than {allowed:g} s and ignored the interrupt, so the session was replaced.",
            Ending.DIED: self._memory_sentence(culprit) if culprit else died,
            Ending.OVER_QUOTA: "The workspace grew beyond its quota, so the session was replaced.",
        }[ending]
        ours = ending is Ending.DIED and self._is_ours(session, culprit)
        self._replace()
        found = transcript.result(seconds, status=status, reason=reason, state_lost=True)
        return dataclasses.replace(found, machinery_failed=ours)

    def restart(self) -> None:
        """A fresh session in the same workspace. Raises `SandboxLostError` where there can be none."""
        self._running()
        self._replace()

    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        """`n` running sandboxes in the same state; see `Sandbox.fork`."""
        session = self._running()
        own = self._past.branch_seeds(self._seed, n, seeds)
        if self._broken_off or session.died():
            return _all(partial(self._fork_dead, one) for one in own)
        try:
            if self._is_template:
                session.tree.command("continue")
            branches = self._fork_session(session, own)
        except Unforkable as obstacle:
            return _all(partial(self._replay, one, str(obstacle)) for one in own)
        self._is_template = True
        return _all(partial(self._adopt, branch, one) for branch, one in zip(branches, own, strict=True))

    def _adopt(self, branch: Branch, seed: int) -> Self:
        other = self._sibling(seed)
        other._level = self._level
        other._session, other._workspace = branch.session, other._workspace_at(branch.workspace)
        other._show_public()
        other._past = self._past.copy()
        other._forked = "memory"
        return other

    def _fork_dead(self, seed: int) -> Self:
        """A branch of a sandbox whose session has ended unseen: the next execution says so in both."""
        other = self._started_sibling(seed)
        self._files().copy_to(other._files())
        other._broken_off = True
        other._forked, other._fork_note = "replay", "the session had ended"
        return other

    def _replay(self, seed: int, note: str) -> Self:
        """The recorded code run again in a fresh sandbox, with the files as they are now before and after it."""
        other = self._started_sibling(self._seed)
        try:
            self._files().copy_to(other._files())
            for code, timeout_s in self._past.runs:
                other.execute(code, timeout_s=timeout_s)
            other._running().ask("seed_request", {"seed": seed}, _ANSWER_S)
            other._files().resemble(self._files())
        except BaseException:
            other.close()
            raise
        other._seed = seed
        other._forked, other._fork_note = "replay", note
        return other

    def _started_sibling(self, seed: int) -> Self:
        other = self._sibling(seed)
        other.start()
        return other

    def _leave_template(self) -> Session:
        """A session to run code in: the template must not while it has branches, since it could reach them."""
        session = self._running()
        self._is_template = False
        if not session.tree.has_descendants:
            session.tree.command("resume")
            return session
        session.tree.command("continue")
        try:
            (branch,) = self._fork_session(session, [None])
        except Unforkable as obstacle:
            self._is_template = True
            raise SandboxLostError(f"the session cannot go on beside its branches: {obstacle}") from obstacle
        self._move_to(branch)
        return branch.session

    def _move_to(self, branch: Branch) -> None:
        session, files = self._running(), self._files()
        self._session, self._workspace = branch.session, self._workspace_at(branch.workspace)
        session.end()
        files.close()

    def close(self) -> None:
        """End every process and remove every file. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            session.end()
        self._close_files()
        self._clean_up()

    def _replace(self) -> None:
        """A fresh session in place of the current one, in the same workspace."""
        session, level = self._running(), self._level
        assert level is not None
        self._broken_off = False
        self._past.forget()
        if self._is_template and session.tree.has_descendants:
            try:
                self._move_to(self._fresh_session(session))
            except SandboxStartError as error:
                raise SandboxLostError(f"the session cannot be replaced: {error}") from error
            self._is_template = False
            return
        self._is_template = False
        try:
            session.restart()
        except SandboxLostError:
            session.end()
            old = self._files()
            try:
                self._session, self._workspace = self._bring_up(level)
            except SandboxStartError as error:
                raise SandboxLostError(f"the session is gone and cannot be replaced: {error}") from error
            if self._files_die_with_the_tree(level):
                old.copy_to(self._workspace)
            old.close()

    def _memory_sentence(self, culprit: Culprit) -> str:
        if culprit == "limit":
            return f"The code used more memory than its limit of {self.limits.memory_mib} MiB and was killed."
        return "This machine ran out of memory while the code was within its own limit, and killed it."

    def _is_ours(self, session: Session, culprit: Culprit) -> bool:
        """Whether a session ended by a failure of the machinery: without a cause in what its code did.

        The kernel may choose the process above the session when the code uses too much memory.
        """
        return culprit == "host" or (not culprit and self._supervisor_is_gone(session))

    def _supervisor_is_gone(self, session: Session) -> bool:
        """Whether a session that has ended went with the process above it, which its code cannot have ended."""
        return session.tree_is_gone and self._level is not None and self._shields_supervisor(self._level)

    def _running(self) -> Session:
        if self._session is None:
            raise SandboxError("the sandbox is not running: call start() first")
        if self._owner != os.getpid():
            raise SandboxError("the sandbox belongs to another process: a forked process must start its own")
        return self._session

    def _files(self) -> Workspace:
        self._running()
        assert self._workspace is not None
        return self._workspace


def _all(makers: Iterable[Callable[[], _Made]]) -> list[_Made]:
    """What all of them make, or nothing: after a failure the rest is made too, so that it can be closed."""
    made: list[_Made] = []
    failures: list[Exception] = []
    for make in makers:
        try:
            made.append(make())
        except (SandboxError, OSError) as error:
            failures.append(error)
    if failures:
        for one in made:
            one.close()
        raise SandboxError(f"the sandbox cannot be forked: {failures[0]}") from failures[0]
    return made
