"""Seconds to generate, verify and publish competitions from the built-in sets, and in which stage they go."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import mlesmith_env
from generators.datasets.sources import builtin_names


def main() -> None:
    table = Table("dataset", "competitions", "rejected", "seconds", "seconds each", "stages", title="Generation")
    each: list[float] = []
    for name in builtin_names():
        with tempfile.TemporaryDirectory() as scratch:
            started = time.perf_counter()
            generation = mlesmith_env.generate(f"builtin:{name}", Path(scratch) / "pool")
            seconds = time.perf_counter() - started
        made = len(generation.published)
        each += [seconds / made] * made if made else []
        stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in generation.seconds.items())
        table.add_row(
            name,
            str(made),
            str(len(generation.rejected)),
            f"{seconds:.1f}",
            f"{seconds / made:.1f}" if made else "-",
            stages,
        )
    console = Console(width=140)
    console.print(table)
    console.print(f"median seconds per verified competition: {statistics.median(each):.1f}")
