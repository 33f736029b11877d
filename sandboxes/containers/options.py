"""What the engine is asked for: one container that can do nothing but run its fork server."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandboxes.containers.images import Image
from sandboxes.limits import Limits
from sandboxes.workspace import PUBLIC

WORKSPACE = "/workspace"
SOCKETS = "/run/jupyter"
SCRATCH = "/tmp"  # noqa: S108 - inside the container
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - inside the container
WRITABLE = (WORKSPACE, SCRATCH, SHARED_MEMORY, SOCKETS)
"""Every place in the container that foreign code may write, each a file system of its own in memory."""
CODE = "/opt/mlesmith"
HOST = "/run/mlesmith"
"""Where the container sees the folder with the socket of the host."""
SOCKET = "host"
_OURS_MIB = 192
"""What the fork server with its libraries and the processes beside it hold."""
_OUR_PROCESSES = 4
"""The container's first process, the fork server, its porter, a supervisor."""
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What distinguishes one container from another; equal ones can stand in for one another."""

    image: Image
    public: Path | None
    public_inode: tuple[int, int]
    """Device and inode of `public`, so that a folder put in its place later is not taken for it."""
    limits: Limits
    preload: tuple[str, ...] | None
    """Modules that the fork server loads, None for the usual ones."""
    gpus: tuple[str, ...]
    """Numbers as the engine knows them, or `all` alone."""
    network: bool


def options(settings: ContainerSettings, *, user: tuple[int, int], shown: dict[str, Path]) -> dict[str, Any]:
    """Arguments of the SDK's `containers.create`. `shown`: folders of the host by the place where they are seen."""
    import docker

    mounts = [docker.types.Mount(target, str(source), type="bind", read_only=True) for target, source in shown.items()]
    return {
        "image": settings.image.id,
        "entrypoint": ["python3", "-s", "-P", "-X", "utf8", "-m", "sandboxes.containers.entry", f"{HOST}/{SOCKET}"],
        "command": [json.dumps(settings.preload)],
        "user": f"{user[0]}:{user[1]}",
        "environment": {
            "PYTHONPATH": CODE,
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/",
        },
        "working_dir": "/",
        "hostname": "sandbox",
        "init": True,
        "auto_remove": True,
        "network_mode": "bridge" if settings.network else "none",
        "ipc_mode": "private",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "privileged": False,
        **_bounds(settings),
        "tmpfs": _file_systems(settings.limits, user),
        "mounts": mounts,
        "log_config": {"Type": "none"},
        "device_requests": _devices(settings.gpus),
    }


def _bounds(settings: ContainerSettings) -> dict[str, Any]:
    limits = settings.limits
    folders = len((WORKSPACE, SCRATCH, SHARED_MEMORY)) * limits.disk_mib  # what lies in them counts as memory
    memory = (limits.memory_mib + folders + _OURS_MIB) * _MIB
    return {
        # the fork server has a thread for each processor
        "pids_limit": limits.processes + _OUR_PROCESSES + (os.cpu_count() or 1),
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int((limits.cpus or len(os.sched_getaffinity(0))) * 1e9),
    }


def _file_systems(limits: Limits, user: tuple[int, int]) -> dict[str, str]:
    own = f"mode=700,uid={user[0]},gid={user[1]}"
    large = f"exec,size={limits.disk_mib}m,nr_inodes={limits.files + 2},{own}"
    return {
        WORKSPACE: large,
        SCRATCH: large,
        SHARED_MEMORY: large,
        SOCKETS: f"size=1m,nr_inodes=64,{own}",
        "/dev/mqueue": "ro,size=4k,nr_inodes=1",  # message queues would outlive a session
    }


def _devices(gpus: tuple[str, ...]) -> list[Any]:
    if not gpus:
        return []
    import docker

    wanted: dict[str, Any] = {"count": -1} if gpus == ("all",) else {"device_ids": list(gpus)}
    return [docker.types.DeviceRequest(capabilities=[["gpu"]], **wanted)]


def shown_folders(settings: ContainerSettings, code: Path) -> dict[str, Path]:
    """Our own code, and the public data, by the places where the container sees them."""
    folders = {f"{CODE}/{code.name}": code}
    if settings.public is not None:
        folders[f"{WORKSPACE}/{PUBLIC}"] = settings.public
    return folders
