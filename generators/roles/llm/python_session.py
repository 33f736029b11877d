"""Python over read-only data, in the isolated sandbox: what a model writes never runs in a process of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field

from generators.roles.llm.capability import Arguments, Capability, Said
from generators.roles.llm.fencing import repeatable
from generators.roles.llm.session_ahead import SessionAhead
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionResult

SESSION_LIMITS = Limits(wall_s=60.0, memory_mib=4096, output_chars=8000)
"""What one piece of exploring code may take."""


class RunPython(Arguments):
    """Run Python code."""

    code: str = Field(min_length=1, max_length=20_000)


class PythonSession:
    """One living session over the folder `data`; close it, or use it in `with`.

    With the context it begins to come up, while the model is waited for; without one at its first use. Its end is not
    waited for either.
    """

    def __init__(self, data: Path, *, limits: Limits = SESSION_LIMITS) -> None:
        self._data = data
        self._limits = limits
        self._session = SessionAhead(data, limits)

    def __enter__(self) -> Self:
        self._session.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session; idempotent."""
        self._session.close()

    def capability(self, what: str) -> Capability:
        """The tool `run_python`; `what` says what lies in the folder."""
        return Capability(
            "run_python",
            f"Run Python in an isolated session without a network; variables stay between calls. {what} lies "
            f"read-only in ./public/. At most {self._limits.wall_s:g} s and {self._limits.memory_mib} MiB; pandas, "
            "numpy, scipy and scikit-learn are there. Print what you want to see.",
            RunPython,
            self.run,
        )

    def run(self, asked: RunPython) -> Said:
        """Output, value and error of the code. Raises `SandboxError` where the machinery fails."""
        sandbox, place = self._session.started()
        # where a session lies in a folder of this machine, no answer shows which
        return _said(sandbox.execute(asked.code), (place, str(self._data)))


def _said(result: ExecutionResult, places: tuple[str, str]) -> Said:
    # no seconds: the same code over the same data is to be answered with the same words
    note = f"The code ended with status {result.status.value}."
    if result.reason:
        note += f" {result.reason}"
    if result.state_lost:
        note += " The session was replaced: variables are gone."
    parts = [result.stdout, result.stderr, result.result, result.traceback]
    if result.error_name and not result.traceback:
        parts.append(f"{result.error_name}: {result.error_message}")
    output = "\n".join(part.rstrip("\n") for part in parts if part.strip())
    for place, shown in zip(places, ("/workspace", "/workspace/public"), strict=True):
        output = output.replace(place, shown) if place else output
    output = repeatable(output)
    return Said(note if output else f"{note} It printed nothing.", output)
