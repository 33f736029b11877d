"""Snapshots: states of episodes that are kept in this process, for any number of resets to them.

A snapshot is a branch whose sandbox runs nothing more: it is only forked again, by one reset after another.
"""

from __future__ import annotations

import atexit
import dataclasses
import itertools
import os
import re
import threading

from mlesmith_env import branching
from mlesmith_env.episode import Episode
from mlesmith_env.settings import Settings

MAX_SNAPSHOTS = 64
"""Snapshots that one process may keep at once; each holds a sandbox."""
_ELSEWHERE = re.compile(r"snapshot-(\d+)-\d+")
_MAY_DIFFER = ("trajectory_dir",)
_LISTED = 10


class Snapshot:
    """The state of an episode as it was. Thread-safe."""

    def __init__(self, name: str, episode: Episode, settings: Settings) -> None:
        """Raises `SandboxError` where the sandbox cannot be forked."""
        self.name = name
        self._settings = settings
        self._lock = threading.Lock()
        self._seconds = episode.seconds
        self._number = episode.branches
        (frozen,) = branching.fork(episode, 1, None)
        self._sandbox = frozen.workspace.sandbox
        self._forked = frozen.origin.forked
        frozen.origin = episode.origin  # what is branched from here was forked from that episode
        self._episode: Episode | None = frozen

    def branch(self, seed: int, *, group_id: str) -> Episode:
        """An episode that goes on from here. Raises `SandboxError` where the sandbox cannot be forked."""
        with self._lock:  # a sandbox has one caller at a time, and resets come from many threads
            if self._episode is None:
                raise ValueError(_unknown(self.name))
            (branch,) = branching.branches(
                self._episode,
                [seed],
                seconds=self._seconds,
                number=self._number,
                group_id=group_id,
                earlier=self._forked,
            )
        return branch

    def check(self, settings: Settings) -> None:
        """Raise `ValueError` where an environment with other arguments would play on by rules that are not its own."""
        names = [field.name for field in dataclasses.fields(settings) if field.name not in _MAY_DIFFER]
        other = [name for name in names if getattr(settings, name) != getattr(self._settings, name)]
        if other:
            raise ValueError(
                f"{self.name} was made by an environment with other arguments ({', '.join(other)}); reset one to it "
                "that was made with the same"
            )

    def close(self) -> None:
        """Close the sandbox. Idempotent."""
        with self._lock:
            self._episode = None
            self._sandbox.close()


_kept: dict[str, Snapshot] = {}
_inherited: list[Snapshot] = []
_lock = threading.Lock()
_count = itertools.count(1)


def take(episode: Episode, settings: Settings) -> str:
    """Keep the state of a running episode; gives its name.

    Raises `ValueError` where too many are kept, `SandboxError` where the sandbox cannot be forked.
    """
    _check_room()
    snapshot = Snapshot(f"snapshot-{os.getpid()}-{next(_count)}", episode, settings)
    try:
        with _lock:
            _check_room()
            _kept[snapshot.name] = snapshot
    except ValueError:  # other threads were faster
        snapshot.close()
        raise
    return snapshot.name


def find(name: object, settings: Settings) -> Snapshot:
    """The snapshot of that name, for an environment with these settings.

    Raises `ValueError` where it is not kept in this process or was made under other settings.
    """
    snapshot = _kept.get(str(name))
    if snapshot is None:
        raise ValueError(_unknown(str(name)))
    snapshot.check(settings)
    return snapshot


def drop(name: str) -> None:
    """Let a snapshot go and close its sandbox; silent where it is gone already."""
    with _lock:
        snapshot = _kept.pop(name, None)
    if snapshot is not None:
        snapshot.close()


def _drop_all() -> None:
    for name in list(_kept):
        drop(name)


def _check_room() -> None:
    if len(_kept) >= MAX_SNAPSHOTS:
        raise ValueError(
            f"{MAX_SNAPSHOTS} snapshots are kept, the most that one process may; "
            "let one go with env.unwrapped.drop_snapshot(id)"
        )


def _unknown(name: str) -> str:
    made = _ELSEWHERE.fullmatch(name)
    if made and int(made[1]) != os.getpid():
        return (
            f"{name} was made in process {made[1]} and this is process {os.getpid()}: a snapshot lives in the process "
            "that made it. gym.make_vec runs environments as threads of one process, which share snapshots"
        )
    names = [*list(_kept)[:_LISTED], *(["..."] if len(_kept) > _LISTED else [])]
    return (
        f"no snapshot {name!r} is kept; there are: {', '.join(names) or 'none'}. env.unwrapped.snapshot() makes one, "
        "and it is kept until drop_snapshot(id) or until the environment that made it is closed"
    )


def _forget() -> None:
    """In a process that was forked from this one: the sandboxes are the parent's, to use and to close."""
    global _lock  # noqa: PLW0603 - the parent may have held it
    _lock = threading.Lock()
    _inherited.extend(_kept.values())  # none may be collected here, which would end connections
    _kept.clear()


atexit.register(_drop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
