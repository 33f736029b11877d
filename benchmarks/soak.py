"""Many episodes with random faults: nothing may be left behind, and every episode must end with the truth.

`python -m benchmarks soak`; the number of episodes is the environment variable `EPISODES`, 1,000 by default.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
from rich.console import Console
from rich.table import Table

import mlesmith_env  # noqa: F401 - registers the environment

EPISODES = 1_000
THREADS = 3
WARM_UP = 60
"""Episodes after which the host's memory counts as where it began: by then every fault has been met."""
TASK = "builtin:wine"
SUBMIT = """
import os, pandas as pd
if os.path.exists("big"): os.remove("big")
sample = pd.read_csv("public/sample_submission.csv")
sample.to_csv("submission.csv", index=False)
"""
_SETTLE_S = 20.0


@dataclass(slots=True)
class Report:
    """What a soak found."""

    episodes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lies: list[str] = field(default_factory=list)
    """Episodes whose end was not what had happened."""
    left: dict[str, Any] = field(default_factory=dict)
    """What was there at the end and not at the beginning; empty where all is clean."""
    memory_mib: tuple[float, float] = (0.0, 0.0)
    """Resident memory of the host after the warm-up and at the end."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong in mid-episode, and what the environment has to say of it."""

    happen: Callable[[Any], dict[str, Any]]
    """Does it; gives the info of the step in which it showed."""
    holds: Callable[[dict[str, Any]], bool]


def run(env: Any, code: str) -> dict[str, Any]:
    info: dict[str, Any] = env.step({"type": "run_code", "code": code})[4]
    return info


def session_of(env: Any) -> Any:
    return env.unwrapped._running.sandbox._session


def pid_of(process: int) -> int:
    lines = Path(f"/proc/self/fdinfo/{process}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def kill_kernel(env: Any) -> dict[str, Any]:
    supervisor = pid_of(session_of(env).tree.process)
    for pid in children_of(supervisor):
        os.kill(pid, signal.SIGKILL)
    while children_of(supervisor):
        time.sleep(0.005)
    return run(env, "print(1)")


def kill_supervisor(env: Any) -> dict[str, Any]:
    tree = session_of(env).tree
    os.kill(pid_of(tree.process), signal.SIGKILL)
    while tree.alive():
        time.sleep(0.005)
    return run(env, "print(1)")


def fork_and_leave(env: Any) -> dict[str, Any]:
    run(env, "x = 1")
    one, two = env.unwrapped.fork(2)
    info: dict[str, Any] = one.step({"type": "run_code", "code": "print(x)"})[4]
    one.close()
    two.close()
    return info


def ended_by_code(status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda info: info["status"] == status and info["error_type"] == "agent" and not info["mask_sample"]


def is_ours(info: dict[str, Any]) -> bool:
    return bool(info["mask_sample"]) and info["error_type"] == "infrastructure"


FAULTS: dict[str, Fault] = {
    "none": Fault(lambda env: run(env, "print(1)"), lambda info: info["status"] == "ok"),
    "kernel killed": Fault(kill_kernel, ended_by_code("killed")),
    "code ends its session": Fault(lambda env: run(env, "import os; os._exit(1)"), ended_by_code("killed")),
    "supervisor killed": Fault(kill_supervisor, is_ours),
    "timeout": Fault(lambda env: run(env, "while True: pass"), ended_by_code("timeout")),
    "memory": Fault(lambda env: run(env, "x = bytearray(3 << 30)"), ended_by_code("error")),
    "full disk": Fault(lambda env: run(env, "open('big', 'wb').write(bytes(64 << 20))"), ended_by_code("error")),
    "daemon left": Fault(
        lambda env: run(env, "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"),
        lambda info: info["status"] == "ok",
    ),
    "forked": Fault(fork_and_leave, lambda info: info["status"] == "ok" and info["forked"] == "memory"),
}
THREAD_KILLED = "host thread killed"


def make() -> Any:
    limits = {"memory_mib": 1024, "disk_mib": 32, "file_mib": 32}
    return gym.make("MLESmith-v0", task=TASK, run_s=1.0, max_steps=8, limits=limits, disable_env_checker=True)


def episode(env: Any, seed: int, fault: str, report: Report) -> None:
    """One episode in which one thing goes wrong; what the environment says must be what happened."""
    env.reset(seed=seed)
    told = FAULTS[fault].happen(env)
    lies = [] if FAULTS[fault].holds(told) else [f"{fault}: told as {told['status']}, {told['error_type']}"]
    if not told["mask_sample"]:
        graded = run(env, SUBMIT)
        if graded["outcome"] != "scored":
            lies.append(f"{fault}: a valid submission is {graded['outcome']!r} ({graded['error']})")
        _, _, terminated, _, last = env.step({"type": "submit"})
        if not terminated or last["mask_sample"] or last["outcome"] != "scored":
            lies.append(f"{fault}: the end is {last['outcome']!r}, {last['error']}")
    report.lies += [f"episode {seed}: {lie}" for lie in lies]


class _Killed(BaseException):
    """Raised in a host thread from outside."""


def killed_in_mid_step(env: Any, seed: int) -> None:
    """A thread of the host that steps is ended from outside; the environment is then closed by another."""
    env.reset(seed=seed)

    def play() -> None:
        try:
            run(env, "import time; time.sleep(0.4)")
        except _Killed:
            return

    thread = threading.Thread(target=play)
    thread.start()
    time.sleep(0.05)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Killed))
    thread.join()


def work(seeds: list[int], report: Report, lock: threading.Lock) -> None:
    env = make()
    while True:
        with lock:
            if not seeds:
                break
            seed = seeds.pop()
        chosen = random.Random(seed).choice([*FAULTS, THREAD_KILLED])
        try:
            if chosen == THREAD_KILLED:
                killed_in_mid_step(env, seed)
                env.close()
                env = make()
            else:
                episode(env, seed, chosen, report)
        except Exception as error:  # noqa: BLE001 - a soak reports what it did not expect and goes on
            report.lies.append(f"episode {seed}: {chosen}: {type(error).__name__}: {error}")
            env.close()
            env = make()
        with lock:
            report.episodes += 1
            report.faults[chosen] += 1
    env.close()


def soak(episodes: int, *, seed: int = 0) -> Report:
    """Run the episodes in a few threads."""
    report, lock = Report(), threading.Lock()
    started = time.perf_counter()
    make().close()
    _play(list(range(seed, seed + WARM_UP)), report, lock)
    before, memory = _state(), _resident_mib()
    _play(list(range(seed + WARM_UP, seed + WARM_UP + episodes)), report, lock)
    deadline = time.monotonic() + _SETTLE_S
    while (left := _more(before, _state())) and time.monotonic() < deadline:
        time.sleep(0.2)
    report.left, report.memory_mib = left, (memory, _resident_mib())
    report.seconds = time.perf_counter() - started
    return report


def _play(seeds: list[int], report: Report, lock: threading.Lock) -> None:
    threads = [threading.Thread(target=work, args=(seeds, report, lock)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    from generators.competitions.graders import graders

    graders.close()  # kept warm for a minute otherwise
    gc.collect()


def _state() -> dict[str, set[str]]:
    """What could be left behind: processes, descriptors, folders, control groups."""
    from sandboxes.confinement.cgroup_places import PREFIX, find

    descriptors = list(Path("/proc/self/fd").iterdir())
    paths = (path for parent in find().parents for path in Path(parent).iterdir())
    groups = {path.name for path in paths if path.name.startswith(PREFIX)}
    return {
        "processes": {str(pid) for pid in _descendants(os.getpid())},
        "descriptors": {str(n) for n in range(len(descriptors))},
        "folders": {path.name for path in Path(tempfile.gettempdir()).iterdir() if path.name.startswith("ml")},
        "groups": {name for name in groups if f"-{os.getpid()}-" in name},
    }


def _more(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, list[str]]:
    return {kind: sorted(after[kind] - before[kind]) for kind in after if after[kind] - before[kind]}


def _descendants(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        below = children_of(waiting.pop())
        found += below
        waiting += below
    return found


def children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20)


def main() -> None:
    report = soak(int(os.environ.get("EPISODES", EPISODES)))
    table = Table("fault", "episodes", title=f"{report.episodes} episodes in {report.seconds:.0f} s")
    for name, count in sorted(report.faults.items()):
        table.add_row(name, str(count))
    console = Console(width=120)
    console.print(table)
    console.print(f"told otherwise than it was: {len(report.lies)}")
    for lie in report.lies[:20]:
        console.print(f"  {lie}", markup=False)
    first, last = report.memory_mib
    console.print(f"resident memory of the host: {first:.0f} MiB after the warm-up, {last:.0f} MiB at the end")
    console.print(f"left behind: {report.left or 'nothing'}", markup=False)
    if report.lies or report.left:
        sys.exit(1)
