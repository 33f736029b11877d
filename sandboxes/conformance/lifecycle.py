"""Clauses about the life of a sandbox from start to close, and about two of them side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from sandboxes.conformance.claims import LIMITS, hold, prints, refuses, started
from sandboxes.errors import SandboxError
from sandboxes.sandbox import ExecutionStatus, Sandbox, SandboxFactory

LifeClause = Callable[[SandboxFactory, Path], None]
"""Makes the sandboxes that it checks itself, with a folder of public data."""

_LEAVES_TRACES = """
import os, tempfile
value = 1
open("own.txt", "w").close()
open(os.path.join(tempfile.gettempdir(), "own.txt"), "w").close()
os.environ["OWN"] = "1"
"""
_LOOKS_FOR_TRACES = """
import os, tempfile
places = [".", tempfile.gettempdir()]
print("value" in globals(), any(os.path.exists(f"{place}/own.txt") for place in places), "OWN" in os.environ)
"""
_DRAWS = "import random\nimport numpy as np\nprint(random.random(), np.random.rand(), hash('a'))"


def _start_and_close_are_idempotent(factory: SandboxFactory, public: Path) -> None:
    sandbox = factory(public=public, limits=LIMITS, seed=0)
    sandbox.close()
    sandbox.start()
    sandbox.start()
    hold("a sandbox fulfils the Sandbox protocol", isinstance(sandbox, Sandbox), type(sandbox))
    sandbox.write_file("x", b"1")
    hold("start is idempotent while running", sandbox.read_file("x", max_bytes=1) == b"1")
    sandbox.close()
    sandbox.close()


def _a_closed_sandbox_does_nothing(factory: SandboxFactory, public: Path) -> None:
    with started(factory, public) as sandbox:
        sandbox.write_file("x", b"1")
    uses: dict[str, Callable[[], object]] = {
        "execute": lambda: sandbox.execute("1"),
        "write_file": lambda: sandbox.write_file("x", b"1"),
        "read_file": lambda: sandbox.read_file("x", max_bytes=1),
        "collect": lambda: sandbox.collect("x", max_bytes=1),
        "remove": lambda: sandbox.remove("x"),
        "restart": sandbox.restart,
        "fork": lambda: sandbox.fork(1),
    }
    for name, use in uses.items():
        refuses(f"{name} of a closed sandbox raises SandboxError", use, SandboxError)


def _the_seed_fixes_the_random_state(factory: SandboxFactory, public: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        with started(factory, public, seed=seed) as sandbox:
            found.append(sandbox.execute(_DRAWS).stdout)
    hold("the same seed gives the same random state and hashes", found[0] == found[1] != "", found)
    hold("another seed gives another random state", found[0] != found[2], found)


def _the_limit_on_time_caps_the_timeout(factory: SandboxFactory, public: Path) -> None:
    with started(factory, public, limits=dataclasses.replace(LIMITS, wall_s=0.5)) as sandbox:
        for timeout_s in (None, 60.0):
            found = sandbox.execute("import time\ntime.sleep(10)", timeout_s=timeout_s)
            capped = found.status is ExecutionStatus.TIMEOUT and found.seconds < 0.5 + 2.0 + 0.5
            hold(f"timeout_s={timeout_s} is never more than Limits.wall_s", capped, found)


def _sandboxes_are_independent(factory: SandboxFactory, public: Path) -> None:
    with started(factory, public) as first, started(factory, public) as second:
        hold("code runs", first.execute(_LEAVES_TRACES).ok)
        clause = "variables, files and environment of a sandbox are unknown to another"
        try:
            prints(clause, second, _LOOKS_FOR_TRACES, "False False False")
        finally:  # where it does not hold, the file may lie in a folder of the host
            first.execute("os.remove(os.path.join(tempfile.gettempdir(), 'own.txt'))")
        second.execute("import os\nos._exit(1)")
        prints("the death of one session does not touch another", first, "print(value)", "1")
        second.close()
        prints("the end of one sandbox does not touch another", first, "print(value)", "1")


LIFECYCLE_CLAUSES: tuple[LifeClause, ...] = (_start_and_close_are_idempotent, _a_closed_sandbox_does_nothing)
SESSION_LIFECYCLE_CLAUSES: tuple[LifeClause, ...] = (
    _the_seed_fixes_the_random_state,
    _the_limit_on_time_caps_the_timeout,
    _sandboxes_are_independent,
)
