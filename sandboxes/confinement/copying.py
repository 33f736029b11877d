"""Copy a folder as a sandbox's own code left it: files, folders and links with their modes and times, nothing else."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path


def copy_contents(source: str, target: str, *, skip: Collection[str] = ()) -> None:
    """Copy what lies in the folder `source` into the existing folder `target`, but for the entries named in `skip`.

    Pipes, sockets and devices are left out: opening one may wait for ever. Links are copied, never followed. What is
    mounted below is no content of the folder and is left out, too.
    """
    top = Path(source).lstat()
    times: list[tuple[str, os.stat_result]] = [(target, top)]
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.name in skip:
                continue
            found = entry.stat(follow_symlinks=False)
            if found.st_dev != top.st_dev:
                continue
            copied = f"{target}/{entry.name}"
            if stat.S_ISDIR(found.st_mode):
                Path(copied).mkdir(mode=0o700, exist_ok=True)
                copy_contents(entry.path, copied)
                Path(copied).chmod(stat.S_IMODE(found.st_mode))
                times.append((copied, found))
            elif stat.S_ISLNK(found.st_mode):
                if os.path.lexists(copied):  # part of the way to what is mounted, and made with that
                    continue
                shutil.copy2(entry.path, copied, follow_symlinks=False)
            elif stat.S_ISREG(found.st_mode):
                shutil.copyfile(entry.path, copied, follow_symlinks=False)
                Path(copied).chmod(stat.S_IMODE(found.st_mode))
                times.append((copied, found))
    for path, found in reversed(times):  # last of all: what is made inside a folder changes its time
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
