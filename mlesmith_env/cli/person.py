"""A person at the terminal, or behind a pipe, as an agent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

_HELP = """\
  i [TOPIC|PATH]   ask: overview, description, data, sample_submission, metric, leaderboard, history, budget, help;
                   or the path of a file, such as public/train.csv
  w [PATH]         write a file (solution.py); the code follows
  r [PATH]         run a file, or code that follows
  rf [PATH]        the same in a fresh session
  f [PATH]         replace the code of a file and run it; the code follows
  s                submit: the episode ends
  q                leave without submitting
Code ends with a line that holds only a dot; `@file.py` in its first line takes it from a file of yours.
A line that begins with { is taken as an action in JSON."""
_END = "."


class LeaveEpisode(Exception):  # noqa: N818 - a decision, not an error
    """The person wants no more, or their input has ended."""


class Person:
    """An agent whose actions are typed at the terminal, or come line by line from a pipe."""

    name = "person"

    def __init__(self, *, prompting: bool) -> None:
        self._prompting = prompting

    def begin(self) -> None:
        """Show how to play."""
        if self._prompting:
            typer.echo(_HELP)

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> Any:
        """Show what the environment said and read the next action. Raises `LeaveEpisode`."""
        del info
        typer.echo(f"\n{observation['text']}\n")
        while True:
            action = self._action(self._line("action (h for help)> ").strip())
            if action is not None:
                return action

    def _action(self, line: str) -> Any:
        """The action that a line begins; None where it says nothing."""
        if line.startswith("{"):
            return line
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        match word:
            case "i":
                return _question(rest or "overview")
            case "w":
                return {"type": "write_code", "path": rest or "solution.py", "code": self._code()}
            case "r" | "rf":
                what = {"path": rest} if rest else {"code": self._code()}
                return {"type": "run_code", "fresh": word == "rf", **what}
            case "f":
                return {"type": "fix_code", "path": rest or "solution.py", "code": self._code()}
            case "s":
                return {"type": "submit"}
            case "q":
                raise LeaveEpisode
            case "":
                return None
            case _:
                typer.echo(_HELP)
                return None

    def _code(self) -> str:
        lines: list[str] = []
        while (line := self._line("... ")) != _END:
            if not lines and line.startswith("@"):
                return self._file(line.removeprefix("@").strip())
            lines.append(line)
        return "\n".join(lines) + "\n"

    def _file(self, name: str) -> str:
        try:
            return Path(name).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            typer.echo(f"{name} cannot be read: {error}")
            return ""

    def _line(self, prompt: str) -> str:
        if self._prompting:
            sys.stdout.write(prompt)
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise LeaveEpisode
        return line.rstrip("\r\n")


def _question(what: str) -> dict[str, str]:
    from mlesmith_env.actions import TOPICS

    if what in TOPICS and what != "file":
        return {"type": "request_info", "topic": what}
    return {"type": "request_info", "topic": "file", "path": what}
