"""Output of a kernel: all that a cell and its children write, in order, and nothing of anybody else."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import ExecutionStatus, IsolationLevel

Make = Callable[..., LocalSandbox]
LOGGING = """
import logging, os, subprocess, sys, threading
logging.basicConfig(level=20, stream=sys.stdout)
log = logging.getLogger()
"""
LOGGED = """
print('fold 1')
log.info('trained')
print('fold 2')
thread = threading.Thread(target=log.info, args=('beside',))
thread.start()
thread.join()
"""


def test_what_is_written_to_the_descriptors_comes_with_its_cell_on_a_busy_machine(make_sandbox: Make) -> None:
    sandbox = make_sandbox("process")
    busy = "busy = [subprocess.Popen(['sh', '-c', 'while :; do :; done']) for _ in range(4)]"
    sandbox.execute(f"import os, subprocess\n{busy}")
    for number in range(150):
        done = sandbox.execute(f"print('said')\n_ = os.write(1, b'written {number}'), os.write(2, b'wrong {number}')")
        assert done.stdout.replace("said\n", "", 1) == f"written {number}"
        assert done.stderr == f"wrong {number}"
    for number in range(20):
        done = sandbox.execute(f"_ = subprocess.run(['echo', 'child {number}'])")
        assert done.stdout == f"child {number}\n"


def test_what_others_write_is_text_also_where_a_pipe_would_cut_it(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    wide = sandbox.execute(
        "import subprocess\n_ = subprocess.run(['python3', '-c', 'print(\"\u00e4\u20ac\" * 30000)'])"
    )
    assert wide.stdout == "\u00e4\u20ac" * 30000 + "\n"


def test_prints_and_what_children_write_come_in_order(make_sandbox: Make, any_level: str) -> None:
    sandbox = make_sandbox(any_level)
    sandbox.execute("import os, subprocess, sys")
    code = """
print('a')
_ = os.write(1, b'b\\n')
print('c')
_ = subprocess.run(['echo', 'd'])
print('e', flush=True)
_ = os.write(sys.stdout.fileno(), b'f\\n')
_ = subprocess.run(['echo', 'g'], stdout=sys.stdout)
"""
    for _ in range(20):
        assert sandbox.execute(code).stdout.split() == list("abcdefg")


def test_a_forked_child_says_what_it_prints_and_nothing_of_its_parents(make_sandbox: Make, any_level: str) -> None:
    sandbox = make_sandbox(any_level)
    code = """
import os
print('epoch 1')
pid = os.fork()
if pid == 0:
    print('child')
    os._exit(0)
_ = os.waitpid(pid, 0)
print('epoch 2')
"""
    assert sandbox.execute(code).stdout.splitlines() == ["epoch 1", "child", "epoch 2"]


def test_a_child_that_writes_for_ever_costs_later_cells_neither_their_output_nor_the_session(
    make_sandbox: Make,
) -> None:
    sandbox = make_sandbox()
    sandbox.execute("import os, subprocess\nchild = subprocess.Popen(['yes'])")
    time.sleep(1.0)
    meanwhile = sandbox.execute("1 + 1", timeout_s=10)
    assert (meanwhile.status, meanwhile.result, meanwhile.state_lost) == (ExecutionStatus.OK, "2", False)
    sandbox.execute("child.kill()\n_ = child.wait()", timeout_s=10)
    sandbox.execute("pass")
    after = sandbox.execute("_ = os.write(1, b'q' * 150_000)", timeout_s=10)
    assert (after.status, after.stdout) == (ExecutionStatus.OK, "q" * 150_000)
    memory = sandbox.execute("print(open('/proc/self/status').read().partition('VmRSS:')[2].split()[0])").stdout
    assert int(memory) < 600_000  # KiB


def test_a_handler_of_signals_may_print(make_sandbox: Make) -> None:
    code = """
import os, signal, sys
def tick(*_): print('t', end='')
_ = signal.signal(signal.SIGALRM, tick)
_ = signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
for _ in range(20_000):
    _ = os.write(1, b'x')
    print('', end='')
_ = signal.setitimer(signal.ITIMER_REAL, 0)
"""
    done = make_sandbox().execute(code)
    assert done.status is ExecutionStatus.OK
    assert done.stdout.count("x") == 20_000


def test_branches_print_log_and_start_children_as_before_and_hear_nothing_of_each_other(make_sandbox: Make) -> None:
    if not probe(IsolationLevel.NAMESPACES).ok:
        pytest.skip("a living session is forked at level namespaces only")
    sandbox = make_sandbox("namespaces")
    sandbox.execute(LOGGING)
    branches = sandbox.fork(2)
    try:
        for one in (sandbox, *branches) * 2:
            done = one.execute(LOGGED)
            lines = ["fold 1", "INFO:root:trained", "fold 2", "INFO:root:beside"]
            assert (done.stdout.splitlines(), done.stderr) == (lines, "")
            child = one.execute("_ = subprocess.run(['echo', 'child'], stdout=sys.stdout)")
            assert (child.status, child.stdout) == (ExecutionStatus.OK, "child\n")
        first, second = branches
        first.execute("end = os.open(f'/proc/self/fd/{sys.stdout.fileno()}', os.O_RDONLY | os.O_NONBLOCK)")
        assert second.execute("_ = os.write(sys.stdout.fileno(), b'a secret')").stdout == "a secret"
        heard = first.execute("print(os.read(end, 100))")
        assert (heard.status, heard.error_name) == (ExecutionStatus.ERROR, "BlockingIOError")
    finally:
        for one in branches:
            one.close()
