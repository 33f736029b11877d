"""The users that confined trees run as, and how they see files that belong to others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandboxes.confinement import linux
from sandboxes.confinement.confine import Identity

UIDS_PER_SERVER = 256
"""Trees that one fork server can have at a time."""
_FIRST_UID = 1 << 28
_FULL_RANGE = 1 << 32


class Identities:
    """Gives each tree of a fork server a user of its own, where it may: for root. Others run as who they are."""

    def __init__(self, *, is_root: bool) -> None:
        self._is_root = is_root
        self._id_maps: dict[tuple[int, int, int, int], int] = {}

    def of(self, slot: int, request: Mapping[str, Any]) -> Identity:
        """The user of the tree number `slot`, with id maps for the owners of what it is to be shown."""
        if not self._is_root:
            return Identity(os.getuid(), os.getgid(), {}, switch=False)
        uid = _uid_of(slot)
        found = [Path(bind["source"]).stat() for bind in request["confinement"]["binds"]]
        owners = {(one.st_uid, one.st_gid) for one in found} | {(u, g) for u, g in request.get("owners", ())}
        translated = {}
        for owner in owners:
            key = (*owner, uid, uid)
            if key not in self._id_maps:
                with contextlib.suppress(OSError):  # without an id map the tree is copied or handed over
                    self._id_maps[key] = linux.id_map_namespace(*key)
            if key in self._id_maps:
                translated[owner] = self._id_maps[key]
        return Identity(uid, uid, translated, switch=True)


def _uid_of(slot: int) -> int:
    """A user that no other sandbox on this machine runs as now: the server's own process id makes it so."""
    mapped = sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
    if mapped >= _FULL_RANGE - 1:
        return _FIRST_UID + os.getpid() * UIDS_PER_SERVER + slot
    return 20_000 + (os.getpid() * 31 + slot) % 40_000
