"""`WarmFunction`: prepared once, and no call sees anything of another."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.errors import SandboxError, SandboxLostError
from sandboxes.forking import forkserver
from sandboxes.limits import Limits
from sandboxes.warm import WarmFunction

SOURCE = """
import os, resource, signal, subprocess, sys, time
import numpy as np

CALLS = []

def prepare(values=(1, 2), **_):
    print("dropped")
    return list(values)
def prepare_raising(**_): raise ValueError("cannot be prepared")
def prepare_dying(**_): os._exit(7)
def prepare_slowly(**_): time.sleep(30)
def prepare_large(**_): return np.ones(20 << 17)
def rehearse(state): state.append("rehearsed")
def rehearse_in_steps(state):
    for step in range(3):
        state.append(f"step {step}")
        yield
def rehearse_without_end(state):
    while True:
        state[:] = ["rehearsed"]
        yield

def call(state, do, **arguments): return globals()[do](state, **arguments)
def keep(state, value):
    state.append(value); CALLS.append(value); np.leftover = value
    return [list(map(str, state)), len(CALLS)]
def who(state): return [os.getpid(), os.getppid(), os.getsid(0)]
def speak(state): print("out"); print("err", file=sys.stderr)
def view(state, data): return [type(data).__name__, data.readonly, len(data), bytes(data[:3]).decode()]
def raise_own(state): raise LookupError("told")
def vanish(state): os._exit(3)
def crash(state): os.kill(os.getpid(), signal.SIGSEGV)
def loop(state):
    print("started", flush=True)
    while True: pass
def kill_parent(state): os.kill(os.getppid(), signal.SIGKILL); time.sleep(20)
def stop_parent(state): os.kill(os.getppid(), signal.SIGSTOP); return 1
def kill_all(state): os.kill(-1, signal.SIGKILL); time.sleep(20)
def daemon(state): return subprocess.Popen(["sleep", "67"], start_new_session=True).pid
def write(state, path): open(path, "w").write("left"); return sorted(os.listdir(os.path.dirname(path)))
def exists(state, path): return os.path.exists(path)
def touch_and_remove(state): open("x", "w").close(); os.remove("x"); os.utime(".", (1, 1))
def times(state): return os.stat(".").st_mtime
def cripple_parent(state):
    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (5, 5))
    os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
def memory_of_parent(state):
    with open(f"/proc/{os.getppid()}/mem", "rb") as f: f.read(1)
def descriptors(state):
    paths = ["/proc/self/fd/" + fd for fd in os.listdir("/proc/self/fd")]
    return [os.readlink(path) for path in paths if os.path.islink(path)]
def bomb(state): return len(bytearray(1 << 30))
def spin(state):
    end = time.process_time() + 4
    while time.process_time() < end: pass
def draw(state):
    import random
    return [random.random(), float(np.random.random())]
def closes_early(state):
    for fd in range(3, 32):
        try: os.write(fd, b'{"status": "ok", "value": "forged"}')
        except OSError: pass
    os.closerange(3, 32)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("foreign") / "metric.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def make(foreign: Path) -> Iterator[Callable[..., WarmFunction]]:
    made: list[WarmFunction] = []

    def make(prepare: str = "prepare", **options: Any) -> WarmFunction:
        made.append(WarmFunction(foreign, "call", prepare=prepare, **options))
        return made[-1]

    yield make
    for function in made:
        function.close()


Make = Callable[..., WarmFunction]


def call(function: WarmFunction, do: str, **arguments: Any) -> Any:
    found = function.call({"do": do, **arguments})
    assert found.ok, found
    return found.value


def worker(function: WarmFunction) -> int:
    """The process that the calls are forked from, as they see it."""
    return call(function, "who")[1]


def test_it_is_prepared_once_and_each_call_starts_from_that(make: Make, any_level: str) -> None:
    function = make(isolation=any_level, prepare_with={"values": ["a"]})
    function.warm()
    for value in ("x", "y", "z"):
        assert call(function, "keep", value=value) == [["a", value], 1]
    assert worker(function) == worker(function)


def test_each_call_has_a_process_and_a_session_of_its_own(make: Make) -> None:
    function = make()
    first, second = call(function, "who"), call(function, "who")
    assert first[0] != second[0]
    assert first[2] == first[0]


def test_what_is_rehearsed_is_seen_by_one_call_alone(make: Make) -> None:
    function = make(rehearse="rehearse")
    for _ in range(2):
        assert call(function, "keep", value="x") == [["1", "2", "rehearsed", "x"], 1]


def test_steps_of_a_rehearsal_are_taken_until_a_call_comes(make: Make, host: Any) -> None:
    function = make(rehearse="rehearse_in_steps")
    steps = ["1", "2", "step 0", "step 1", "step 2"]
    call(function, "who")
    assert host.becomes_true(lambda: call(function, "keep", value="x") in [[[*steps, "x"], 1]])
    assert call(make(rehearse="rehearse_without_end"), "keep", value="x") == [["rehearsed", "x"], 1]


def test_arguments_of_one_call_are_not_seen_by_the_next(make: Make) -> None:
    function = make()
    for size in (9 << 20, 70 << 20, 3, 1 << 20, 0, 5 << 20):
        data = memoryview(b"abc" * (size // 3))
        assert call(function, "view", data=data) == ["memoryview", True, len(data), "abc" if size else ""]


def test_output_values_and_exceptions_come_back_as_from_one_call(make: Make) -> None:
    function = make()
    found = function.call({"do": "speak"})
    assert (found.stdout, found.stderr) == ("out\n", "err\n")
    found = function.call({"do": "raise_own"})
    assert (found.status, found.error_types[0], found.error_message) == ("error", "LookupError", "told")
    assert "metric.py" in found.traceback
    assert "worker" not in found.traceback


def test_a_memoryview_arrives_uncopied_and_read_only(make: Make) -> None:
    data = memoryview(b"abc" + bytes(5 << 20))
    assert call(make(), "view", data=data) == ["memoryview", True, len(data), "abc"]


def test_unseeded_draws_differ_from_call_to_call(make: Make) -> None:
    function = make()
    one, two = call(function, "draw"), call(function, "draw")
    assert one[0] != two[0]
    assert one[1] != two[1]


def test_what_prepare_raises_is_the_result_of_every_call(make: Make) -> None:
    function = make("prepare_raising")
    for _ in range(2):
        found = function.call({"do": "who"})
        assert (found.status, found.error_types[0], found.error_message) == (
            "error",
            "ValueError",
            "cannot be prepared",
        )
        assert found.stdout == ""


def test_a_prepare_that_dies_or_takes_too_long_is_told_at_each_call(make: Make) -> None:
    for _ in range(2):
        assert make("prepare_dying").call({"do": "who"}).status == "killed"
    function = make("prepare_slowly", limits=Limits(wall_s=0.5))
    for _ in range(2):
        assert function.call({"do": "who"}).status == "timeout"


@pytest.mark.parametrize("do", ["vanish", "crash", "kill_parent", "kill_all"])
def test_a_call_that_dies_is_killed_and_the_next_one_is_as_any(make: Make, do: str, any_level: str) -> None:
    if do == "kill_all" and any_level != "namespaces":
        pytest.skip("without a process namespace that could end processes of this host")
    function = make(isolation=any_level)
    found = function.call({"do": do}, wall_s=10)
    assert found.status == "killed", found
    assert found.error_message
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


def test_an_endless_call_is_a_timeout_that_keeps_its_output_and_leaves_nothing(
    make: Make, any_level: str, host: Any
) -> None:
    function = make(isolation=any_level)
    server = forkserver.shared_server()._process.pid
    others = host.descendants(server)
    call(function, "who")
    ours = host.descendants(server) - others
    found = function.call({"do": "loop"}, wall_s=0.5)
    assert (found.status, found.stdout) == ("timeout", "started\n")
    assert ours
    assert not [pid for pid in ours if host.running(pid)]
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


def test_a_stopped_worker_does_not_block_the_host(make: Make) -> None:
    function = make()
    function.call({"do": "stop_parent"}, wall_s=2)
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


def test_a_process_left_behind_is_ended_soon_after_the_call(make: Make, any_level: str, host: Any) -> None:
    function = make(isolation=any_level)
    call(function, "daemon")
    assert host.becomes_true(lambda: not host.commands("sleep 67"))
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


def test_a_call_that_forges_its_result_and_runs_on_is_ended(make: Make, host: Any) -> None:
    function = make()
    call(function, "who")
    server = forkserver.shared_server()._process.pid
    time.sleep(1)  # the process of the next call is forked ahead
    idle = len(host.descendants(server))
    assert function.call({"do": "closes_early"}).value == "forged"
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]
    assert host.becomes_true(lambda: len(host.descendants(server)) <= idle)


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_a_file_left_behind_is_gone_at_the_next_call(make: Make, folder: str) -> None:
    function = make(isolation="namespaces")
    assert call(function, "write", path=f"{folder}/left").count("left") == 1
    assert call(function, "exists", path=f"{folder}/left") is False


def test_nothing_is_told_by_the_times_of_the_scratch_folder(make: Make, any_level: str) -> None:
    function = make(isolation=any_level)
    call(function, "touch_and_remove")
    assert call(function, "times") != 1


def test_what_a_call_does_to_the_worker_does_not_last(make: Make, confined: str) -> None:
    function = make(isolation=confined)
    before = worker(function)
    call(function, "cripple_parent")
    call(function, "keep", value="x")
    if confined == "landlock":
        assert worker(function) != before
    found = function.call({"do": "memory_of_parent"})
    assert found.error_types[0] in ("PermissionError", "FileNotFoundError"), found


def test_a_call_holds_no_descriptor_of_ours(make: Make) -> None:
    found = call(make(isolation="namespaces"), "descriptors")
    assert not [link for link in found if link.startswith("socket")], found


def test_limits_hold_for_each_call(make: Make) -> None:
    function = make(limits=Limits(memory_mib=600, cpu_s=1, wall_s=20))
    for _ in range(2):
        assert function.call({"do": "bomb"}).error_types[0] == "MemoryError"
        found = function.call({"do": "spin"})
        assert found.status == "killed"
        assert found.error_message == "the process was ended by SIGKILL", found


def test_arguments_too_large_for_the_limits_are_the_machinerys_failure(make: Make) -> None:
    function = make(limits=Limits(memory_mib=64))
    with pytest.raises(SandboxError, match="set up"):
        function.call({"do": "who", "data": bytes(200 << 20)})
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


@pytest.mark.parametrize("victim", ["supervisor", "server"])
def test_machinery_that_is_killed_is_no_verdict_on_the_function(
    make: Make, confined: str, host: Any, victim: str
) -> None:
    server = forkserver.shared_server()._process.pid
    others = host.descendants(server)
    function = make(isolation=confined)
    call(function, "who")
    supervisor = min(host.descendants(server) - others)
    timer = threading.Timer(0.5, os.kill, [supervisor if victim == "supervisor" else server, signal.SIGKILL])
    timer.start()
    with pytest.raises(SandboxLostError):
        function.call({"do": "loop"}, wall_s=20)
    timer.join()
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


def test_a_tree_that_dies_while_it_waits_is_replaced(make: Make, host: Any) -> None:
    server = forkserver.shared_server()._process.pid
    others = host.descendants(server)
    function = make()
    call(function, "who")
    for pid in sorted(host.descendants(server) - others):
        with contextlib.suppress(ProcessLookupError):  # the first takes the others with it
            os.kill(pid, signal.SIGKILL)
    assert call(function, "keep", value="x") == [["1", "2", "x"], 1]


def test_threads_take_turns(make: Make) -> None:
    function = make()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda n=n: found.append(call(function, "keep", value=n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[["1", "2", str(n)], 1] for n in range(8)]


def test_close_leaves_no_process_descriptor_or_folder(
    make: Make, any_level: str, host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    function = make(isolation=any_level)
    call(function, "who")
    function.close()
    server = forkserver.shared_server()._process.pid
    processes, descriptors, folders = (
        host.descendants(server),
        host.descriptors(),
        set(tmp_path.iterdir()),
    )
    function = make(isolation=any_level)
    call(function, "who")
    function.call({"do": "loop"}, wall_s=0.3)
    call(function, "daemon")
    call(function, "who")
    assert host.descendants(server) - processes
    function.close()
    function.close()
    assert host.becomes_true(lambda: not host.descendants(server) - processes)
    assert host.becomes_true(lambda: host.descriptors() <= descriptors)  # zmq closes its own a moment later
    assert set(tmp_path.iterdir()) == folders


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_host_leaves_its_parents_function_alone_and_has_its_own(make: Make) -> None:
    function = make()
    before = worker(function)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(call(function, "keep", value="x")).encode())
            function.close()
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    assert os.read(reader, 1000) == b"[['1', '2', 'x'], 1]"
    os.close(reader)
    assert worker(function) == before


_HOST = """
import sys, time
from pathlib import Path
from sandboxes.warm import WarmFunction
function = WarmFunction(Path(sys.argv[1]), "call", prepare="prepare", isolation=sys.argv[2])
function.call({"do": "who"})
from sandboxes.forking import forkserver
print(forkserver.shared_server()._process.pid, flush=True)
if sys.argv[3] == "wait":
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("any_level", "ending"),
    [
        ("namespaces", "killed"),
        ("landlock", "killed"),
        ("process", "killed"),
        ("namespaces", "return"),
        pytest.param("landlock", "return", marks=pytest.mark.slow),
        pytest.param("process", "return", marks=pytest.mark.slow),
    ],
    indirect=["any_level"],
)
def test_nothing_outlives_the_host(host: Any, foreign: Path, any_level: str, ending: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    how = "wait" if ending == "killed" else "return"
    command = [sys.executable, "-c", _HOST, str(foreign), any_level, how]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        below = {server, *host.descendants(server)}
        if ending == "killed":
            process.kill()
    assert host.becomes_true(lambda: not [pid for pid in below if host.running(pid)])
    assert host.becomes_true(lambda: not list(tmp_path.iterdir()))


def test_an_ordinary_user_has_it_too(as_ordinary_user: Callable[[str], str]) -> None:
    program = """
from sandboxes.warm import WarmFunction
with WarmFunction("sandboxes.limits", "_warm_test", prepare="scrubbed_environment", prepare_with={"home": "/x"}) as f:
    print([f.call().error_types[0] for _ in range(3)])
"""
    assert as_ordinary_user(program) == "['AttributeError', 'AttributeError', 'AttributeError']\n"


def test_a_missing_path_is_the_callers_fault(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        make(readable=[tmp_path / "none"]).call({"do": "who"})
