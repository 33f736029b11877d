"""The sandbox in a container: what a container costs, and what the next episode in it costs.

A reset is measured from `start()` to the end of the first cell that has used pandas and scikit-learn: in a container
made for it, and in one that an earlier sandbox has left.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.steps import milliseconds
from sandboxes.containers.container import Container
from sandboxes.containers.idle import idle
from sandboxes.docker import DockerSandbox
from sandboxes.errors import SandboxStartError

CONTAINERS = 5
RESETS = 15
ROUND_TRIPS = 100
FIRST_CELL = """
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
frame = pd.read_csv("public/train.csv")
print(LogisticRegression().fit(frame[["x"]], frame["y"]).score(frame[["x"]], frame["y"]))
"""


def seconds(action: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - started


def main() -> None:
    names = ("container alone", "first reset, with a new container", "reset in a container used before")
    parts = ("of it, the start", "round trip, print(1)", "close that keeps the container", "close that removes it")
    rows: dict[str, list[float]] = {name: [] for name in (*names, *parts)}
    with tempfile.TemporaryDirectory() as scratch:
        public = Path(scratch) / "public"
        public.mkdir(mode=0o755)
        (public / "train.csv").write_text("x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(50)))
        try:
            settings = DockerSandbox(public=public)._settings()
        except SandboxStartError as reason:
            print(f"No containers are measured: {reason}")
            return
        for n in range(CONTAINERS):
            started = time.perf_counter()
            container = Container(settings)
            rows[names[0]].append(time.perf_counter() - started)
            container.remove()
            last = n == CONTAINERS - 1
            sandbox = DockerSandbox(public=public, keep_s=60 if last else 0)
            rows[names[1]].append(seconds(sandbox.start) + seconds(sandbox.execute, FIRST_CELL))
            rows[parts[2 if last else 3]].append(seconds(sandbox.close))
        for _ in range(RESETS):
            sandbox = DockerSandbox(public=public, keep_s=60)
            start = seconds(sandbox.start)
            rows[parts[0]].append(start)
            rows[names[2]].append(start + seconds(sandbox.execute, FIRST_CELL))
            for _ in range(ROUND_TRIPS // RESETS):
                rows[parts[1]].append(seconds(sandbox.execute, "print(1)"))
            rows[parts[2]].append(seconds(sandbox.close))
        idle.close()
    table = Table("milliseconds", "median", "min", "p95", "n", title="Sandboxes in containers")
    for name, values in rows.items():
        table.add_row(name, *milliseconds(values), str(len(values)))
    Console().print(table)
