"""The pool folder of a run: who works in it, where the unfinished lies, and what a killed run has left there."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generators.runs.journal import Journal

STAGING = ".staging"
_SCRATCH = "mlesmith-run-"
_PATIENCE_S = 15.0
"""Workers of a run that was killed need a moment to die."""


@contextmanager
def occupied(out: Path) -> Iterator[int]:
    """Be the only run in the folder `out`, made if need be; gives the descriptor that holds the place.

    A process that inherits the descriptor holds the place too. Raises `ValueError` where another run is at work.
    """
    out.mkdir(parents=True, exist_ok=True)
    held = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ValueError(
                        f"another run is at work in {out}; wait for its end, or name another folder"
                    ) from None
            time.sleep(0.05)
        yield held
    finally:
        os.close(held)


@contextmanager
def scratch_folder(journal: Journal) -> Iterator[Path]:
    """A folder for the temporary files of the run's workers; the journal knows it before it is there."""
    for left in list(journal.history.scratch):
        _remove(Path(left))
        journal.write({"ended": left})
        journal.history.scratch.remove(left)
    folder = Path(tempfile.gettempdir(), f"{_SCRATCH}{secrets.token_hex(4)}").resolve()
    journal.write({"run": {"scratch": str(folder)}})
    folder.mkdir(mode=0o700)
    folder.chmod(0o711)  # users of sandboxes pass through it to folders of their own
    try:
        yield folder
    finally:
        _remove(folder)
        journal.write({"ended": str(folder)})


def sweep(out: Path, keep: set[str]) -> None:
    """Remove what unfinished jobs have left in the staging folder, but for the jobs named in `keep`."""
    staging = out / STAGING
    for path in staging.iterdir() if staging.is_dir() else ():
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
    if staging.is_dir() and not any(staging.iterdir()):
        staging.rmdir()


def _remove(folder: Path) -> None:
    """Remove a scratch folder; processes that are about to die may still write there."""
    if not folder.name.startswith(_SCRATCH) or folder.is_symlink():
        return  # whatever a journal says, nothing else is removed
    deadline = time.monotonic() + 5
    while folder.exists():
        if folder.stat().st_uid != os.geteuid():
            return
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)
