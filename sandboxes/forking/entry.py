"""The fork server's way into a tree that stands already: how a branch gets a fresh session."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from sandboxes.confinement import cgroups, linux, rlimits
from sandboxes.confinement.confine import Confinement, Identity
from sandboxes.forking import family
from sandboxes.forking.worker import become_worker, worker_of


def enter_tree(
    request: dict[str, Any], fds: Sequence[int], *, own: Sequence[int], system: Sequence[str], is_root: bool
) -> NoReturn:
    """Become the worker of a tree that another process has set up: its namespaces (`family.ENTERED`) and its `bound`
    pipe are behind the descriptors. `own`: descriptors that the worker must not have."""
    *door, bound = fds
    uid, gid = request["family"]["owner"]
    try:
        confinement = Confinement.from_json(request["confinement"])
        cgroups.join(request["groups"])  # while their folders are to be seen
        request["mapped"] = rlimits.mapped_bytes()
        for fd in own:
            os.close(fd)
        if is_root:
            os.setgroups([])
        family.enter(family.ENTERED, door)
        for fd in door:
            os.close(fd)
        if os.fork() > 0:
            os._exit(0)
        if is_root:
            linux.drop_capability_bounds()
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        worker = worker_of(request["task"])
    except BaseException as error:  # noqa: BLE001 - the last frame of a forked process: all is told to the host
        with contextlib.suppress(OSError):
            os.write(bound, str(error).encode()[:4096])
        os._exit(1)
    become_worker(
        request,
        worker,
        [],
        bound,
        confinement=confinement,
        system=system,
        identity=Identity(uid, gid, {}, switch=False),
        sheds=True,
    )
