"""`run_function`: what comes back, whatever the foreign function does."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from sandboxes.errors import SandboxError
from sandboxes.forking import forkserver
from sandboxes.limits import Limits
from sandboxes.script import FunctionResult, run_function

SOURCE = """
import os
import sys
import time
from pathlib import Path

import numpy as np

class OwnError(ValueError):
    pass

def add(x, y): return x + y
def numbers(): return {"nan": float("nan"), "inf": float("inf"), "numpy": np.float64(1.5), "int": np.int64(3)}
def kinds(data, path): return [type(data).__name__, data.decode(), path.read_text()]
def raise_own(): raise OwnError("told")
def leave(): sys.exit(3)
def vanish(): os._exit(0)
def leave_as_a_failed_set_up_does(): os._exit(111)
def order(): return list({"a", "b", "c", "d", "e", "f", "g"})
def draw():
    import random
    return [random.random(), float(np.random.random())]
def pause(): time.sleep(20)
def crash():
    import ctypes
    ctypes.string_at(0)
def loop():
    print("started")
    while True:
        pass
def speak(): print("out"); print("err", file=sys.stderr)
def flood():
    for _ in range(2000): print("x" * 1000)
def frame():
    import pandas
    return pandas.DataFrame()
def write(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "result.csv").write_text("a")
    return os.getcwd()
def read(path): return Path(path).read_text()
def remember():
    np.leftover = 1
def recall(): return hasattr(np, "leftover")
def forge():
    for fd in range(3, 64):
        try: os.write(fd, b"junk")
        except OSError: pass
    return 1
def deep():
    value = []
    for _ in range(100_000): value = [value]
    return value
def bomb(): return len(bytearray(3 << 30))
def children():
    # bounded: at most 600 processes that sleep for 20 s
    import subprocess
    made = []
    try:
        for _ in range(600): made.append(os.posix_spawn("/bin/sleep", ["sleep", "20"], {}))
    except OSError:
        pass
    return len(made)
"""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("foreign") / "metric.py"
    path.write_text(SOURCE)
    return path


def call(foreign: Path, function: str, **options: object) -> FunctionResult:
    return run_function(foreign, function, **options)  # type: ignore[arg-type]


def test_a_function_is_called_with_keywords_and_its_value_comes_back(foreign: Path, any_level: str) -> None:
    found = call(foreign, "add", arguments={"x": [1], "y": ["ä"]}, isolation=any_level)
    assert found.ok, found
    assert found.value == [1, "ä"]


def test_bytes_and_paths_arrive_as_such(foreign: Path, tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.write_text("content")
    found = call(foreign, "kinds", arguments={"data": b"raw", "path": file}, readable=[file])
    assert found.value == ["bytes", "raw", "content"], found


def test_floats_that_are_not_finite_and_numpy_scalars_come_back(foreign: Path) -> None:
    value = call(foreign, "numbers").value
    assert math.isnan(value["nan"])
    assert value["inf"] == math.inf
    assert (value["numpy"], value["int"]) == (1.5, 3)


def test_an_exception_tells_its_classes_message_and_own_frames(foreign: Path) -> None:
    found = call(foreign, "raise_own")
    assert found.status == "error"
    assert found.error_types[:2] == ("OwnError", "ValueError")
    assert found.error_message == "told"
    assert "metric.py" in found.traceback
    assert "function_worker" not in found.traceback


def test_sys_exit_is_an_error_and_not_a_value(foreign: Path) -> None:
    assert call(foreign, "leave").error_types[0] == "SystemExit"


@pytest.mark.parametrize("function", ["vanish", "crash", "leave_as_a_failed_set_up_does"])
def test_a_process_that_ends_without_a_result_is_killed(foreign: Path, function: str, any_level: str) -> None:
    found = call(foreign, function, isolation=any_level)
    assert found.status == "killed"
    assert found.error_message


def test_an_endless_loop_is_a_timeout_that_keeps_its_output(foreign: Path, any_level: str) -> None:
    found = call(foreign, "loop", limits=Limits(wall_s=0.5), isolation=any_level)
    assert found.status == "timeout"
    assert found.stdout == "started\n"


def test_streams_are_kept_apart(foreign: Path) -> None:
    found = call(foreign, "speak")
    assert (found.stdout, found.stderr) == ("out\n", "err\n")


def test_a_flood_of_output_keeps_head_and_tail(foreign: Path) -> None:
    found = call(foreign, "flood", limits=Limits(output_chars=1000))
    assert found.ok
    assert len(found.stdout) < 1100
    assert "dropped" in found.stdout


def test_a_value_that_is_not_json_is_an_error(foreign: Path) -> None:
    found = call(foreign, "frame")
    assert found.error_types[0] == "TypeError"
    assert "DataFrame" in found.error_message


def test_a_report_that_cannot_be_read_is_no_value(foreign: Path) -> None:
    forged = call(foreign, "forge")
    assert forged.status == "killed"
    assert "cannot be read" in forged.error_message
    assert call(foreign, "deep").error_types[0] == "RecursionError"


def test_writable_folders_are_written_at_their_own_path_and_belong_to_the_caller(
    foreign: Path, tmp_path: Path, any_level: str
) -> None:
    found = call(foreign, "write", arguments={"folder": tmp_path}, writable=[tmp_path], isolation=any_level)
    assert found.ok, found
    result = tmp_path / "sub" / "result.csv"
    assert result.read_text() == "a"
    assert result.stat().st_uid == tmp_path.stat().st_uid
    result.unlink()
    result.parent.rmdir()
    assert found.value != str(Path.cwd())


def test_files_that_only_their_owner_may_read_are_readable_when_named(foreign: Path, tmp_path: Path) -> None:
    secret = tmp_path / "raw.csv"
    secret.write_text("owner only")
    secret.chmod(0o600)
    tmp_path.chmod(0o700)
    assert call(foreign, "read", arguments={"path": str(secret)}, readable=[tmp_path]).value == "owner only"


def test_readable_folders_are_not_written(foreign: Path, tmp_path: Path, confined: str) -> None:
    found = call(foreign, "write", arguments={"folder": tmp_path}, readable=[tmp_path], isolation=confined)
    assert found.status == "error"
    assert list(tmp_path.iterdir()) == []


def test_a_writable_folder_inside_a_readable_one_is_written(foreign: Path, tmp_path: Path, confined: str) -> None:
    inner = tmp_path / "out"
    inner.mkdir()
    options = {"readable": [tmp_path], "writable": [inner], "isolation": confined}
    assert call(foreign, "write", arguments={"folder": inner}, **options).ok
    assert call(foreign, "write", arguments={"folder": tmp_path}, **options).status == "error"


def test_files_that_were_not_named_are_out_of_reach(foreign: Path, tmp_path: Path, confined: str) -> None:
    answers = tmp_path / "test_answer.csv"
    answers.write_text("secret")
    found = call(foreign, "read", arguments={"path": str(answers)}, isolation=confined)
    assert found.status == "error"
    assert {"FileNotFoundError", "PermissionError"} & set(found.error_types)
    sibling = str(Path(__file__))
    assert call(foreign, "read", arguments={"path": sibling}, isolation=confined).status == "error"


def test_calls_share_no_state(foreign: Path) -> None:
    assert call(foreign, "remember").ok
    assert call(foreign, "recall").value is False


def test_a_changed_file_is_loaded_afresh(tmp_path: Path) -> None:
    module = tmp_path / "numpy.py"  # and its name takes the place of no installed module
    for text in ("one", "two"):
        module.write_text(f"import math\ndef say(): return {text!r}\n")
        assert run_function(module, "say").value == text


def test_memory_beyond_the_limit_is_a_memory_error(foreign: Path, any_level: str) -> None:
    found = call(foreign, "bomb", limits=Limits(memory_mib=512), isolation=any_level)
    assert found.error_types[0] == "MemoryError", found


def test_processes_beyond_the_limit_are_refused(foreign: Path) -> None:
    found = call(foreign, "children", limits=Limits(processes=20), isolation="namespaces")
    assert found.ok, found
    assert found.value <= 22


def test_a_dotted_module_is_imported() -> None:
    assert run_function("sandboxes.limits", "scrubbed_environment", arguments={"home": "/x"}).value["HOME"] == "/x"


def test_pytest_runs_in_it(tmp_path: Path) -> None:
    test = tmp_path / "test_own.py"
    test.write_text("def test_good(): assert 1\ndef test_bad(): assert 0\n")
    arguments = {"args": ["-q", "-p", "no:cacheprovider", str(test)]}
    found = run_function("pytest", "main", arguments=arguments, readable=[tmp_path])
    assert found.value == 1, found
    assert "1 failed, 1 passed" in found.stdout


def test_a_missing_path_is_the_callers_fault(foreign: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        call(foreign, "add", readable=[tmp_path / "none"])
    with pytest.raises(ValueError, match="isolation must be"):
        call(foreign, "add", isolation="strong")


def test_threads_call_at_the_same_time(foreign: Path) -> None:
    found: list[object] = []

    def one(n: int) -> None:
        found.append(call(foreign, "add", arguments={"x": n, "y": 100}).value)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [100 + n for n in range(8)]  # type: ignore[type-var]


def test_a_failure_before_foreign_code_runs_is_the_machinerys_and_not_the_functions(
    foreign: Path, any_level: str
) -> None:
    unusable = {"NAME": "with a \0 in it"}  # the worker cannot set it
    with pytest.raises(SandboxError, match="null byte"):
        call(foreign, "add", arguments={"x": 1, "y": 1}, isolation=any_level, environment=unusable)


def test_a_set_up_that_dies_without_a_word_is_the_machinerys_failure(foreign: Path) -> None:
    with pytest.raises(SandboxError, match="set up"):
        # arguments larger than the memory allowed: the process cannot even receive them
        call(foreign, "kinds", arguments={"data": bytes(200 << 20), "path": "x"}, limits=Limits(memory_mib=64))


def test_relative_paths_are_those_of_the_caller(foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.txt").write_text("content")
    (tmp_path / "module.py").write_text(foreign.read_text())
    monkeypatch.chdir(tmp_path)
    found = call(
        Path("module.py"), "kinds", arguments={"data": b"x", "path": Path("data.txt")}, readable=[Path("data.txt")]
    )
    assert found.value == ["bytes", "x", "content"], found


def test_another_hash_seed_is_another_interpreter_that_stays_warm(foreign: Path) -> None:
    orders = {seed: call(foreign, "order", hash_seed=seed).value for seed in (0, 20_011)}
    assert orders[0] != orders[20_011]
    server = forkserver.shared_server(20_011)
    assert call(foreign, "order", hash_seed=20_011).value == orders[20_011]
    assert forkserver.shared_server(20_011) is server
    assert server is not forkserver.shared_server()


def test_unseeded_draws_differ_from_call_to_call(foreign: Path) -> None:
    one, two = call(foreign, "draw").value, call(foreign, "draw").value
    assert one[0] != two[0]
    assert one[1] != two[1]


@pytest.mark.parametrize("victim", ["supervisor", "server"])
def test_machinery_that_is_killed_during_a_call_is_no_verdict_on_the_function(
    foreign: Path, confined: str, host: Any, victim: str
) -> None:
    server = forkserver.shared_server()
    call(foreign, "add", arguments={"x": 1, "y": 1}, isolation=confined)
    before = host.descendants(server._process.pid)
    failures: list[BaseException | FunctionResult] = []

    def one() -> None:
        try:
            failures.append(call(foreign, "pause", isolation=confined))
        except SandboxError as error:
            failures.append(error)

    thread = threading.Thread(target=one)
    thread.start()
    assert host.becomes_true(lambda: len(host.descendants(server._process.pid) - before) >= 2)
    supervisor = min(host.descendants(server._process.pid) - before)
    os.kill(supervisor if victim == "supervisor" else server._process.pid, signal.SIGKILL)
    thread.join(15)
    assert [type(failure).__name__ for failure in failures] == ["SandboxLostError"]
    assert call(foreign, "add", arguments={"x": 1, "y": 1}, isolation=confined).value == 2


def test_a_host_without_free_descriptors_is_the_machinerys_failure(foreign: Path) -> None:
    import resource

    call(foreign, "add", arguments={"x": 1, "y": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for fd in taken[-3:]:
            os.close(fd)
        del taken[-3:]
        with pytest.raises(SandboxError):
            call(foreign, "add", arguments={"x": 1, "y": 1})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert call(foreign, "add", arguments={"x": 1, "y": 1}).value == 2
