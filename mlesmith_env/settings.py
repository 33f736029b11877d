"""What an environment was made with: checked once, kept as JSON data, turned into rules and sandboxes."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from mlesmith_env import observations, rewards
from mlesmith_env.spaces import MAX_STEPS
from mlesmith_env.turn import Feedback, Rules, TierName
from sandboxes.confinement.gpus import Gpus
from sandboxes.confinement.gpus import check as check_gpus
from sandboxes.interpreter import Interpreter
from sandboxes.kernels.spares import Spares
from sandboxes.limits import Limits
from sandboxes.sandbox import IsolationLevel, Sandbox, SandboxFactory

if TYPE_CHECKING:
    from generators.competitions.card import Card
    from generators.competitions.package import Competition

MAX_SPARES = 64
SANDBOXES = ("local", "docker")
_KEEP_S = 30.0
"""How long an emptied container waits for the next episode."""
CURRICULA = ("uniform", "round-robin")
RenderMode = Literal["human", "ansi"]
RENDER_MODES: tuple[str, ...] = get_args(RenderMode)
RESET_OPTIONS = ("task", "tier", "group_id", "snapshot")


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of the environment; see `MLESmithEnv`. Raises `ValueError` with advice for one that cannot be."""

    task: str | None
    tier: str | None
    max_steps: int | None
    max_seconds: float | None
    run_s: float | None
    feedback: Feedback
    reward: str
    sandbox: str | SandboxFactory
    isolation: str
    min_isolation: str
    image: str | None
    network: bool
    gpus: Gpus
    limits: Mapping[str, Any]
    python: str | None
    preload: tuple[str, ...] | None
    spares: int
    pool: str | None
    curriculum: str | None
    free_info: int
    observation_chars: int
    trajectory_dir: str | None

    def __post_init__(self) -> None:
        if self.max_steps is not None and not 1 <= self.max_steps <= MAX_STEPS:
            raise ValueError(f"max_steps must be between 1 and {MAX_STEPS}, got {self.max_steps!r}")
        for name, seconds in (("max_seconds", self.max_seconds), ("run_s", self.run_s)):
            if seconds is not None and not 0 < seconds < math.inf:
                raise ValueError(f"{name} must be a positive number of seconds or None, got {seconds!r}")
        one_of("feedback", self.feedback, get_args(Feedback))
        one_of("tier", self.tier, (None, *get_args(TierName)))
        one_of("curriculum", self.curriculum, (None, *CURRICULA))
        one_of("min_isolation", self.min_isolation, tuple(level.value for level in IsolationLevel))
        if isinstance(self.sandbox, str):
            one_of("sandbox", self.sandbox, SANDBOXES)
            Interpreter.named(self.python, self.preload)
        elif self.network or self.gpus is not None:
            raise ValueError("network and gpus are for sandboxes named by a word; a factory sets up its own")
        elif self.python is not None or self.preload is not None:
            raise ValueError("python= and preload= belong to sandbox='local'; a factory chooses its own interpreter")
        one_of("network", self.network, (False, True))
        check_gpus(self.gpus)
        if not 0 <= self.spares <= MAX_SPARES:
            raise ValueError(f"spares must be between 0 and {MAX_SPARES}, got {self.spares!r}")
        self._check_container()
        if self.free_info < 0:
            raise ValueError(f"free_info must not be negative, got {self.free_info!r}")
        if self.observation_chars < observations.MIN_CHARS:
            least = observations.MIN_CHARS
            raise ValueError(f"observation_chars must be at least {least}, got {self.observation_chars!r}")
        if self.curriculum is not None and self.pool is None:
            raise ValueError("curriculum chooses from a pool; name one with pool=")
        rewards.get_reward(self.reward)
        self.sandbox_limits(run_s=1.0)

    def _check_container(self) -> None:
        if self.sandbox != "docker":
            if self.image is not None:
                raise ValueError("image is an option of sandbox='docker'")
            return
        if self.python is not None:
            raise ValueError("a container has its own Python: leave python= out and build an image with what you need")
        if self.isolation not in ("auto", IsolationLevel.NAMESPACES):
            raise ValueError(f"a container gives isolation='namespaces', not {self.isolation!r}; leave it out")

    def rules(self, card: Card) -> Rules:
        """The rules of an episode of one competition, whose own budget holds where none was given."""
        return Rules(
            feedback=self.feedback,
            reward=self.reward,
            max_steps=self.max_steps or min(card.budget.steps, MAX_STEPS),
            max_seconds=self.max_seconds,
            run_s=float(self.run_s or card.budget.run_s),
            free_info=self.free_info,
            observation_chars=self.observation_chars,
        )

    def sandbox_limits(self, *, run_s: float) -> Limits:
        """The bounds on a sandbox whose runs may take `run_s` seconds."""
        known = [field.name for field in dataclasses.fields(Limits) if field.name != "wall_s"]
        unknown = [str(name) for name in self.limits if name not in known]
        if unknown:
            advice = "a run's seconds are run_s=" if "wall_s" in unknown else f"known are {', '.join(known)}"
            raise ValueError(f"limits has no {', '.join(unknown)}; {advice}")
        return Limits(**{**self.limits, "wall_s": run_s})

    def start_sandbox(
        self, competition: Competition, rules: Rules, *, seed: int, spares: Spares | None = None
    ) -> Sandbox:
        """A running sandbox with the public data of a competition. Raises `SandboxError` where none can be had."""
        sandbox = self._factory(spares)(
            public=competition.public, limits=self.sandbox_limits(run_s=rules.run_s), seed=seed
        )
        try:
            sandbox.start()
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def release(self) -> None:
        """Remove the containers that wait for a next episode of this process, where there are any."""
        if self.sandbox == "docker":
            from sandboxes.containers.idle import idle

            idle.close()

    def resolve(self, task: str, tier: str | None) -> Competition:
        """The competition that a task names in a tier, `pool:` meaning the pool given here."""
        from mlesmith_env.tasks import load_task

        return load_task(task, pool=Path(self.pool) if self.pool else None, tier=tier)

    def choices(self, tier: str | None) -> tuple[str, ...]:
        """The tasks to choose from, those of a pool that can be had in the tier. Raises `ValueError` where there are
        none."""
        from mlesmith_env.tasks import ids_of_tier

        if self.task is not None:
            return (self.task,)
        if self.pool is None:
            raise ValueError('no task: give task= or pool= to the environment, or options={"task": ...} to reset')
        ids = ids_of_tier(Path(self.pool), tier)
        if not ids:
            asked = f" in the tier {tier}" if tier else ""
            option = f" --tiers {tier}" if tier else ""
            raise ValueError(
                f"the pool {self.pool} holds no competition{asked}; `mlesmith generate SRC --out {self.pool}{option}`"
            )
        return tuple(f"pool:{name}" for name in ids)

    def as_data(self) -> dict[str, Any]:
        """The arguments as JSON data; a sandbox factory is only named."""
        data = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if not isinstance(self.sandbox, str):
            data["sandbox"] = getattr(self.sandbox, "__name__", type(self.sandbox).__name__)
        preload = None if self.preload is None else list(self.preload)
        return {**data, "limits": dict(self.limits), "preload": preload}

    def _factory(self, spares: Spares | None) -> SandboxFactory:
        if not isinstance(self.sandbox, str):
            return self.sandbox
        if self.sandbox == "docker":
            return self._docker
        from sandboxes.local import LocalSandbox

        level = IsolationLevel(self.min_isolation)

        def local(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
            return LocalSandbox(
                public=public,
                limits=limits,
                seed=seed,
                isolation=self.isolation,
                min_isolation=level,
                network=self.network,
                gpus=self.gpus,
                python=self.python,
                preload=self.preload,
                spares=spares,
            )

        return local

    def _docker(self, *, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        from sandboxes.containers.images import DEFAULT_IMAGE
        from sandboxes.docker import DockerSandbox

        return DockerSandbox(
            public=public,
            limits=limits,
            seed=seed,
            image=self.image or DEFAULT_IMAGE,
            network=self.network,
            gpus=self.gpus,
            preload=self.preload,
            keep_s=_KEEP_S,
        )


def one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    """Raise `ValueError` listing the known values where `value` is none of them."""
    if value not in known:
        raise ValueError(
            f"{name} must be one of {', '.join(str(item) for item in known if item is not None)}, got {value!r}"
        )


def as_path(path: str | os.PathLike[str] | None) -> str | None:
    """A path as text."""
    return None if path is None else os.fspath(path)


def as_names(option: str, names: Sequence[str] | None) -> tuple[str, ...] | None:
    """A list of names; `TypeError` for one text, which would be taken for its letters."""
    if isinstance(names, str):
        raise TypeError(f"{option} is a list of names; write {option}=[{names!r}]")
    return None if names is None else tuple(names)


def check_reset_options(options: Mapping[str, Any]) -> None:
    """Raise `ValueError` for options of a reset that mean nothing or contradict one another."""
    unknown = [str(name) for name in options if name not in RESET_OPTIONS]
    if unknown:
        raise ValueError(f"unknown options {', '.join(unknown)}; reset takes {', '.join(RESET_OPTIONS)}")
    if "tier" in options:
        one_of("tier", options["tier"], (None, *get_args(TierName)))
    for name in ("task", "tier"):
        if "snapshot" in options and name in options:
            raise ValueError(f"a snapshot has its own {name}: give reset either `snapshot` or `{name}`")
