"""What of a living session a fork of its process would lose or share, looked for from inside it.

What can be put down for a moment without loss (idle thread and process pools that are made again when they are wanted)
is put down first.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import stat
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

_DEVICES_WITH_STATE = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")
_OPENMP = ("libgomp", "libomp", "libiomp")
_OMP_PAUSE_SOFT = 1
_ENDING_S = 0.5


def mappings() -> list[bytes]:
    """The lines of this process's map that matter to both functions below: reading them all takes milliseconds."""
    lines = Path("/proc/self/maps").read_bytes().splitlines()
    return [line for line in lines if b" rw-s " in line or b"omp" in line or b" /dev/" in line]


def put_down_pools(maps: Sequence[bytes]) -> None:
    """End idle pools: OpenMP's threads (a child that inherits their book-keeping hangs at its next parallel region),
    joblib's worker processes, the trackers of `multiprocessing`, the monitor thread of progress bars."""
    for path in {path for path in map(_path, maps) if path.rpartition("/")[2].startswith(_OPENMP)}:
        with contextlib.suppress(OSError, AttributeError):  # older than OpenMP 5: its pool stays as it is
            ctypes.CDLL(path).omp_pause_resource_all(_OMP_PAUSE_SOFT)
    with contextlib.suppress(Exception):  # libraries of the session's own: what cannot be put down is found later
        if "joblib.externals.loky" in sys.modules:
            reusable: Any = sys.modules["joblib.externals.loky.reusable_executor"]
            if reusable._executor is not None:
                reusable._executor.shutdown(wait=True, kill_workers=True)
                reusable._executor = None
                gc.collect()  # its semaphores, as they go, would call for a tracker once more
    _stop_trackers()
    with contextlib.suppress(Exception):  # as above
        if "tqdm" in sys.modules and sys.modules["tqdm"].tqdm.monitor is not None:
            sys.modules["tqdm"].tqdm.monitor.exit()
            sys.modules["tqdm"].tqdm.monitor = None


def find_obstacles(own_threads: Collection[threading.Thread], maps: Sequence[bytes]) -> list[str]:
    """What a fork would lose or share, each as a few words; `own_threads` are those that the caller makes again."""
    deadline = time.monotonic() + _ENDING_S
    while True:  # what was put down may still be ending
        found = [f"running thread {t.name}" for t in _foreign_threads(own_threads)]
        found += [f"running process {name}" for name in _other_processes()]
        if not found or time.monotonic() > deadline:
            break
        _stop_trackers()
        time.sleep(0.005)
    found += sorted({f"open GPU ({path})" for path in map(_path, maps) if path.startswith(_DEVICES_WITH_STATE)})
    if any(b" rw-s " in line for line in maps):
        gc.collect()  # a pool that was put down lets go of its semaphores with the last object of its own
        maps = mappings()
    shared = [_path(line) for line in maps if b" rw-s " in line]
    found += sorted({f"shared memory ({path or 'without a name'})" for path in shared})
    found += _deleted_files()
    return found


def _stop_trackers() -> None:
    for module in ("joblib.externals.loky.backend.resource_tracker", "multiprocessing.resource_tracker"):
        with contextlib.suppress(Exception):  # libraries of the session's own: what cannot be put down is found later
            if module in sys.modules:
                sys.modules[module]._resource_tracker._stop()


def _foreign_threads(own_threads: Collection[threading.Thread]) -> list[threading.Thread]:
    mine = {threading.main_thread(), threading.current_thread(), *own_threads}
    return [thread for thread in threading.enumerate() if thread not in mine]


def _other_processes() -> list[str]:
    """Names of the living processes of this namespace but this one and the first; nested ones are left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, StopIteration):
            lines = entry.read_text(errors="replace").splitlines()
            levels = next(line for line in lines if line.startswith("NSpid:")).split()[1:]
            zombie = next(line for line in lines if line.startswith("State:")).split()[1] in "ZX"
            if len(levels) == 1 and not zombie and int(entry.parent.name) not in (1, os.getpid()):
                found.append(lines[0].removeprefix("Name:").strip())
    return found


def _path(line: bytes) -> str:
    fields = line.split(maxsplit=5)
    return os.fsdecode(fields[5]) if len(fields) == 6 else ""


def _deleted_files() -> list[str]:
    """Open files without a name: a child cannot have a copy of its own."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            status = entry.stat()
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                found.append(f"open deleted file ({os.readlink(entry).removesuffix(' (deleted)')})")  # noqa: PTH115 - the text of a link that leads nowhere
    return found
