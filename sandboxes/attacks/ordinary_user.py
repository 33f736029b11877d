"""A program run as a user who is not root, so that a root can see what such a user's sandboxes are worth."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_UID = 12345
_PACKAGES = Path(__file__).resolve().parents[2]

# Run by root in a process of its own: shows the interpreter and the packages to an ordinary user, also where they lie
# in a folder that only root may enter, then becomes that user.
_BECOME_USER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sandboxes.confinement import linux
needed = {Path(p).resolve() for p in (sys.argv[1], sys.prefix, sys.base_prefix)}
closed = {d for p in needed for d in p.parents if not d.stat().st_mode & 1}
closed = {d for d in closed if not any(o != d and d.is_relative_to(o) for o in closed)}
linux.unshare(linux.CLONE_NEWNS)
linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
for door in closed:
    behind = [(p, os.open(p, os.O_PATH)) for p in needed if p.is_relative_to(door)]
    linux.mount("tmpfs", str(door), "tmpfs", 0, "mode=755")
    for path, fd in behind:
        path.mkdir(parents=True, exist_ok=True)
        linux.mount(f"/proc/self/fd/{fd}", str(path), None, linux.MS_BIND | linux.MS_REC)
uid = int(sys.argv[3])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])
"""


def run_as_ordinary_user(
    program: str, *, timeout_s: float = 120.0, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python code as an ordinary user: as the caller, or where that is root, as one who owns nothing.

    The code runs in `/` with this project importable. Raises `OSError` where the user cannot be changed.
    """
    command = [sys.executable, "-c", program]
    if os.geteuid() == 0:
        if sys.platform != "linux":
            raise OSError("the user is changed on Linux only")
        command = [sys.executable, "-c", _BECOME_USER, str(_PACKAGES), program, str(_UID)]
    usual = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/tmp", "PYTHONPATH": str(_PACKAGES)}  # noqa: S108 - as good as any
    return subprocess.run(
        command,
        env={**usual, **(environment or {})},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
