"""What foreign code may use: time, memory, processes, disk, output; and the environment it sees."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one sandbox. All are enforced by the host, none by good will."""

    wall_s: float = 120.0
    """Wall-clock seconds of one execution."""
    cpu_s: float | None = None
    """CPU seconds of one process over its whole life; None leaves it to `wall_s`."""
    memory_mib: int = 4096
    """Memory in MiB: address space of each process beyond what the warm interpreter already maps and its own threads
    reserve; with control groups also what all processes together use. Files in memory count towards the whole, and
    their quotas are added to its bound, so that they can be used up: see `sandboxes.confinement.cgroups.bounds_of`."""
    processes: int = 256
    """Processes and threads alive at once; enforced by control groups, or where the sandbox has a user of its own."""
    cpus: float | None = None
    """CPU seconds per second of all processes together; None for no bound. Needs control groups: a sandbox refuses to
    start where they cannot be had."""
    file_mib: int = 512
    """Size of one file in MiB."""
    disk_mib: int = 1024
    """Size of all files in the workspace in MiB."""
    files: int = 20_000
    """Number of files and folders in the workspace."""
    open_files: int = 1024
    """File descriptors of one process."""
    output_chars: int = 200_000
    """Characters kept of one execution's output; head and tail are kept, the middle is counted and dropped."""

    def __post_init__(self) -> None:
        for name in (
            "wall_s",
            "memory_mib",
            "processes",
            "file_mib",
            "disk_mib",
            "files",
            "open_files",
            "output_chars",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"Limits.{name} must be positive, got {getattr(self, name)!r}")
        for name in ("cpu_s", "cpus"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"Limits.{name} must be positive and finite, or None, got {value!r}")


def scrubbed_environment(home: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables for foreign code: locale and a search path, and nothing of the host's secrets.

    The list is an allowlist: a key that someone exports tomorrow is not passed on either.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **kept,
        "PATH": SEARCH_PATH,
        "HOME": home,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "MPLBACKEND": "agg",
        **(extra or {}),
    }
