"""An episode with what it runs on: its sandbox and its record."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from generators.competitions.grading import prewarm
from mlesmith_env import branching, information, observations
from mlesmith_env.episode import AnyAction, Episode
from mlesmith_env.origin import Origin
from mlesmith_env.recording import end_record, open_record
from mlesmith_env.settings import Settings
from mlesmith_env.snapshots import Snapshot
from mlesmith_env.turn import Turn
from sandboxes.errors import MLESmithError, SandboxError

if TYPE_CHECKING:
    from mlesmith_env.trajectory import TrajectoryWriter
    from sandboxes.kernels.spares import Spares
    from sandboxes.sandbox import Sandbox


class RunningEpisode:
    """Owns the sandbox and the record of an episode; both are closed with its last step."""

    def __init__(self, episode: Episode, settings: Settings, *, sandbox_s: float = 0.0) -> None:
        """Opens the record. Raises `OSError` where it cannot be written; the sandbox is closed then."""
        self.episode = episode
        self.sandbox: Sandbox | None = episode.workspace.sandbox
        """None once the episode is over."""
        self.sandbox_s = sandbox_s
        """Seconds that it took to bring the sandbox up."""
        self._settings = settings
        self._writer: TrajectoryWriter | None = None
        try:
            self._writer = open_record(settings, episode)
        except BaseException:
            self._close_sandbox()
            raise
        self.record_path = self._writer.path if self._writer else None
        """Where the record lies; None where none is kept."""

    @classmethod
    def begin(
        cls,
        settings: Settings,
        task: str,
        *,
        tier: str | None,
        seed: int,
        name: str,
        group_id: str,
        sandbox_seed: int,
        spares: Spares | None = None,
    ) -> RunningEpisode:
        """The start of an episode. `seed`: of the reset. Raises what `MLESmithEnv.reset` raises."""
        competition = settings.resolve(task, tier)
        rules = settings.rules(competition.card)
        opening = observations.clip(information.overview(competition, rules), rules.observation_chars)
        starting = time.perf_counter()
        sandbox = settings.start_sandbox(competition, rules, seed=sandbox_seed, spares=spares)
        sandbox_s = time.perf_counter() - starting
        origin = Origin(
            task=task,
            tier=tier,
            seed=seed,
            task_id=competition.card.id,
            episode_id=name,
            group_id=group_id,
            opening=opening,
            isolation=sandbox.report.level.value,
            network=sandbox.report.network,
        )
        try:
            episode = Episode(competition, sandbox, rules, origin)
            with contextlib.suppress(SandboxError):  # grading itself will fail as well, and be told
                prewarm(competition.root)
        except BaseException:
            sandbox.close()
            raise
        return cls(episode, settings, sandbox_s=sandbox_s)

    @classmethod
    def at(cls, snapshot: Snapshot, settings: Settings, *, seed: int, group_id: str) -> RunningEpisode:
        """An episode that goes on from a snapshot. Raises `SandboxError` where it cannot be forked, `OSError`."""
        starting = time.perf_counter()
        episode = snapshot.branch(seed, group_id=group_id)
        return cls(episode, settings, sandbox_s=time.perf_counter() - starting)

    @property
    def over(self) -> bool:
        """Whether the episode has ended or was left."""
        return self.sandbox is None

    @property
    def text(self) -> str:
        """What the agent read last."""
        turns = self.episode.turns
        return turns[-1].shown if turns else self.episode.origin.opening

    def play(self, action: AnyAction) -> Turn:
        """Do an action and record it. A record that cannot be written ends the episode as a failure of ours."""
        started = time.perf_counter()
        turn = self.episode.play(action)
        if turn.done:
            self._close_sandbox()
        turn.timing["total_s"] = time.perf_counter() - started
        return self._recorded(turn)

    def fail(self, error: MLESmithError) -> Turn:
        """End the episode as no verdict on the agent, because something outside of it failed; recorded like a step."""
        turn = self.episode.fail(error)
        self._close_sandbox()
        return self._recorded(turn)

    def _recorded(self, turn: Turn) -> Turn:
        try:
            self._record(turn)
        except OSError as error:
            self._writer = self.record_path = None
            self.episode.void(turn, SandboxError(f"the record cannot be written: {error}"))
            self._close_sandbox()
        return turn

    def fork(self, n: int, seeds: Sequence[int] | None) -> list[Self]:
        """`n` branches, each with a record of its own; see `branching.fork`. Also raises `OSError`."""
        episodes = branching.fork(self.episode, n, seeds)
        branches: list[Self] = []
        try:
            for episode in episodes:
                branches.append(type(self)(episode, self._settings))  # noqa: PERF401 - a failure has to know them
        except BaseException:
            for branch in branches:
                branch._discard()
            for episode in episodes[len(branches) :]:
                episode.workspace.sandbox.close()
            raise
        return branches

    def leave(self) -> None:
        """End the session and the record. Idempotent."""
        if self._writer is not None and not self.episode.done:
            end_record(self._writer, self.episode, finished=False)
        self._close_sandbox()

    def _record(self, turn: Turn) -> None:
        if self._writer is not None:
            self._writer.step(turn)
            if turn.done:
                end_record(self._writer, self.episode, finished=True)

    def _discard(self) -> None:
        if self._writer is not None:
            self._writer.discard()
        self._close_sandbox()

    def _close_sandbox(self) -> None:
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            sandbox.close()
