"""The agent's side of a sandbox: its code, its edits, and the submission it leaves.

What the agent asks for and cannot have is a `Refused` value; a `SandboxError` passes through untouched.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from mlesmith_env.actions import MAX_CODE_CHARS, FixCode, RunCode
from sandboxes.errors import SandboxLostError
from sandboxes.sandbox import Collected, CollectStatus, ExecutionResult, Sandbox

SUBMISSION = "submission.csv"
_AGENTS_FAULT = (ValueError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


@dataclass(frozen=True, slots=True)
class Refused:
    """Something asked for that cannot be done, and why, written for the agent."""

    reason: str
    absent: bool = False
    """Whether it is refused only because there is no such file."""


@dataclass(frozen=True, slots=True)
class Source:
    """Code with the file it lies in; `path` is empty for code that was run without one."""

    path: str
    code: str


class Workspace:
    """The files and the session of one episode."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._last: Source | None = None
        self._seen: tuple[CollectStatus, int, int] | None = None

    def over(self, sandbox: Sandbox) -> Workspace:
        """The same memory of what was run and seen, over a fork of the sandbox."""
        other = copy.copy(self)
        other.sandbox = sandbox
        return other

    def write(self, path: str, code: str) -> Refused | None:
        """Write a file, which `fix_code` then means by default."""
        try:
            self.sandbox.write_file(path, code.encode())
        except _AGENTS_FAULT as error:
            return Refused(f"{path} cannot be written: {error}.")
        self._last = Source(path, code)
        return None

    def read(self, path: str) -> str | Refused:
        """The text of a file."""
        try:
            return self.sandbox.read_file(path, max_bytes=4 * MAX_CODE_CHARS).decode()
        except FileNotFoundError:
            return Refused(f"There is no file {path} in the workspace.", absent=True)
        except UnicodeDecodeError:
            return Refused(f"{path} is no text file.")
        except _AGENTS_FAULT as error:
            return Refused(f"{path} cannot be read: {error}.")

    def to_run(self, action: RunCode) -> Source | Refused:
        """The code that a run asks for."""
        if action.code is not None:
            self._last = Source("", action.code)
            return self._last
        assert action.path is not None
        code = self.read(action.path)
        if isinstance(code, Refused):
            return code
        self._last = Source(action.path, code)
        return self._last

    def fix(self, action: FixCode) -> Source | Refused:
        """The code after the change; nothing is changed where one edit does not match."""
        path = action.path if action.path is not None else (self._last.path if self._last else None)
        if path is None and action.code is None:
            return Refused("There is no code to change yet; write or run some first.")
        code = action.code if action.code is not None else self._edited(path or "", action)
        if isinstance(code, Refused):
            return code
        if not path:
            self._last = Source("", code)
            return self._last
        return self.write(path, code) or Source(path, code)

    def run(self, code: str, *, timeout_s: float, fresh: bool = False) -> ExecutionResult:
        """Run code in the session, in a new one where `fresh`.

        Raises `SandboxLostError` where the session ended by no doing of the code: what the agent had in it is gone.
        """
        if fresh:
            self.sandbox.restart()
        result = self.sandbox.execute(code, timeout_s=timeout_s)
        if result.machinery_failed:
            raise SandboxLostError(result.reason)
        return result

    def new_submission(self, *, max_bytes: int) -> Collected | None:
        """The submission, where there is one that was not there at the last look; None for none and for a stale one.

        A file is told by its size and time of change, so that a look costs no reading.
        """
        look = self.sandbox.collect(SUBMISSION, max_bytes=0)
        seen = None if look.status is CollectStatus.MISSING else (look.status, look.size, look.modified_ns)
        if seen == self._seen or seen is None:
            self._seen = seen
            return None
        self._seen = seen
        return self.sandbox.collect(SUBMISSION, max_bytes=max_bytes) if look.size else look

    @property
    def has_submission(self) -> bool:
        """Whether there was a submission file at the last look."""
        return self._seen is not None

    def _edited(self, path: str, action: FixCode) -> str | Refused:
        code: str | Refused = self.read(path) if path else (self._last.code if self._last else "")
        if isinstance(code, Refused):
            return code
        for place, edit in enumerate(action.edits or (), start=1):
            found = code.count(edit.old)
            if found != 1:
                how = "does not occur" if not found else f"occurs {found} times"
                return Refused(
                    f"Edit {place}: `old` {how} in {path or 'the code run last'}; it must occur exactly once, as it "
                    "stands there. Nothing was changed."
                )
            code = code.replace(edit.old, edit.new)
            if len(code) > MAX_CODE_CHARS:
                return Refused(f"Edit {place} makes the code longer than {MAX_CODE_CHARS:,} characters.")
        return code
