"""evaluate: an entrant plays each task a number of times, and every episode is kept as a line."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from generators.chat.messages import Usage
from generators.errors import BudgetSpent, CompetitionError
from mlesmith_env.agents.agent import account_of
from mlesmith_env.agents.entrants import Entrant
from mlesmith_env.evaluation import outcome
from mlesmith_env.evaluation.episode_threads import EpisodeThreads
from mlesmith_env.evaluation.episodes import EpisodeLog, EpisodeRecord, finished
from mlesmith_env.evaluation.summary import Summary, summarize
from sandboxes.errors import SandboxError

if TYPE_CHECKING:
    from mlesmith_env.agents.agent import Player
    from mlesmith_env.env import MLESmithEnv
    from mlesmith_env.rollout import RolloutStep

TRAJECTORIES = "trajectories"
_RECORDED_ELSEWHERE = ("trajectory_dir", "task", "render_mode")


@dataclass(frozen=True, slots=True)
class Plan:
    """One episode to be played."""

    entrant: Entrant
    task: str
    seed: int
    environment: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Names the episode in a file: readable first, then a digest of all that it hangs on."""
        who = {"agent": self.entrant.name, "model": self.entrant.model, "options": dict(self.entrant.options)}
        whole = json.dumps({**who, "task": self.task, "env": dict(self.environment)}, sort_keys=True, default=_name)
        digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
        return f"{self.entrant.name} {self.task} {self.seed} {digest}"


@dataclass(slots=True)
class Evaluation:
    """What came of an evaluation, in the order of its plan."""

    records: list[EpisodeRecord] = field(default_factory=list)
    stopped: str = ""
    """Why it ended before its plan was done; empty where it was."""
    planned: int = 0

    @property
    def summaries(self) -> list[Summary]:
        """Means over the episodes of each task."""
        return summarize(self.records)

    @property
    def failed(self) -> list[EpisodeRecord]:
        """Episodes that say nothing about the agent."""
        return [record for record in self.records if record.ending == "failed"]


def evaluate(
    tasks: Sequence[str | Path],
    entrant: Entrant,
    *,
    n: int = 1,
    seed: int = 0,
    workers: int = 1,
    out: Path | str | None = None,
    resume: bool = False,
    on_plan: Callable[[Sequence[Plan]], None] | None = None,
    on_episode: Callable[[EpisodeRecord, bool], None] | None = None,
    on_step: Callable[[Plan, RolloutStep], None] | None = None,
    **environment: Any,
) -> Evaluation:
    """Let `entrant` play `n` episodes of each task, with the seeds `seed`, `seed + 1`, ..., `workers` at a time.

    `out`: a folder for `episodes.jsonl`, a line an episode, and for the trajectories. With `resume` the episodes that
    it says are finished, under the same entrant, task, seed and arguments, are not played again; what failed or was
    stopped is. `environment`: arguments of the environment. `on_episode` is told of each episode and whether it was
    there before.

    A failure of the machinery, a provider or a competition ends that episode alone. Where a budget is spent
    (`BudgetSpent`), no further episode is begun, and `stopped` says why. Raises `ValueError` for a task, an argument or
    a folder that cannot be used, before anything is played, and what an agent that is no model raises.
    """
    if n < 1 or workers < 1:
        raise ValueError(f"n and workers must be at least 1, got {n!r} and {workers!r}")
    check_tasks(tasks, **environment)
    plans = [Plan(entrant, os.fspath(task), seed + i, environment) for task in tasks for i in range(n)]
    folder = Path(out) if out is not None else None
    log = _open(folder, resume=resume)
    run = _Run(plans, log, folder, on_episode, on_step)
    if on_plan is not None:
        on_plan(plans)
    return run.all(workers)


def check_tasks(tasks: Sequence[str | Path], **environment: Any) -> None:
    """Raise `ValueError` where there is no task, or one of them or an argument of the environment cannot be used, and
    `CompetitionError` for a package that is broken; a built-in competition is made here, where it was not yet."""
    from mlesmith_env.env import MLESmithEnv

    if not tasks:
        raise ValueError("no task to evaluate on; name at least one")
    wrong = [name for name in environment if name in _RECORDED_ELSEWHERE]
    if wrong:
        raise ValueError(f"{wrong[0]} is no argument of evaluate: it names the tasks, and `out` the folder, itself")
    for task in dict.fromkeys(os.fspath(task) for task in tasks):
        settings = MLESmithEnv(task, **environment).settings
        settings.resolve(task, settings.tier)


class _Run:
    """The plan being worked off by threads: an episode waits for models and sandboxes most of its time."""

    def __init__(
        self,
        plans: Sequence[Plan],
        log: EpisodeLog | None,
        folder: Path | None,
        on_episode: Callable[[EpisodeRecord, bool], None] | None,
        on_step: Callable[[Plan, RolloutStep], None] | None,
    ) -> None:
        self._plans = plans
        self._log = log
        self._folder = folder
        self._on_episode = on_episode
        self._on_step = on_step
        self._before = finished(log.records) if log else {}
        self._made: dict[int, EpisodeRecord] = {}
        self._stopped = ""
        self._stop = threading.Event()
        self._threads = EpisodeThreads()
        self._lock = threading.Lock()

    def all(self, workers: int) -> Evaluation:
        """Play what is not there yet."""
        self._threads.work_off(list(enumerate(self._plans)), self._one, workers)
        records = [self._made[place] for place in sorted(self._made)]
        return Evaluation(records, self._stopped, len(self._plans))

    def _one(self, planned: tuple[int, Plan]) -> None:
        if self._stop.is_set():
            return
        place, plan = planned
        known = self._before.get(plan.key)
        record = known or self._played(plan)
        if record is None or self._threads.interrupted:
            return
        if known is None and self._log is not None:
            self._log.add(record)
        with self._lock:
            self._made[place] = record
            if self._on_episode is not None:
                self._on_episode(record, known is not None)

    def _played(self, plan: Plan) -> EpisodeRecord | None:
        """The record of an episode that is played now; None where the evaluation was broken off meanwhile."""
        import gymnasium as gym

        from mlesmith_env.rollout import play

        base = {"key": plan.key, "task": plan.task, "agent": plan.entrant.name, "seed": plan.seed}
        base |= {"model": plan.entrant.model}
        player: Player | None = None
        started = time.perf_counter()
        kept = self._folder / TRAJECTORIES if self._folder else None
        env = gym.make(
            "mlesmith_env:MLESmith-v0",
            task=plan.task,
            trajectory_dir=str(kept) if kept else None,
            disable_env_checker=True,
            **plan.environment,
        )
        inner = cast("MLESmithEnv", env.unwrapped)
        try:
            player = plan.entrant.make(_root(plan), plan.seed)
            rollout = play(env, player, seed=plan.seed, on_step=lambda step: self._step(plan, step))
            return outcome.played(base, rollout, inner, self._folder)
        except _Broken:
            return None
        except BudgetSpent as spent:
            self._stopped = str(spent)
            self._stop.set()
            seconds = time.perf_counter() - started
            return outcome.stopped(base, spent, _usage(player), inner, self._folder, seconds=seconds)
        except (CompetitionError, SandboxError) as error:  # before the episode began: within it they are in the rollout
            kind = "competition" if isinstance(error, CompetitionError) else "infrastructure"
            said = f"{type(error).__name__}: {error}"
            return EpisodeRecord(**base, ending="failed", error_type=kind, error=said, usage=_usage(player))
        finally:
            env.close()

    def _step(self, plan: Plan, step: RolloutStep) -> None:
        if self._threads.broken.is_set():
            raise _Broken
        if self._on_step is not None:
            with self._lock:
                self._on_step(plan, step)


class _Broken(Exception):  # noqa: N818 - ends the other threads' episodes where one was interrupted
    """The evaluation was broken off."""


def _open(folder: Path | None, *, resume: bool) -> EpisodeLog | None:
    if folder is None:
        if resume:
            raise ValueError("resume needs the folder of the evaluation that is to go on; name it with out")
        return None
    log = EpisodeLog(folder)
    if log.records and not resume:
        raise ValueError(f"{log.path} holds {len(log.records)} episodes already; resume them, or name another folder")
    return log


def _root(plan: Plan) -> Path:
    """The folder of the competition, for agents that look at it before they play."""
    from mlesmith_env.tasks import load_task

    pool = plan.environment.get("pool")
    return load_task(plan.task, pool=Path(pool) if pool else None, tier=plan.environment.get("tier")).root


def _usage(player: Player | None) -> Usage:
    account = account_of(player) if player is not None else None
    return account.usage if account else Usage()


def _name(value: object) -> str:
    """What stands for a value that is no JSON, such as a sandbox factory: the same in another process."""
    return str(getattr(value, "__qualname__", None) or (value if isinstance(value, Path) else type(value).__qualname__))
