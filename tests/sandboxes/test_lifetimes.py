"""Nothing is left behind, however the host ends: no process, descriptor or folder. A forked host is on its own."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.forking.forkserver import shared_server
from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel
from sandboxes.script import run_function

Make = Callable[..., LocalSandbox]

_HOST = """
import json, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started with it ignored
from pathlib import Path
from sandboxes.local import LocalSandbox
sandbox = LocalSandbox(isolation=sys.argv[1])
sandbox.start()
sandbox.execute("import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)")
below, waiting = [], [os.getpid()]
while waiting:
    pid = waiting.pop()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[1]) == pid:
                below.append(int(status.parent.name)); waiting.append(below[-1])
        except OSError:
            pass
print(json.dumps(below), flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
elif sys.argv[2] == "raise":
    raise SystemExit(3)
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of this test alone, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_close_leaves_no_process_descriptor_or_folder(
    make_sandbox: Make, any_level: str, host: Any, temporary: Path
) -> None:
    make_sandbox(any_level).close()  # whatever is made once per process is made now
    processes = host.descendants(os.getpid())
    descriptors = host.descriptors()
    sandbox = make_sandbox(any_level)
    sandbox.execute("import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)")
    sandbox.execute("import os; os._exit(1)")
    assert host.descendants(os.getpid()) - processes
    sandbox.close()
    assert host.becomes_true(lambda: host.descendants(os.getpid()) <= processes)
    assert host.becomes_true(lambda: host.descriptors() <= descriptors)  # zmq closes its own a moment later
    assert list(temporary.iterdir()) == []


def test_calls_leave_no_process_or_descriptor(tmp_path: Path, any_level: str, host: Any) -> None:
    module = tmp_path / "m.py"
    module.write_text(
        "import subprocess\ndef f(): subprocess.Popen(['sleep', '61'], start_new_session=True); return 1\n"
    )
    assert run_function(module, "f", isolation=any_level).ok
    lasting = host.descendants(shared_server()._process.pid)
    descriptors = host.descriptors()
    for _ in range(5):
        assert run_function(module, "f", isolation=any_level).ok
    assert host.becomes_true(lambda: host.descriptors() <= descriptors)  # zmq closes its own a moment later
    assert host.becomes_true(lambda: host.descendants(shared_server()._process.pid) <= lasting)


@pytest.mark.parametrize(
    ("level", "ending"),
    [
        ("namespaces", "killed"),
        ("landlock", "killed"),
        ("process", "killed"),
        ("namespaces", "interrupted"),
        pytest.param("namespaces", "raise", marks=pytest.mark.slow),
        ("namespaces", "return"),
    ],
)
def test_nothing_outlives_the_host(host: Any, level: str, ending: str, temporary: Path) -> None:
    if level != "process" and not probe(IsolationLevel(level)).ok:
        pytest.skip(f"this host does not offer {level}")
    how = "wait" if ending in ("killed", "interrupted") else ending
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", _HOST, level, how]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    below = json.loads(process.stdout.readline())
    assert len(below) >= 3
    if how == "wait":
        process.send_signal(signal.SIGKILL if ending == "killed" else signal.SIGINT)
    process.wait(20)
    process.stdout.close()
    assert host.becomes_true(lambda: not [p for p in below if host.running(p)]), ending
    assert host.becomes_true(lambda: not list(temporary.iterdir()))


def test_the_server_may_die_and_is_replaced(make_sandbox: Make, host: Any) -> None:
    sandbox = make_sandbox()
    sandbox.write_file("kept.txt", b"here")
    session = sandbox._session
    assert session is not None
    assert session._tree is not None
    os.kill(shared_server()._process.pid, signal.SIGKILL)
    assert host.becomes_true(session.died)
    found = sandbox.execute("print(1)")
    assert found.state_lost
    assert sandbox.execute("print(open('kept.txt').read())").stdout == "here\n"


def _in_child(results: Any) -> None:
    with LocalSandbox() as sandbox:
        results.put((sandbox.execute("print(6 * 7)").stdout, shared_server()._process.pid))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("daemon", [False, True])
def test_a_forked_host_starts_its_own_server_and_leaves_its_parents_alone(make_sandbox: Make, daemon: bool) -> None:
    sandbox = make_sandbox()
    sandbox.execute("x = 1")
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_in_child, args=(results,), daemon=daemon)
    child.start()
    printed, server = results.get(timeout=60)
    child.join(30)
    assert child.exitcode == 0
    assert printed == "42\n"
    assert server != shared_server()._process.pid
    assert sandbox.execute("print(x)").stdout == "1\n"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_copy_of_a_sandbox_ends_nothing_of_its_original(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    sandbox.execute("x = 1")
    pid = os.fork()
    if pid == 0:
        sandbox.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert sandbox.execute("print(x)").stdout == "1\n"


def test_sandboxes_work_from_threads_at_the_same_time(public: Path) -> None:
    printed: list[str] = []

    def one(n: int) -> None:
        with LocalSandbox(public=public) as sandbox:
            printed.append(sandbox.execute(f"print({n})").stdout)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(printed) == [f"{n}\n" for n in range(6)]
