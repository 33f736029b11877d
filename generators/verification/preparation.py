"""Runs a package's prepare.py in fresh folders and says what it did."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.competitions.package import PRIVATE, PUBLIC
from generators.competitions.prepare_file import PREPARE_LIMITS
from generators.verification.layout import differences, file_digests, file_stamps, list_files
from generators.verification.package_runs import describe
from sandboxes.script import FunctionResult, run_function

_AFRESH = Path(__file__).with_name("afresh.py")
_HASH_SEED = 0
_OTHER_HASH_SEED = 20_011
HASH_SEEDS = (_HASH_SEED, _OTHER_HASH_SEED)
"""Those that prepare.py is run with, the second one afresh."""
_REFUSED = frozenset({"PermissionError", "OSError"})
_REFUSALS = ("[Errno 1]", "[Errno 13]", "[Errno 30]")


@dataclass(frozen=True, slots=True)
class PrepareRun:
    """One run in fresh folders."""

    raw: Path
    result: FunctionResult
    outputs: dict[str, str]
    """SHA-256 of what it wrote, by path relative to the package (`public/train.csv`)."""
    strays: tuple[str, ...]
    """What it left beside its two folders."""
    raw_changes: tuple[str, ...]
    """Files of the raw data that differ afterwards."""
    failure: str
    """How it failed, empty where it did not: the same in each run, though its folders are others."""

    @property
    def refused(self) -> str:
        """The path outside its folders that it tried to write or remove, empty where it did not."""
        if self.result.status != "error" or not _REFUSED.intersection(self.result.error_types[:1]):
            return ""
        message = self.result.error_message
        path = re.search(r"'([^']*)'", message)
        return path.group(1) if path and any(number in message for number in _REFUSALS) else ""


def run_prepare(script: Path, raw: Path, *, afresh: bool = False) -> PrepareRun:
    """Run `prepare` of `script` on `raw`, which it may only read.

    `afresh`: forked from another interpreter, with another hash seed and working directory. Raises `SandboxError`.
    """
    before = file_stamps(raw)
    with tempfile.TemporaryDirectory(prefix="mlesmith-prepare-") as scratch:
        folder = Path(scratch, "package")
        public, private = folder / PUBLIC, folder / PRIVATE
        public.mkdir(parents=True)
        private.mkdir()
        arguments: dict[str, Any] = {"raw": raw, "public": public, "private": private}
        if afresh:
            arguments |= {"script": script}
        result = run_function(
            _AFRESH if afresh else script,
            "prepare_afresh" if afresh else "prepare",
            arguments=arguments,
            readable=[script, raw],
            # the folder around the two is writable too, so that what is left beside them can be seen
            writable=[folder],
            limits=PREPARE_LIMITS,
            hash_seed=_OTHER_HASH_SEED if afresh else _HASH_SEED,
        )
        written = list_files(folder)
        strays = tuple(path for path in written if not path.startswith((f"{PUBLIC}/", f"{PRIVATE}/")))
        outputs = {path: digest for path, digest in file_digests(folder).items() if path not in strays}
    names = {folder: "", script.parent: "", raw: "raw", Path(scratch): "scratch"}
    failure = "" if result.ok else describe(result, names)
    return PrepareRun(raw, result, outputs, strays, differences(before, file_stamps(raw)), failure)
