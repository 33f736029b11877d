"""The environment: one competition, one sandbox, five actions."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding

from mlesmith_env import action_reading, snapshots
from mlesmith_env.episode_views import EpisodeViews
from mlesmith_env.info import build_info
from mlesmith_env.running import RunningEpisode
from mlesmith_env.settings import RENDER_MODES, RenderMode, Settings, as_names, as_path, check_reset_options, one_of
from mlesmith_env.spaces import ActionSpace, ObservationSpace
from mlesmith_env.turn import Feedback, TierName, Turn
from sandboxes.confinement.gpus import Gpus
from sandboxes.errors import MLESmithError
from sandboxes.kernels.spares import Spares, hold, let_go
from sandboxes.sandbox import IsolationLevel, SandboxFactory


class MLESmithEnv(EpisodeViews, gym.Env[dict[str, Any], Any]):
    """A machine-learning competition as an episode: ask, write code, run it, fix it, submit.

    ## Description
    An agent works in a folder with one living Python session and the public data of a competition. Each run that
    leaves a new `submission.csv` has it checked and graded on the public part of the test rows, in another process
    that alone can read the answers. At the end the submission that counts is graded once on the private part.

    ## Action Space
    `ActionSpace`: `request_info`, `write_code`, `run_code`, `fix_code`, `submit`, each as a dict with its `type`, as
    JSON text, or as plain text with exactly one fenced block of Python, which is run. What cannot be read is answered
    with an advice, costs a step and never raises. `sample()` gives a harmless request for information.

    ## Observation Space
    `ObservationSpace`, a plain dict: `text` (at most `observation_chars` characters; what was cut is said, and is
    whole in `history`), `step`, `steps_left`. Nothing in it depends on the clock, but for the seconds left where
    `max_seconds` is set and the agent asks for its budget.

    `info` holds one constant type per key: `score`, `normalized_score`, `best_score` (floats, nan when unknown or
    hidden by the feedback tier; the private ones on the last step), `reward_terms`, `timing` (seconds), `budget`
    (dicts of floats), `outcome` (of grading), `status` (of the action), `error_type` (empty, `agent`, `competition`,
    `infrastructure`), `error`, `mask_sample`, `task_id`, `episode_id`, `group_id`, `action_type`, `feedback_tier`,
    `isolation` (level of the sandbox), `network` (whether code can reach one), `forked` (empty, `memory` or `replay`:
    how a branch got its session).

    ## Rewards
    `delta` (default): gains of the best public normalised score, and on the last step what leads to the private one,
    so that an episode's rewards sum to its final private normalised score. Others: see `mlesmith_env.rewards`. Where
    the machinery or the competition fails the reward is 0 and `info["mask_sample"]` is true: no verdict on the agent.

    ## Starting State
    A new sandbox with the public data in `./public/` and nothing else; the first text describes the competition. The
    same seed gives the same text in any process.

    ## Episode End
    `terminated`: submitted. `truncated`: steps or seconds spent, or the machinery or the competition failed.

    ## Forking
    `fork(n)` gives `n` environments that go on from the same step, each in a session of its own: for groups of
    rollouts from one state and for tree search. `snapshot()` keeps a state under a name, and
    `reset(options={"snapshot": name})` starts an episode in it, any number of times. Only the earlier steps' rewards
    are missing from what such an episode pays: they are in `history`. The random state of each branch is another one,
    and follows from the seeds.

    ## Arguments
    All are plain JSON, so that `env.spec.to_json()` works (but for a `SandboxFactory` given as `sandbox`).
    - `task`: path of a competition, `pool:<id>` or `builtin:<name>`; without one, `pool` (a folder) and `curriculum`
      (`uniform`, `round-robin`) choose at each reset, from the seed. `reset(options={"task": ...})` overrides both.
    - `tier`: the size in which the competition is played: `micro` (at most 200 training rows, steps of a second or
      less), `small` (2,000), `full`. One that is as small already stands for a tier. By default what `task` names;
      `reset(options={"tier": ...})` overrides it.
    - `max_steps`, `run_s`: steps of an episode, seconds of one run; by default the competition's own budget.
    - `max_seconds`: wall-clock seconds of an episode; no bound by default.
    - `feedback`: `none`, `validity`, `public` (default) or `private`: what the agent is told of its submissions.
    - `reward`: name of the reward function.
    - `sandbox`, `isolation`, `min_isolation`: where code runs, the level of isolation, the weakest one accepted.
    - `image`: for `sandbox="docker"`, one that `mlesmith sandbox build` made; by default the one it makes by default.
    - `network`: whether code can reach the host's network, its loopback included (in a container: the engine's own);
      off by default, and said in every record.
    - `gpus`: the GPUs that code may use: none by default, `all`, or a list of numbers as in `/dev/nvidia0`.
    - `limits`: further bounds on the sandbox by the names of `sandboxes.limits.Limits`, such as `memory_mib`.
    - `python`: path of another interpreter, or of a virtual environment, for the agent's session: Python 3.11 or newer
      with ipykernel, the rest as you like. By default our own.
    - `preload`: names of the modules that are loaded before an episode begins, in place of the usual list.
    - `spares`: sessions that this process keeps ready for the next resets of its environments (about 30 MiB each), from
      the second reset on; 0 keeps none. Level `namespaces` only.
    - `free_info`: requests for information that cost no step.
    - `observation_chars`: bound on the text of an observation.
    - `trajectory_dir`: folder for records of episodes; none are kept by default.
    - `render_mode`: `ansi` (`render()` returns the last text), `human` (each text is printed).

    ## Version History
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 1}  # noqa: RUF012 - gymnasium declares it so

    def __init__(
        self,
        task: str | Path | None = None,
        *,
        tier: TierName | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        run_s: float | None = None,
        feedback: Feedback = "public",
        reward: str = "delta",
        sandbox: str | SandboxFactory = "local",
        isolation: str = "auto",
        min_isolation: str = IsolationLevel.LANDLOCK.value,
        image: str | None = None,
        network: bool = False,
        gpus: Gpus = None,
        limits: Mapping[str, Any] | None = None,
        python: str | Path | None = None,
        preload: Sequence[str] | None = None,
        spares: int = 2,
        pool: str | Path | None = None,
        curriculum: str | None = None,
        free_info: int = 0,
        observation_chars: int = 8_000,
        trajectory_dir: str | Path | None = None,
        render_mode: RenderMode | None = None,
    ) -> None:
        one_of("render_mode", render_mode, (None, *RENDER_MODES))
        self.settings = Settings(
            task=as_path(task),
            tier=tier,
            max_steps=max_steps,
            max_seconds=max_seconds,
            run_s=run_s,
            feedback=feedback,
            reward=reward,
            sandbox=sandbox,
            isolation=isolation,
            min_isolation=min_isolation,
            image=image,
            network=network,
            gpus=gpus if gpus is None or isinstance(gpus, str) else list(gpus),
            limits=dict(limits or {}),
            python=as_path(python),
            preload=as_names("preload", preload),
            spares=spares,
            pool=as_path(pool),
            curriculum=curriculum,
            free_info=free_info,
            observation_chars=observation_chars,
            trajectory_dir=as_path(trajectory_dir),
        )
        """The arguments, checked."""
        self.render_mode = render_mode
        self.action_space = ActionSpace()
        self.observation_space = ObservationSpace(observation_chars)
        self._running = None
        self._place = 0
        self._snapshots: list[str] = []
        self._spares: Spares | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode.

        `options`: `task` and `tier` (override the arguments), `group_id` (a name kept in the records), `snapshot` (go
        on from the state of that name; the text is then the last one of that state). Raises `ValueError` for a task or
        option that means nothing, `CompetitionError` for a broken package, `SandboxError` where no sandbox could be
        brought up, `OSError` where no record can be kept.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        check_reset_options(options)
        snapshot = snapshots.find(options["snapshot"], self.settings) if "snapshot" in options else None
        started = time.perf_counter()
        self.leave()
        episode_seed = int(self.np_random.integers(2**31)) if seed is None else seed
        pick, name, sandbox_seed = (int(n) for n in np.random.default_rng(episode_seed).integers(2**31, size=3))
        group_id = str(options.get("group_id", ""))
        if snapshot is None:
            tier = options.get("tier", self.settings.tier)
            task = self._choose(options.get("task"), tier, pick, seeded=seed is not None)
            self._running = running = RunningEpisode.begin(
                self.settings,
                task,
                tier=tier,
                seed=episode_seed,
                name=f"{name:08x}",
                group_id=group_id,
                sandbox_seed=sandbox_seed,
                spares=self._held_spares(),
            )
        else:
            self._running = running = RunningEpisode.at(snapshot, self.settings, seed=sandbox_seed, group_id=group_id)
        timing = {"total_s": time.perf_counter() - started, "sandbox_s": running.sandbox_s, "grade_s": 0.0}
        self._show(running.text)
        return self._observation(running.text), build_info(running.episode, None, timing=timing)

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Do one action. Nothing an agent gives makes it raise; `ResetNeeded` where no episode is running."""
        running = self._playing()
        return self._after(running, running.play(action_reading.parse_action(action)))

    def fail(self, error: MLESmithError) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """End the running episode because what plays it failed, such as a model's provider (`ModelError`).

        Gives what `step` gives: reward 0, `truncated`, and `info["mask_sample"]`, for it is no verdict on the agent.
        The record holds the error once. Raises `ResetNeeded` where no episode is running.
        """
        running = self._playing()
        return self._after(running, running.fail(error))

    def _after(self, running: RunningEpisode, turn: Turn) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self._show(turn.shown)
        info = build_info(running.episode, turn, timing=turn.timing)
        return self._observation(turn.shown), turn.reward, turn.terminated, turn.truncated, info

    def close(self) -> None:
        """End the session, close the record, drop the snapshots made here. Idempotent."""
        self.leave()
        while self._snapshots:
            snapshots.drop(self._snapshots.pop())
        if self._spares is not None:
            self._spares = None
            let_go()
        self.settings.release()

    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        """`n` environments in the middle of the same episode; this one goes on, and all are independent from here on.

        Each has its own `episode_id` and record, the steps before the fork included, and is closed on its own. `seeds`
        (one for each) fix the random states in the sessions and of the environments; by default they follow from this
        episode, so that the same calls give the same branches. Where this episode has no `group_id`, all branches of
        one state get the same.

        The branches are bare environments. A wrapper that keeps nothing from a reset is put around one as it is; for
        those that do (`gym.make` adds some), take a `snapshot` and reset the wrapped environment to it.

        Raises `ResetNeeded` where no episode is running, `ValueError` where `n` is not positive or `seeds` does not fit
        it, `SandboxError` where the session cannot be forked, `OSError` where a record cannot be kept; nothing is left
        behind then, and this environment goes on.
        """
        return [self._around(branch) for branch in self._playing().fork(n, seeds)]

    def snapshot(self) -> str:
        """Keep the state of the running episode; gives the name for `reset(options={"snapshot": name})`.

        Every environment of this process with the same arguments can be reset to it, from several threads too. It holds
        a sandbox until `drop_snapshot`, or until this environment is closed; a reset of this one leaves it.

        Raises `ResetNeeded` where no episode is running, `ValueError` where too many are kept, `SandboxError` where the
        session cannot be forked.
        """
        self._snapshots.append(snapshots.take(self._playing().episode, self.settings))
        return self._snapshots[-1]

    def drop_snapshot(self, name: str) -> None:
        """Let a snapshot go; silent where it is gone already."""
        snapshots.drop(name)

    def _choose(self, named: str | Path | None, tier: str | None, pick: int, *, seeded: bool) -> str:
        if named is not None:
            return os.fspath(named)
        choices = self.settings.choices(tier)
        in_turn = self.settings.curriculum == "round-robin" and not seeded
        self._place = self._place + 1 if in_turn else pick
        return choices[self._place % len(choices)]

    def _around(self, branch: RunningEpisode) -> Self:
        """An environment like this one that plays a branch."""
        seed = branch.episode.origin.forks[-1].seed
        other = copy.copy(self)
        other.action_space = ActionSpace(seed=seed)
        other.observation_space = ObservationSpace(self.settings.observation_chars, seed=seed)
        other._np_random, other._np_random_seed = seeding.np_random(seed)
        other._running, other._snapshots, other._spares = branch, [], None
        return other

    def _held_spares(self) -> Spares | None:
        """The pool of this process, held until this environment is closed."""
        if self._spares is None and self.settings.spares and self.settings.sandbox == "local":
            self._spares = hold(self.settings.spares)
        return self._spares

    def leave(self) -> None:
        """End the episode where it stands, and its record with it; snapshots stay."""
        if self._running is not None:
            self._running.leave()
