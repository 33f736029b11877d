"""Branches: episodes in the state of another one, each over a sandbox of its own.

Names and seeds of branches follow from the episode that is forked, so that the same calls give the same branches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mlesmith_env.episode import Episode
from mlesmith_env.origin import Forked, ForkPoint
from sandboxes.kernels.branch_seeds import branch_seeds


def fork(episode: Episode, n: int, seeds: Sequence[int] | None) -> list[Episode]:
    """`n` branches of a running episode, which goes on.

    Raises `ValueError` where `n` is not positive or `seeds` does not fit it, `SandboxError` where the sandbox cannot be
    forked; nothing is left behind then.
    """
    drawn = branch_seeds(n, seeds, own=int(episode.origin.episode_id, 16), made=episode.branches)
    made = branches(episode, drawn, seconds=episode.seconds, number=episode.branches)
    episode.branches += n
    return made


def branches(
    episode: Episode, seeds: Sequence[int], *, seconds: float, number: int, group_id: str = "", earlier: Forked = ""
) -> list[Episode]:
    """A branch for each of `seeds`, whose clocks go on from `seconds`.

    `number`: how many branches the episode has had before. `group_id`: of the branches; by default that of the episode,
    or one that says where it was forked. `earlier`: how the session that is forked here came from the episode's own.
    """
    sandboxes = episode.workspace.sandbox.fork(len(seeds), seeds=seeds)
    origin, index = episode.origin, len(episode.turns)
    group_id = group_id or origin.group_id or f"{origin.episode_id}-{index}"
    made = []
    for place, (seed, sandbox) in enumerate(zip(seeds, sandboxes, strict=True), start=number):
        report = sandbox.report
        how = earlier if earlier == "replay" else report.forked
        branch = origin.branch(
            ForkPoint(origin.episode_id, episode.step, index, seed, how),
            episode_id=_name(origin.episode_id, place, seed),
            group_id=group_id,
            isolation=report.level.value,
        )
        made.append(episode.branch(sandbox, branch, seconds=seconds))
    return made


def _name(parent: str, number: int, seed: int) -> str:
    return hashlib.sha256(f"{parent}/{number}/{seed}".encode()).hexdigest()[:8]
