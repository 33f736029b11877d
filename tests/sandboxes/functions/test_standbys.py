"""Processes that stand by for a call: as good as any, used once, and gone with their pool."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.forking.endings import await_endings
from sandboxes.functions import standbys
from sandboxes.functions.standbys import Standbys
from sandboxes.isolation import probe
from sandboxes.limits import Limits
from sandboxes.sandbox import IsolationLevel
from sandboxes.script import FunctionResult, run_function, standing_by, warm_up

pytestmark = pytest.mark.skipif(not probe(IsolationLevel.NAMESPACES).ok, reason="standbys are for level namespaces")

SOURCE = """
import os, random, resource, subprocess, time
from pathlib import Path
import numpy as np

def say(): return "first"
def look(folder):
    rights = [l.split()[1] for l in open("/proc/self/status") if l[:3] in ("Cap", "NoN", "Sec")]
    names = ("NOFILE", "FSIZE", "CORE", "NPROC", "CPU")
    bounds = [resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names]
    opened = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    left = sorted(os.readlink(path).partition(":")[0] for path in opened if os.path.lexists(path))
    return [rights, bounds, left, sorted(os.listdir("/")), os.listdir("/tmp"), os.getcwd(), dict(os.environ),
            os.getpid(), sorted(os.listdir(folder)), [str(f) for f in Path("/dev/shm").iterdir()]]
def draw(): return [random.random(), float(np.random.random())]
def remember():
    np.leftover = 1
    Path("/tmp/leftover").write_text("x")
def recall(): return [hasattr(np, "leftover"), Path("/tmp/leftover").exists()]
def reach(path): return open(path).read()
def write(folder): (folder / "result.csv").write_text("a")
def bomb(): return len(bytearray(1 << 30))
def large(folder): (folder / "large").write_bytes(bytes(3 << 20))
def pause(): time.sleep(20)
def vanish(): os._exit(3)
def leave_one_that_writes(folder):
    code = "import sys, time\\nwhile True:\\n open(sys.argv[1], 'a').write('x')"
    subprocess.Popen([__import__("sys").executable, "-c", code, str(folder / "grows")], start_new_session=True)
    while not (folder / "grows").exists(): time.sleep(0.01)
    return "left"
"""


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    path = tmp_path / "code.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def pool() -> Iterator[Standbys]:
    with standing_by():
        held = standbys.held()
        assert held is not None
        yield held


def call(foreign: Path, function: str, **options: Any) -> FunctionResult:
    return run_function(foreign, function, isolation="namespaces", **options)


def ready(pool: Standbys) -> list[Any]:
    with pool._lock:
        return [one for kind in pool._kinds.values() for one in kind.ready]


def await_full(pool: Standbys, host: Any, kinds: int = 1) -> list[Any]:
    assert host.becomes_true(lambda: len(ready(pool)) == 2 * kinds)
    return ready(pool)


def pid_of(standby: Any) -> int:
    lines = Path(f"/proc/self/fdinfo/{standby.tree.process}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def test_a_call_finds_a_process_that_is_as_any_other(foreign: Path, pool: Standbys, host: Any, tmp_path: Path) -> None:
    """Rights, bounds, descriptors, files, environment and process number are those of a process made for the call."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.csv").write_text("a")
    options: dict[str, Any] = {
        "arguments": {"folder": data},
        "readable": [data],
        "limits": Limits(file_mib=7, open_files=77, processes=33, cpu_s=9),
        "environment": {"OWN": "value"},
    }
    expected = call(foreign, "look", **options)
    assert expected.ok, expected
    before = await_full(pool, host)
    found = call(foreign, "look", **options)
    assert found.value == expected.value
    assert len(set(map(id, before)) & set(map(id, ready(pool)))) == 1, "one of them was taken"


def test_no_process_serves_two_calls(foreign: Path, pool: Standbys, host: Any) -> None:
    call(foreign, "say")
    for _ in range(3):
        first = await_full(pool, host)[0]
        process = pid_of(first)
        assert call(foreign, "remember").ok
        await_endings()
        assert not host.running(process)
        assert call(foreign, "recall").value == [False, False]


def test_the_file_is_read_when_it_is_called(foreign: Path, pool: Standbys, host: Any) -> None:
    assert call(foreign, "say").value == "first"
    await_full(pool, host)
    foreign.write_text("def say(): return 'second'")
    assert call(foreign, "say").value == "second"
    foreign.unlink()
    foreign.write_text("def say(): return 'another file'")
    assert call(foreign, "say").value == "another file"


def test_paths_that_were_not_named_are_out_of_reach(foreign: Path, pool: Standbys, host: Any, tmp_path: Path) -> None:
    secret, shown = tmp_path / "secret", tmp_path / "shown"
    for folder in (secret, shown):
        folder.mkdir()
        (folder / "a.csv").write_text("a")
    assert call(foreign, "reach", arguments={"path": str(secret / "a.csv")}, readable=[secret]).value == "a"
    await_full(pool, host)
    for path in (str(secret / "a.csv"), f"/.host{secret}/a.csv", str(Path(__file__))):
        found = call(foreign, "reach", arguments={"path": path}, readable=[shown])
        assert found.error_types[:1] == ("FileNotFoundError",), found
    await_full(pool, host)
    assert call(foreign, "write", arguments={"folder": shown}, readable=[shown]).error_types[0] == "OSError"
    assert call(foreign, "write", arguments={"folder": shown}, writable=[shown]).ok
    assert (shown / "result.csv").stat().st_uid == os.geteuid()


def test_the_limits_are_those_of_the_call(foreign: Path, pool: Standbys, host: Any, tmp_path: Path) -> None:
    call(foreign, "say", limits=Limits(memory_mib=4096))
    await_full(pool, host)
    assert call(foreign, "bomb", limits=Limits(memory_mib=512)).error_types[0] == "MemoryError"
    await_full(pool, host)
    large = call(foreign, "large", limits=Limits(file_mib=2), arguments={"folder": tmp_path}, writable=[tmp_path])
    assert large.error_types[0] == "OSError"
    await_full(pool, host)
    assert call(foreign, "pause", limits=Limits(wall_s=0.3)).status == "timeout"
    await_full(pool, host)
    assert call(foreign, "vanish").status == "killed"
    await_full(pool, host)
    assert call(foreign, "bomb", limits=Limits(memory_mib=2048)).value == 1 << 30


def test_unseeded_draws_differ_from_call_to_call(foreign: Path, pool: Standbys, host: Any) -> None:
    drawn = []
    for _ in range(3):
        drawn += call(foreign, "draw").value
        await_full(pool, host)
    assert len(set(drawn)) == 6


@pytest.mark.parametrize("held", [False, True])
def test_what_a_call_leaves_running_is_dead_when_the_call_is_over(
    foreign: Path, host: Any, tmp_path: Path, held: bool
) -> None:
    pool = None
    if held:
        standbys.hold()
        pool = standbys.held()
    try:
        for number in range(4):
            folder = tmp_path / f"out{number}"
            folder.mkdir()
            found = call(foreign, "leave_one_that_writes", arguments={"folder": folder}, writable=[folder])
            size = (folder / "grows").stat().st_size
            assert found.value == "left", found
            time.sleep(0.1)
            assert (folder / "grows").stat().st_size == size
            if pool is not None:
                await_full(pool, host)
    finally:
        if held:
            standbys.let_go()


@pytest.mark.parametrize("victim", ["supervisor", "worker"])
def test_one_that_has_died_is_not_taken(foreign: Path, pool: Standbys, host: Any, victim: str) -> None:
    call(foreign, "say")
    for one in await_full(pool, host):
        supervisor = pid_of(one)
        assert host.becomes_true(lambda pid=supervisor: host.descendants(pid) - {pid})
        below = host.descendants(supervisor) - {supervisor}
        os.kill(supervisor if victim == "supervisor" else min(below), signal.SIGKILL)
    assert call(foreign, "say").value == "first"
    assert call(foreign, "say").value == "first"


def test_a_host_that_cannot_show_what_is_asked_fails_as_without_one(
    foreign: Path, pool: Standbys, host: Any, tmp_path: Path
) -> None:
    call(foreign, "say")
    await_full(pool, host)
    with pytest.raises(ValueError, match="does not exist"):
        call(foreign, "say", readable=[tmp_path / "none"])
    with pytest.raises(Exception, match="null byte"):
        call(foreign, "say", environment={"NAME": "with a \0 in it"})


def test_files_of_another_user_and_modules_of_ours_are_had_as_well(
    foreign: Path, pool: Standbys, host: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.csv").write_text("a")
    call(foreign, "say")
    await_full(pool, host)
    if os.geteuid() == 0:
        (data / "a.csv").chmod(0o600)
        for path in (data, data / "a.csv"):
            os.chown(path, 12345, 12345)
    for _ in range(3):
        assert call(foreign, "reach", arguments={"path": str(data / "a.csv")}, readable=[data]).value == "a"
        made = run_function("sandboxes.limits", "scrubbed_environment", arguments={"home": "/x"})
        assert made.value["HOME"] == "/x"
        assert host.becomes_true(lambda: len(ready(pool)) == 2)


def test_modules_that_are_loaded_beforehand_are_had_at_once(foreign: Path, pool: Standbys, host: Any) -> None:
    module = "sandboxes.confinement.rlimits"
    warm_up((0,), [module, "sandboxes.no_such_module"])
    assert call(foreign, "say").value == "first"
    await_full(pool, host)
    assert all(module in one.preload for one in ready(pool))
    before = ready(pool)
    assert run_function(module, "mapped_bytes").value > 0
    assert len(set(map(id, before)) & set(map(id, ready(pool)))) == 1, "one of them was taken"


def test_threads_call_at_the_same_time(foreign: Path, pool: Standbys) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(call(foreign, "say").value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["first"] * 8


def test_the_end_of_the_context_leaves_nothing(foreign: Path, host: Any) -> None:
    call(foreign, "say")
    await_endings()
    processes, descriptors, threads = host.descendants(os.getpid()), host.descriptors(), threading.active_count()
    with standing_by():
        pool = standbys.held()
        assert pool is not None
        with standing_by():
            call(foreign, "say")
        await_full(pool, host)
        assert host.descendants(os.getpid()) - processes
    assert standbys.held() is None
    assert not [process for process in host.descendants(os.getpid()) - processes if host.running(process)]
    assert host.descriptors() <= descriptors
    assert threading.active_count() <= threads
    assert pool.take({"limits": {"cpus": None}, "confinement": {"binds": []}, "preload": []}, [], hash_seed=0) is None


def _call_in_child(foreign: Path, results: Any) -> None:
    results.put((standbys.held() is None, call(foreign, "say").value))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_host_takes_nothing_from_its_parents_pool(foreign: Path, pool: Standbys, host: Any) -> None:
    call(foreign, "say")
    await_full(pool, host)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_call_in_child, args=(foreign, results))
    child.start()
    assert results.get(timeout=60) == (True, "first")
    child.join(30)
    assert child.exitcode == 0
    assert len(ready(pool)) == 2
    assert call(foreign, "say").value == "first"


def test_an_ordinary_users_calls_find_them_too(as_ordinary_user: Any) -> None:
    printed = as_ordinary_user(
        """
import tempfile, time
from pathlib import Path
from sandboxes.functions import standbys
from sandboxes.isolation import probe
from sandboxes.sandbox import IsolationLevel
from sandboxes.script import run_function, standing_by
if not probe(IsolationLevel.NAMESPACES).ok:
    raise SystemExit(print("skip"))
with tempfile.TemporaryDirectory() as folder, standing_by():
    out = Path(folder, "out")
    out.mkdir()
    module = Path(folder, "m.py")
    module.write_text("def f(out, n): (out / str(n)).write_text('x'); return n")
    for n in range(3):
        print(run_function(module, "f", arguments={"out": out, "n": n}, writable=[out]).value, end=" ")
        deadline = time.monotonic() + 20
        full = lambda: [len(kind.ready) for kind in standbys.held()._kinds.values()] == [2]
        while not full() and time.monotonic() < deadline:
            time.sleep(0.01)
    print(len(list(out.iterdir())), full())
"""
    )
    if printed.strip() == "skip":
        pytest.skip("an ordinary user has no namespaces here")
    assert printed.split() == ["0", "1", "2", "3", "True"]
