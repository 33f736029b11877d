"""The environment: one competition, one sandbox, five actions."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from mlesmith_env import actions, information, observations, prompt
from mlesmith_env.episode import Episode
from mlesmith_env.info import build_info
from mlesmith_env.settings import RENDER_MODES, RenderMode, Settings, as_names, as_path, one_of
from mlesmith_env.spaces import ActionSpace, ObservationSpace
from mlesmith_env.turn import Feedback, Rules, Turn
from sandboxes.errors import SandboxError
from sandboxes.gpus import Gpus
from sandboxes.sandbox import IsolationLevel, Sandbox, SandboxFactory, SandboxReport

if TYPE_CHECKING:
    from generators.competitions.package import Competition
    from mlesmith_env.trajectory import TrajectoryWriter

_OPTIONS = ("task", "group_id")


class MLESmithEnv(gym.Env[dict[str, Any], Any]):
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
    `isolation` (level of the sandbox), `network` (whether code can reach one).

    ## Rewards
    `delta` (default): gains of the best public normalised score, and on the last step what leads to the private one,
    so that an episode's rewards sum to its final private normalised score. Others: see `mlesmith_env.rewards`. Where
    the machinery or the competition fails the reward is 0 and `info["mask_sample"]` is true: no verdict on the agent.

    ## Starting State
    A new sandbox with the public data in `./public/` and nothing else; the first text describes the competition. The
    same seed gives the same text in any process.

    ## Episode End
    `terminated`: submitted. `truncated`: steps or seconds spent, or the machinery or the competition failed.

    ## Arguments
    All are plain JSON, so that `env.spec.to_json()` works (but for a `SandboxFactory` given as `sandbox`).
    - `task`: path of a competition, `pool:<id>` or `builtin:<name>`; without one, `pool` (a folder) and `curriculum`
      (`uniform`, `round-robin`) choose at each reset, from the seed. `reset(options={"task": ...})` overrides both.
    - `max_steps`, `run_s`: steps of an episode, seconds of one run; by default the competition's own budget.
    - `max_seconds`: wall-clock seconds of an episode; no bound by default.
    - `feedback`: `none`, `validity`, `public` (default) or `private`: what the agent is told of its submissions.
    - `reward`: name of the reward function.
    - `sandbox`, `isolation`, `min_isolation`: where code runs, the level of isolation, the weakest one accepted.
    - `network`: whether code can reach the host's network, its loopback included; off by default, and said in every
      record.
    - `gpus`: the GPUs that code may use: none by default, `all`, or a list of numbers as in `/dev/nvidia0`.
    - `limits`: further bounds on the sandbox by the names of `sandboxes.limits.Limits`, such as `memory_mib`.
    - `python`: path of another interpreter, or of a virtual environment, for the agent's session: Python 3.11 or newer
      with ipykernel, the rest as you like. By default our own.
    - `preload`: names of the modules that are loaded before an episode begins, in place of the usual list.
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
        max_steps: int | None = None,
        max_seconds: float | None = None,
        run_s: float | None = None,
        feedback: Feedback = "public",
        reward: str = "delta",
        sandbox: str | SandboxFactory = "local",
        isolation: str = "auto",
        min_isolation: str = IsolationLevel.LANDLOCK.value,
        network: bool = False,
        gpus: Gpus = None,
        limits: Mapping[str, Any] | None = None,
        python: str | Path | None = None,
        preload: Sequence[str] | None = None,
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
            max_steps=max_steps,
            max_seconds=max_seconds,
            run_s=run_s,
            feedback=feedback,
            reward=reward,
            sandbox=sandbox,
            isolation=isolation,
            min_isolation=min_isolation,
            network=network,
            gpus=gpus if gpus is None or isinstance(gpus, str) else list(gpus),
            limits=dict(limits or {}),
            python=as_path(python),
            preload=as_names("preload", preload),
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
        self._episode: Episode | None = None
        self._sandbox: Sandbox | None = None
        self._writer: TrajectoryWriter | None = None
        self._place = 0
        self._opening = ""
        self._isolation = ""
        self._network = False
        self._ids = {"task_id": "", "episode_id": "", "group_id": ""}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode. `options`: `task` (overrides the argument) and `group_id` (a name kept in the records).

        Raises `ValueError` for a task or option that means nothing, `CompetitionError` for a broken package,
        `SandboxError` where no sandbox could be brought up, `OSError` where no record can be kept.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        _check_options(options)
        started = time.perf_counter()
        self._leave()
        episode_seed = int(self.np_random.integers(2**31)) if seed is None else seed
        pick, name, sandbox_seed = (int(n) for n in np.random.default_rng(episode_seed).integers(2**31, size=3))
        task = self._choose(options.get("task"), pick, seeded=seed is not None)
        competition = self.settings.resolve(task)
        rules = self.settings.rules(competition.card)
        self._ids = {
            "task_id": competition.card.id,
            "episode_id": f"{name:08x}",
            "group_id": str(options.get("group_id", "")),
        }
        starting = time.perf_counter()
        self._sandbox = self.settings.start_sandbox(competition, rules, seed=sandbox_seed)
        report = self._sandbox.report
        self._isolation, self._network = report.level.value, report.network
        sandbox_s = time.perf_counter() - starting
        self._episode = Episode(competition, self._sandbox, rules)
        self._opening = observations.clip(information.overview(competition, rules), rules.observation_chars)
        try:
            self._open_record(task, episode_seed)
        except BaseException:
            self._leave()
            self._episode = None
            raise
        timing = {"total_s": time.perf_counter() - started, "sandbox_s": sandbox_s, "grade_s": 0.0}
        self._show(self._opening)
        return self._observation(self._opening), self._info(None, timing)

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Do one action. Nothing an agent gives makes it raise; `ResetNeeded` where no episode is running."""
        episode = self._playing()
        started = time.perf_counter()
        turn = episode.play(actions.parse_action(action))
        if turn.done:
            self._close_sandbox()
        turn.timing["total_s"] = time.perf_counter() - started
        try:
            self._record(turn)
        except OSError as error:
            self._writer = None
            episode.void(turn, SandboxError(f"the record cannot be written: {error}"))
            self._close_sandbox()
        self._show(turn.shown)
        info = self._info(turn, turn.timing)
        return self._observation(turn.shown), turn.reward, turn.terminated, turn.truncated, info

    def render(self) -> str | None:
        """The last text for `ansi`; `human` has printed it already."""
        if self.render_mode != "ansi":
            return None
        return self.history[-1].shown if self.history else self._opening

    def close(self) -> None:
        """End the session and close the record. Idempotent."""
        self._leave()

    @property
    def competition(self) -> Competition:
        """The competition of the current episode. Raises `ResetNeeded` before the first reset."""
        return self._current().competition

    @property
    def history(self) -> tuple[Turn, ...]:
        """Every step of the current episode, whole."""
        return tuple(self._episode.turns) if self._episode else ()

    @property
    def rules(self) -> Rules:
        """What the current episode is played by. Raises `ResetNeeded` before the first reset."""
        return self._current().rules

    @property
    def sandbox_report(self) -> SandboxReport | None:
        """What the running sandbox is; None where none runs."""
        return self._sandbox.report if self._sandbox else None

    @property
    def trajectory_path(self) -> Path | None:
        """The record of the current episode; None where none is kept."""
        return self._writer.path if self._writer else None

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
        from generators.competitions.package import package_digest

        return package_digest(self.competition.root)

    def _choose(self, named: str | Path | None, pick: int, *, seeded: bool) -> str:
        if named is not None:
            return os.fspath(named)
        choices = self.settings.choices()
        in_turn = self.settings.curriculum == "round-robin" and not seeded
        self._place = self._place + 1 if in_turn else pick
        return choices[self._place % len(choices)]

    def _open_record(self, task: str, seed: int) -> None:
        self._writer = None
        if self.settings.trajectory_dir is None:
            return
        from mlesmith_env.tasks import package_version
        from mlesmith_env.trajectory import TrajectoryWriter

        report = self.sandbox_report
        versions = {
            "mlesmith-env": package_version(),
            "gymnasium": gym.__version__,
            "python": platform.python_version(),
        }
        header = {
            **self._ids,
            "task": task,
            "task_digest": self.task_digest(),
            "seed": seed,
            "kwargs": self.settings.as_data(),
            "rules": asdict(self.rules),
            "versions": versions,
            "isolation": report.level.value if report else "",
            "network": report.network if report else False,
            "opening": self._opening,
        }
        name = f"{self._ids['task_id']}-{self._ids['episode_id']}"
        self._writer = TrajectoryWriter(Path(self.settings.trajectory_dir), name, header)

    def _record(self, turn: Turn) -> None:
        if self._writer is not None:
            self._writer.step(turn)
            if turn.done:
                self._end_record(finished=True)

    def _end_record(self, *, finished: bool) -> None:
        episode = self._episode
        if self._writer is None or episode is None:
            return
        last = episode.turns[-1] if episode.turns else None
        self._writer.end(finished=finished, total_reward=episode.ledger.paid, last=last, seconds=episode.seconds)

    def _observation(self, text: str) -> dict[str, Any]:
        episode = self._current()
        return {"text": text, "step": episode.step, "steps_left": episode.steps_left}

    def _info(self, turn: Turn | None, timing: Mapping[str, float]) -> dict[str, Any]:
        return build_info(
            self._current(), turn, ids=self._ids, isolation=self._isolation, network=self._network, timing=timing
        )

    def _current(self) -> Episode:
        if self._episode is None:
            raise ResetNeeded("call reset() first; it chooses the competition and starts the sandbox")
        return self._episode

    def _playing(self) -> Episode:
        episode = self._current()
        if episode.done or self._sandbox is None:
            raise ResetNeeded("this episode has ended; call reset() to start the next one")
        return episode

    def _show(self, text: str) -> None:
        if self.render_mode == "human":
            sys.stdout.write(f"{text}\n\n")
            sys.stdout.flush()

    def _leave(self) -> None:
        if self._episode is not None and not self._episode.done:
            self._end_record(finished=False)
        self._close_sandbox()

    def _close_sandbox(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()


def _check_options(options: Mapping[str, Any]) -> None:
    if "snapshot" in options:
        raise ValueError("snapshots need a sandbox that can be forked, which this version does not have")
    unknown = [str(name) for name in options if name not in _OPTIONS]
    if unknown:
        raise ValueError(f"unknown options {', '.join(unknown)}; reset takes {', '.join(_OPTIONS)}")
