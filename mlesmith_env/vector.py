"""Many environments in one process, a thread each: their time goes by in kernels, which are processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

Result = tuple[Any, float, bool, bool, dict[str, Any]]


class ThreadVectorEnv(VectorEnv[Any, Any, Any]):
    """Runs `env_fns` side by side in threads, with the semantics of Gymnasium's own vector environments.

    `autoreset_mode`: `NEXT_STEP` (the step after an end resets), `SAME_STEP` (the ending step resets; the last
    observation and info are `final_obs` and `final_info`) or `DISABLED` (the caller resets with
    `options={"reset_mask": ...}`), the one for language models. `max_workers` bounds the threads, so the episodes that
    are busy at once. An exception of one environment is raised after all have come back.
    """

    def __init__(
        self,
        env_fns: Sequence[Callable[[], gym.Env[Any, Any]]],
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_workers: int | None = None,
    ) -> None:
        super().__init__()
        self.envs: list[gym.Env[Any, Any]] = []  # first of all, so that `close` works whatever fails below
        self.num_envs = 0
        self._threads = ThreadPoolExecutor(max_workers or max(len(env_fns), 1), thread_name_prefix="mlesmith-env")
        if not env_fns:
            raise ValueError("a vector environment needs at least one environment")
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.envs += [make() for make in env_fns]
        first = self.envs[0]
        self.num_envs = len(self.envs)
        self.metadata = {**first.metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = first.render_mode
        self.single_action_space, self.single_observation_space = first.action_space, first.observation_space
        for env in self.envs:
            if (env.observation_space, env.action_space) != (self.single_observation_space, self.single_action_space):
                raise ValueError("all environments of a vector environment must have the same spaces")
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._observations: list[Any] = [None] * self.num_envs
        self._ended = np.zeros(self.num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all, or those of `options["reset_mask"]`. An integer seed is given on as seed, seed + 1, ..."""
        options = dict(options or {})
        mask = options.pop("reset_mask", np.ones(self.num_envs, dtype=np.bool_))
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] must be an array of {self.num_envs} booleans, got {mask!r}")
        seeds = self._seeds(seed)
        chosen = np.flatnonzero(mask)
        results = self._all(lambda i: self.envs[i].reset(seed=seeds[i], options=dict(options)), chosen)
        infos: dict[str, Any] = {}
        for i, (observation, info) in zip(chosen, results, strict=True):
            self._observations[i], self._ended[i] = observation, False
            infos = self._add_info(infos, info, int(i))
        return self._batched(), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all; `actions` is a sequence with one for each."""
        each = list(iterate(self.action_space, actions))
        if len(each) != self.num_envs:
            raise ValueError(f"{self.num_envs} environments need as many actions, got {len(each)}")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            ended = ", ".join(str(i) for i in np.flatnonzero(self._ended))
            raise ValueError(f"environments {ended} have ended; reset them with options={{'reset_mask': ...}} first")
        results = self._all(lambda i: self._step_one(i, each[i]), np.arange(self.num_envs))
        rewards = np.zeros(self.num_envs, dtype=np.float64)
        terminations, truncations = np.zeros(self.num_envs, dtype=np.bool_), np.zeros(self.num_envs, dtype=np.bool_)
        infos: dict[str, Any] = {}
        for i, ((observation, rewards[i], terminations[i], truncations[i], info), final) in enumerate(results):
            self._observations[i] = observation
            if final is not None:
                infos = self._add_info(infos, final, i)
            infos = self._add_info(infos, info, i)
        self._ended = terminations | truncations
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            self._ended = np.zeros(self.num_envs, dtype=np.bool_)
        return self._batched(), rewards, terminations, truncations, infos

    def render(self) -> tuple[Any, ...]:
        """What each environment renders."""
        return tuple(env.render() for env in self.envs)

    def close_extras(self, **kwargs: Any) -> None:
        """Close every environment and end the threads."""
        del kwargs
        self._all(lambda i: self.envs[i].close(), np.arange(len(self.envs)))
        self._threads.shutdown()

    def _step_one(self, i: int, action: Any) -> tuple[Result, dict[str, Any] | None]:
        env = self.envs[i]
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and self._ended[i]:
            observation, info = env.reset()
            return (observation, 0.0, False, False, info), None
        observation, reward, terminated, truncated, info = env.step(action)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and (terminated or truncated):
            final = {"final_obs": observation, "final_info": info}
            observation, info = env.reset()
            return (observation, float(reward), terminated, truncated, info), final
        return (observation, float(reward), terminated, truncated, info), None

    def _all(self, call: Callable[[int], Any], places: Any) -> list[Any]:
        futures = [self._threads.submit(call, int(i)) for i in places]
        for future in futures:
            future.exception()  # waits; none may still be at work when the first exception is raised
        return [future.result() for future in futures]

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"{self.num_envs} environments need as many seeds, got {len(seed)}")
        return list(seed)

    def _batched(self) -> Any:
        if any(observation is None for observation in self._observations):
            raise ValueError("the first reset must reset every environment; leave out reset_mask")
        empty: Any = create_empty_array(self.single_observation_space, n=self.num_envs)
        return deepcopy(concatenate(self.single_observation_space, self._observations, empty))


def make_vec(
    *,
    num_envs: int = 1,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    max_workers: int | None = None,
    max_episode_steps: int | None = None,
    **kwargs: Any,
) -> ThreadVectorEnv:
    """What `gym.make_vec("MLESmith-v0", num_envs=..., ...)` calls; `kwargs` are the environment's own."""

    def make() -> gym.Env[Any, Any]:
        return gym.make("mlesmith_env:MLESmith-v0", max_episode_steps=max_episode_steps, **kwargs)

    return ThreadVectorEnv([make] * num_envs, autoreset_mode=autoreset_mode, max_workers=max_workers)
