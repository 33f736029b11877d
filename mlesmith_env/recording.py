"""The record of an episode, from what went before it to its end."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import gymnasium as gym

from mlesmith_env.episode import Episode
from mlesmith_env.settings import Settings

if TYPE_CHECKING:
    from mlesmith_env.trajectory import TrajectoryWriter


def open_record(settings: Settings, episode: Episode) -> TrajectoryWriter | None:
    """Begin the record of an episode with the steps that it already has; None where none is kept.

    Raises `OSError` where it cannot be written; nothing of it is left then.
    """
    if settings.trajectory_dir is None:
        return None
    from mlesmith_env.tasks import package_version
    from mlesmith_env.trajectory import TrajectoryWriter

    origin = episode.origin
    header = {
        **origin.ids,
        "task": origin.task,
        "tier": origin.tier,
        "task_digest": episode.task_digest(),
        "seed": origin.seed,
        "kwargs": settings.as_data(),
        "rules": asdict(episode.rules),
        "versions": {
            "mlesmith-env": package_version(),
            "gymnasium": gym.__version__,
            "python": platform.python_version(),
        },
        "isolation": origin.isolation,
        "network": origin.network,
        "opening": origin.opening,
        "forked_from": [asdict(fork) for fork in origin.forks],
    }
    writer = TrajectoryWriter(Path(settings.trajectory_dir), f"{origin.task_id}-{origin.episode_id}", header)
    try:
        for turn in episode.turns:
            writer.step(turn)
    except BaseException:
        writer.discard()
        raise
    return writer


def end_record(writer: TrajectoryWriter, episode: Episode, *, finished: bool) -> None:
    """End the record. `finished`: the episode came to its end rather than being left."""
    last = episode.turns[-1] if episode.turns else None
    writer.end(finished=finished, total_reward=episode.ledger.paid, last=last, seconds=episode.seconds)
