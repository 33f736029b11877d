"""What an environment tells of the episode that it plays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymnasium.error import ResetNeeded

from mlesmith_env import actions, prompt
from mlesmith_env.episode import Episode
from mlesmith_env.origin import Origin
from mlesmith_env.running import RunningEpisode
from mlesmith_env.turn import Rules, Turn
from sandboxes.sandbox import SandboxReport

if TYPE_CHECKING:
    from generators.competitions.package import Competition


class EpisodeViews:
    """The current episode as others may see it; nothing here changes it."""

    render_mode: str | None
    _running: RunningEpisode | None

    @property
    def competition(self) -> Competition:
        """The competition of the current episode. Raises `ResetNeeded` before the first reset."""
        return self._current().competition

    @property
    def history(self) -> tuple[Turn, ...]:
        """Every step of the current episode, whole."""
        return tuple(self._running.episode.turns) if self._running else ()

    @property
    def origin(self) -> Origin:
        """Where the current episode came from, its names among it. Raises `ResetNeeded` before the first reset."""
        return self._current().origin

    @property
    def rules(self) -> Rules:
        """What the current episode is played by. Raises `ResetNeeded` before the first reset."""
        return self._current().rules

    @property
    def sandbox_report(self) -> SandboxReport | None:
        """What the running sandbox is; None where none runs."""
        sandbox = self._running.sandbox if self._running else None
        return sandbox.report if sandbox else None

    @property
    def trajectory_path(self) -> Path | None:
        """The record of the current episode; None where none is kept."""
        return self._running.record_path if self._running else None

    def prompt(self) -> str:
        """Instructions for a language model: the task in general, the rules, the forms of an action. The first
        observation describes the competition itself. Raises `ResetNeeded` before the first reset."""
        rules = self._current().rules
        return prompt.instructions(
            feedback=rules.feedback, steps=rules.max_steps, run_s=rules.run_s, free_info=rules.free_info
        )

    def tools(self) -> list[dict[str, Any]]:
        """The actions as OpenAI tool definitions."""
        return actions.tools()

    def task_digest(self) -> str:
        """SHA-256 of the competition of the current episode."""
        return self._current().task_digest()

    def render(self) -> str | None:
        """The last text for `ansi`; `human` has printed it already."""
        if self.render_mode != "ansi":
            return None
        return self._running.text if self._running else ""

    def _observation(self, text: str) -> dict[str, Any]:
        episode = self._current()
        return {"text": text, "step": episode.step, "steps_left": episode.steps_left}

    def _show(self, text: str) -> None:
        if self.render_mode == "human":
            sys.stdout.write(f"{text}\n\n")
            sys.stdout.flush()

    def _current(self) -> Episode:
        if self._running is None:
            raise ResetNeeded("call reset() first; it chooses the competition and starts the sandbox")
        return self._running.episode

    def _playing(self) -> RunningEpisode:
        if self._current().done or self._running is None or self._running.over:
            raise ResetNeeded("this episode has ended; call reset() to start the next one")
        return self._running
