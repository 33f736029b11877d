"""Runs over many datasets: kills, memory, throughput, and the same bytes wherever and however they are made.

`python -m benchmarks scale` measures all. `python -c "from benchmarks import scale; scale.kills(50)"` measures one of
`kills`, `memory`, `throughput` and `processes`, over as many as are named.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from generators.competitions.package import LEADERBOARD
from generators.runs.journal import JOURNAL
from generators.runs.run import FUNNEL

ROOT = Path(__file__).parents[1]
QUICK, FULL = "generators.runs.crew:rules", "mlesmith_env.making:crew"
"""Crews without and with a trial in the environment."""
_RUN = """
import sys
from pathlib import Path
from generators.runs.job import jobs_of
from generators.runs.run import run
raw, out, crew, workers, resume = sys.argv[1:]
run(jobs_of([raw], each=True), Path(out), crew=crew, options={"limit": 1}, version="benchmark",
    workers=int(workers), resume=resume == "resume")
"""
_PAUSE_S = 0.25


def raw_data(folder: Path, datasets: int, rows: int = 300) -> Path:
    """Small tables that each support a formulation, below `folder`."""
    for number in range(datasets):
        rng = np.random.default_rng(number)
        height, slope = rng.normal(10, 2, rows).round(2), rng.uniform(0, 45, rows).round(1)
        healthy = height - 0.1 * slope + rng.normal(0, 1, rows) > 8
        table = {"height_m": height, "slope": slope, "healthy": np.where(healthy, "yes", "no")}
        place = folder / f"plot{number:03d}"
        place.mkdir(parents=True)
        pd.DataFrame(table).to_csv(place / "trees.csv", index=False)
    return folder


def start(
    raw: Path,
    out: Path,
    *,
    crew: str = QUICK,
    workers: int = 1,
    resume: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> subprocess.Popen[bytes]:
    """A run in a process of its own."""
    command = [sys.executable, "-c", _RUN, str(raw), str(out), crew, str(workers), "resume" if resume else ""]
    known = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.Popen(command, env=known, cwd=cwd)


def finish(raw: Path, out: Path, **options: object) -> float:
    """A run to its end; gives its seconds. Raises `RuntimeError` where it fails."""
    started = time.perf_counter()
    process = start(raw, out, **options)  # type: ignore[arg-type]  # handed on as they came
    if process.wait() != 0:
        raise RuntimeError(f"the run into {out} ended with {process.returncode}")
    return time.perf_counter() - started


def contents(out: Path) -> dict[str, str]:
    """SHA-256 of every file of a pool by its path, measured times left out: the journal, seconds in other files."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            found[name] = "neither a file nor a folder"
        elif path.is_file() and name != JOURNAL:
            data = path.read_bytes()
            if path.name in (FUNNEL, "verification.json", "verdict.json"):
                data = json.dumps(_timeless(json.loads(data)), sort_keys=True).encode()
            elif path.name == LEADERBOARD:
                data = pd.read_csv(path, dtype=str).drop(columns="seconds").to_csv().encode()
            found[name] = hashlib.sha256(data).hexdigest()
    return found


def _timeless(data: object) -> object:
    if isinstance(data, dict):
        return {key: _timeless(value) for key, value in data.items() if key != "seconds" and not key.endswith("_s")}
    return [_timeless(value) for value in data] if isinstance(data, list) else data


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Paths that are in one alone, or differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def kills(moments: int = 50, datasets: int = 4, seed: int = 0) -> None:
    """Kill runs at random moments, go on with them, and compare each result with that of an undisturbed run."""
    console, chance = Console(width=140), random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        raw = raw_data(home / "raw", datasets)
        usual = finish(raw, home / "whole", workers=2)
        whole = contents(home / "whole")
        done, runs, wrong, left = 0, 0, list[str](), set[Path]()
        while done < moments:
            out = home / f"killed-{runs}"
            temporary = home / f"tmp-{runs}"
            temporary.mkdir()
            env = {"TMPDIR": str(temporary)}
            while done < moments:  # the same run is killed until it comes to its end between two kills
                process = start(raw, out, workers=2, resume=True, env=env)
                try:
                    process.wait(timeout=chance.uniform(0, usual))
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    done += 1
            finish(raw, out, workers=2, resume=True, env=env)
            wrong += [f"run {runs}: {name}" for name in differences(whole, contents(out))]
            left |= set(temporary.iterdir())
            runs += 1
        console.print(f"kills: {done} in {runs} runs of {datasets} datasets (undisturbed {usual:.0f} s)")
        console.print(f"files that differ from the undisturbed run: {len(wrong)}; temporary files left: {len(left)}")
        for line in [*wrong[:10], *map(str, sorted(left)[:10])]:
            console.print(line, markup=False)


def memory(datasets: int = 500, every: int = 50, workers: int = 2) -> None:
    """Resident memory of the run and its workers, warm sandboxes included, as datasets go through."""
    table = Table("datasets", "run MiB", "workers and below MiB, peak", title="Memory of a run")
    with tempfile.TemporaryDirectory() as scratch:
        raw, out = raw_data(Path(scratch, "raw"), datasets), Path(scratch, "pool")
        process = start(raw, out, workers=workers)
        shown, run_peak, below_peak = 0, 0.0, 0.0
        while process.poll() is None:
            time.sleep(_PAUSE_S)
            run, below = _resident(process.pid)
            run_peak, below_peak = max(run_peak, run), max(below_peak, below)
            placed = sum(1 for _ in out.glob("plot*"))
            if placed >= shown + every:
                shown = placed
                table.add_row(str(placed), f"{run_peak:.0f}", f"{below_peak:.0f}")
                run_peak = below_peak = 0.0
    Console(width=140).print(table)


def _resident(pid: int) -> tuple[float, float]:
    """Proportional MiB of a process, and of all below it: shared pages count by shares."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    below, waiting = 0.0, list(children.get(pid, []))
    while waiting:
        child = waiting.pop()
        below += _share(child)
        waiting += children.get(child, [])
    return _share(pid), below


def _share(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def throughput(datasets: int = 6) -> None:
    """Seconds with two workers against one, the trial included."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = raw_data(Path(scratch, "raw"), datasets)
        seconds = {n: finish(raw, Path(scratch, f"pool-{n}"), crew=FULL, workers=n) for n in (1, 2)}
        same = not differences(*(contents(Path(scratch, f"pool-{n}")) for n in (1, 2)))
    console = Console(width=140)
    console.print(
        f"throughput over {datasets} datasets: -j 1 {seconds[1]:.0f} s, -j 2 {seconds[2]:.0f} s, "
        f"{seconds[1] / seconds[2]:.2f} times; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
        f"the same bytes: {'yes' if same else 'no'}"
    )


def processes(datasets: int = 3) -> None:
    """The same datasets in fresh processes with other hash seeds, working directories and numbers of workers."""
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        raw = raw_data(home / "raw", datasets)
        for number, hash_seed in enumerate(("0", "1", "random")):
            cwd = home / f"from-{number}"
            cwd.mkdir()
            out = home / f"pool-{number}"
            finish(raw, out, workers=1 + number % 2, env={"PYTHONHASHSEED": hash_seed}, cwd=cwd)
            found[hash_seed] = contents(out)
    console = Console(width=140)
    for hash_seed, files in found.items():
        names = differences(found["0"], files)
        told = "the same" if not names else f"{len(names)} differ: {', '.join(names[:5])}"
        console.print(f"PYTHONHASHSEED={hash_seed}: {len(files)} files, {told}", markup=False)


def main() -> None:
    processes()
    kills()
    throughput()
    memory()
