"""What a sandbox costs: starts beside a plain kernel's, forks of a living session, round trips, memory.

The plain kernel is what a host without a fork server has: a new interpreter that imports the same libraries.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandboxes.kernels.spares import Spares
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import Sandbox

FIRST_CELL = (
    "import pandas as pd\nfrom sklearn.linear_model import LinearRegression\n"
    "print(LinearRegression().fit(pd.DataFrame({'x': [1.0, 2.0]}), [1.0, 2.0]).coef_)"
)
STATE = (
    "import numpy as np\nfrom sklearn.ensemble import HistGradientBoostingClassifier as H\n"
    "X = np.random.rand(20000, 20); y = (X[:, 0] > .5).astype(int); m = H(max_iter=20).fit(X, y)\n"
    "big = np.ones(int(float('0.5e9') / 8)); big.nbytes"
)
REFIT = "H(max_iter=5).fit(X, y).score(X, y) > .9, (X[:2000] @ X[:2000].T).shape, big.sum()"
ROUNDS = 9
STARTS = 25
PRINTS = 200
IDLE = 64


def plain_kernel() -> float:
    """Seconds from nothing to the end of the first cell in a kernel started as jupyter_client does."""
    from jupyter_client.manager import KernelManager

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        manager = KernelManager(transport="ipc", connection_file=f"{folder}/k.json", ip=f"{folder}/k")
        manager.start_kernel(stderr=-3)
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.execute_interactive(FIRST_CELL, timeout=60, output_hook=lambda _: None)
        seconds = time.perf_counter() - started
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return seconds


def first_cell(public: Path, spares: Spares | None = None) -> tuple[float, float]:
    """Seconds of a start, and from its beginning to the end of the first cell."""
    started = time.perf_counter()
    sandbox = LocalSandbox(public=public, spares=spares)
    sandbox.start()
    up = time.perf_counter() - started
    found = sandbox.execute(FIRST_CELL)
    seconds = time.perf_counter() - started
    sandbox.close()
    assert found.ok, found
    return up, seconds


def milliseconds(seconds: list[float]) -> list[str]:
    ordered = sorted(seconds)
    at = [statistics.median(ordered), ordered[0], ordered[int(0.95 * (len(ordered) - 1))]]
    return [f"{1000 * value:.1f}" for value in at] + [str(len(ordered))]


def starts(console: Console) -> None:
    table = Table("milliseconds", "median", "min", "p95", "n", "times faster", title="Start to the end of a first cell")
    with tempfile.TemporaryDirectory() as folder:
        public = Path(folder)
        (public / "train.csv").write_text("x\n1\n")
        first_cell(public)
        plain = [plain_kernel() for _ in range(ROUNDS)]
        forked = [first_cell(public) for _ in range(STARTS)]
        pool = Spares(2)
        for _ in range(2):
            first_cell(public, pool)
        pooled = []
        for _ in range(STARTS):
            time.sleep(0.3)  # as in an episode: there is something between two resets
            pooled.append(first_cell(public, pool))
        pool.close()
    base = statistics.median(plain)
    table.add_row("plain kernel with its imports", *milliseconds(plain), "1")
    for name, values in (("forked, isolated", forked), ("from the pool, isolated", pooled)):
        whole = [seconds for _, seconds in values]
        table.add_row(name, *milliseconds(whole), f"{base / statistics.median(whole):.0f}")
        table.add_row("  of it, the start", *milliseconds([up for up, _ in values]), "")
    console.print(table)


def forks(console: Console) -> None:
    table = Table("milliseconds", "median", "min", "p95", "n", title="Forks of a session that holds 0.5 GB and a model")
    with LocalSandbox() as parent:
        found = parent.execute(STATE)
        assert found.ok, found
        for n in (1, 8):
            seconds = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                branches = parent.fork(n)
                seconds.append(time.perf_counter() - started)
                assert all(b.report.forked == "memory" for b in branches), branches[0].report
                for branch in branches[:1]:
                    assert branch.execute(REFIT, timeout_s=60).ok
                for branch in branches:
                    branch.close()
            table.add_row(f"{n} branches" if n > 1 else "1 branch", *milliseconds(seconds))
    console.print(table)


def timed(sandbox: Sandbox, code: str, times: int) -> list[float]:
    seconds = []
    for n in range(times + 5):
        started = time.perf_counter()
        sandbox.execute(code)
        if n >= 5:  # the first ones warm up
            seconds.append(time.perf_counter() - started)
    return seconds


def plain_round_trips() -> list[float]:
    """Seconds of `1+1` in a plain kernel over its own client, until reply and idle."""
    from jupyter_client.manager import KernelManager

    with tempfile.TemporaryDirectory() as folder:
        manager = KernelManager(transport="ipc", connection_file=f"{folder}/k.json", ip=f"{folder}/k")
        manager.start_kernel(stderr=-3)
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        seconds = []
        for _ in range(PRINTS):
            started = time.perf_counter()
            client.execute_interactive("1+1", timeout=60, output_hook=lambda _: None)
            seconds.append(time.perf_counter() - started)
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return seconds


def round_trips(console: Console) -> None:
    table = Table("milliseconds", "median", "min", "p95", "n", title="Round trips")
    table.add_row("1+1, plain kernel and client", *milliseconds(plain_round_trips()))
    with LocalSandbox() as sandbox:
        for code in ("1+1", "print(1)"):
            table.add_row(f"{code}, sandbox", *milliseconds(timed(sandbox, code, PRINTS)))
    console.print(table)


def proportional_mib(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def idle_memory(console: Console) -> None:
    with LocalSandbox():
        pass
    lasting = descendants(os.getpid())
    before = len(list(Path("/proc/self/fd").iterdir()))
    started = time.perf_counter()
    sandboxes: list[Any] = []
    for _ in range(IDLE):
        sandboxes.append(LocalSandbox())
        sandboxes[-1].start()
        assert sandboxes[-1].execute(FIRST_CELL).ok
    opened = time.perf_counter() - started
    made = [pid for pid in descendants(os.getpid()) if pid not in lasting]
    own = proportional_mib(made) / IDLE
    server = proportional_mib(lasting)
    started = time.perf_counter()
    for sandbox in sandboxes:
        sandbox.close()
    closed = time.perf_counter() - started
    left = [pid for pid in descendants(os.getpid()) if pid not in lasting]
    fds = len(list(Path("/proc/self/fd").iterdir())) - before
    console.print(
        f"{IDLE} idle sandboxes, each having run a cell: {own:.1f} MiB PSS each ({len(made) / IDLE:.0f} processes), "
        f"the fork server {server:.0f} MiB; opened in {opened:.1f} s, closed in {closed:.1f} s; "
        f"left behind: {len(left)} processes, {fds} descriptors"
    )


PARTS: tuple[Callable[[Console], None], ...] = (starts, forks, round_trips, idle_memory)


def main() -> None:
    console = Console(width=120)
    for part in PARTS:
        part(console)
