"""The worker that makes a container as good as new between two sessions, and says what it has found.

It runs no foreign code and comes when none runs. It empties the folders that the sessions may write and lists the
processes with their attributes: whatever of the last session could reach the next one.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandboxes.containers.processes import processes

_BURIAL_S = 1.0


def run(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """Tidy up; writes a line of JSON to `fds[0]`: what could not be emptied, and the processes beside this one.

    `known` of the request names processes; others get a moment to end, for the dead are not buried at once.
    """
    os.write(bound, b"1")
    os.close(bound)
    end, known = time.monotonic() + _BURIAL_S, request["known"]
    own = (os.getpid(), os.getppid())
    while (found := processes(but=own)).keys() - known and known and time.monotonic() < end:
        time.sleep(0.002)
    failed = []
    for folder in request["emptied"]:
        try:
            empty(Path(folder))
        except OSError as error:
            failed.append(f"{folder}: {error}")
    with os.fdopen(fds[0], "w") as answer:
        answer.write(json.dumps({"failed": failed, "processes": found}) + "\n")


def empty(folder: Path) -> None:
    """Remove everything below `folder` and what was put on the folder itself; what is mounted there stays.

    Whatever the depth and the modes: a folder's content is moved up before the folder is removed. Raises `OSError`
    where something cannot be removed.
    """
    folder.chmod(0o700)
    for name in os.listxattr(folder):
        os.removexattr(folder, name)
    device = folder.stat().st_dev
    waiting = [path for path in folder.iterdir() if path.lstat().st_dev == device]
    while waiting:
        path = waiting.pop()
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            continue
        path.chmod(0o700)
        for inner in list(path.iterdir()):
            if stat.S_ISDIR(inner.lstat().st_mode):
                inner.chmod(0o700)  # a folder that may not be written cannot be moved either
            waiting.append(inner.rename(folder / secrets.token_hex(16)))
        path.rmdir()
    os.utime(folder, (0, 0))
