"""Clauses about code that runs in a session."""

from __future__ import annotations

import socket
import time
from functools import partial

from sandboxes.conformance.claims import LIMITS, Clause, hold, prints, refuses
from sandboxes.sandbox import CollectStatus, ExecutionStatus, Sandbox

_IGNORES_INTERRUPTS = """
import time
end = time.monotonic() + 15
while time.monotonic() < end:
    try:
        time.sleep(0.2)
    except KeyboardInterrupt:
        pass
"""
_SHOWS_A_PICTURE = """
from IPython.display import Image, display
display(Image(data=b"\\x89PNG\\r\\n\\x1a\\n" + b"0" * 20, format="png"))
"""
_CONNECTS = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=1).close()
    print("reached")
except OSError:
    print("refused")
"""
_TICKS = """
import subprocess
script = "for i in $(seq 100); do echo >> ticks; sleep 0.05; done"
child = subprocess.Popen(["sh", "-c", script], start_new_session=True)
"""


def _state_is_kept_until_restart(sandbox: Sandbox) -> None:
    sandbox.execute("x = 20")
    found = sandbox.execute("print(x + 1)\nx + 2")
    hold("variables live from one execution to the next", found.stdout == "21\n" and found.result == "22", found)
    sandbox.write_file("kept.txt", b"here")
    sandbox.restart()
    lost = sandbox.execute("x")
    hold("restart forgets variables", lost.error_name == "NameError", lost)
    kept = sandbox.execute("print(open('kept.txt').read())")
    hold("restart keeps files, and the working directory is the workspace", kept.stdout == "here\n", kept)


def _errors_are_results(sandbox: Sandbox) -> None:
    found = sandbox.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n1 / 0")
    hold("an exception is status error", found.status is ExecutionStatus.ERROR, found)
    hold("its name is told", found.error_name == "ZeroDivisionError", found.error_name)
    hold("its traceback is plain text", "ZeroDivisionError" in found.traceback and "\x1b" not in found.traceback)
    hold("streams are kept apart", found.stdout == "out\n" and "err" in found.stderr, found)
    again = sandbox.execute("print('next')")
    hold("code after an error runs", again.ok and again.stdout == "next\n", again)
    syntax = sandbox.execute("def f(:")
    hold("a syntax error is status error", syntax.error_name == "SyntaxError", syntax)


def _time_is_limited(sandbox: Sandbox) -> None:
    sandbox.execute("x = 1")
    found = sandbox.execute("while True: pass", timeout_s=0.5)
    hold("an endless loop ends in timeout", found.status is ExecutionStatus.TIMEOUT and found.reason, found)
    hold("within the time allowed plus a grace of 2 s", found.seconds < 0.5 + 2.0 + 0.5, found.seconds)
    kept = sandbox.execute("print(x)")
    hold("code that gives way to an interrupt keeps its state", kept.stdout == "1\n" and not found.state_lost, kept)
    stuck = sandbox.execute(_IGNORES_INTERRUPTS, timeout_s=0.5)
    hold("code that ignores interrupts ends in timeout", stuck.status is ExecutionStatus.TIMEOUT, stuck)
    hold("and says that the state is lost", stuck.state_lost, stuck)
    hold("the session is usable again", sandbox.execute("print(2)").stdout == "2\n")


def _death_is_a_result(sandbox: Sandbox) -> None:
    for code in ("import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"):
        found = sandbox.execute(code)
        hold(f"{code!r} is status killed", found.status is ExecutionStatus.KILLED and found.reason, found)
        hold("and says that the state is lost", found.state_lost, found)
        hold("what code does to its session is no failure of the machinery", not found.machinery_failed, found)
        again = sandbox.execute("print('alive')")
        hold("the session is usable again", again.ok and again.stdout == "alive\n", again)


def _output_is_limited(sandbox: Sandbox) -> None:
    found = sandbox.execute("print('head')\nfor _ in range(300): print('x' * 100)\nprint('tail')")
    hold("output over the limit is cut", len(found.stdout) < 2 * LIMITS.output_chars, len(found.stdout))
    hold("head and tail are kept", found.stdout.startswith("head") and found.stdout.rstrip().endswith("tail"))
    hold("what was dropped is counted", found.dropped_chars > 25_000, found.dropped_chars)


def _memory_is_limited(sandbox: Sandbox) -> None:
    found = sandbox.execute(f"block = bytearray({(LIMITS.memory_mib + 512) << 20})\nlen(block)")
    hold("more memory than Limits.memory_mib is refused", not found.ok, found)
    hold("the session is usable again", sandbox.execute("print(1)").stdout == "1\n")


def _links_are_not_followed(sandbox: Sandbox) -> None:
    sandbox.execute(
        "import os\nos.symlink('/etc/passwd', 'link.csv')\nos.symlink('/etc', 'folder')\n"
        "os.mkfifo('pipe.csv')\nos.mkdir('dir.csv')"
    )
    for path in ("link.csv", "folder/passwd", "pipe.csv", "dir.csv"):
        found = sandbox.collect(path, max_bytes=1 << 20)
        hold(f"collect refuses {path}", found.status is CollectStatus.NOT_REGULAR and not found.data, found)
        refuses(f"read_file refuses {path}", partial(sandbox.read_file, path, max_bytes=1 << 20), ValueError)
    refuses("write_file follows no link", lambda: sandbox.write_file("folder/x", b"x"), ValueError)
    sandbox.write_file("link.csv", b"own")
    hold("write_file replaces a link", sandbox.read_file("link.csv", max_bytes=9) == b"own")


def _keys_stay_outside(sandbox: Sandbox) -> None:
    found = sandbox.execute("import os\nprint(sorted(n for n in os.environ if 'KEY' in n or 'TOKEN' in n))")
    hold("the environment holds no keys", found.stdout == "[]\n", found.stdout)


def _all_output_comes_with_its_result(sandbox: Sandbox) -> None:
    for n in range(20):
        prints("what code prints comes with its own result, however fast runs follow", sandbox, f"print({n})", f"{n}")
    found = sandbox.execute("for n in range(200): print(n)")
    hold("in order and whole", found.stdout.split() == [str(n) for n in range(200)], found.stdout)


def _nobody_answers_questions(sandbox: Sandbox) -> None:
    found = sandbox.execute("input('?')")
    hold("input() raises at once", found.status is ExecutionStatus.ERROR and found.seconds < 2.0, found)
    prints("code after a question runs", sandbox, "print('next')", "next")


def _pictures_come_back(sandbox: Sandbox) -> None:
    found = sandbox.execute(_SHOWS_A_PICTURE)
    hold("a picture comes back with its kind", [display.mime for display in found.displays] == ["image/png"], found)
    hold("and as bytes", found.displays[0].data.startswith(b"\x89PNG"), found.displays)


def _the_network_is_as_reported(sandbox: Sandbox) -> None:
    if sandbox.report.network:
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = _CONNECTS.format(port=listener.getsockname()[1])
        prints("code reaches no server of the host where report.network is false", sandbox, code, "refused")


def _processes_end_with_the_session(sandbox: Sandbox) -> None:
    sandbox.execute(_TICKS)
    sandbox.execute("import os, time\nwhile not os.path.exists('ticks'): time.sleep(0.01)")
    hold("a process outlives the execution that started it", sandbox.execute("print(child.poll())").stdout == "None\n")
    sandbox.restart()
    before = sandbox.collect("ticks", max_bytes=1 << 10).size
    time.sleep(0.25)
    after = sandbox.collect("ticks", max_bytes=1 << 10).size
    hold("restart ends every process that code has started", before == after > 0, (before, after))


SESSION_CLAUSES: tuple[Clause, ...] = (
    _state_is_kept_until_restart,
    _errors_are_results,
    _all_output_comes_with_its_result,
    _pictures_come_back,
    _nobody_answers_questions,
    _time_is_limited,
    _death_is_a_result,
    _output_is_limited,
    _memory_is_limited,
    _links_are_not_followed,
    _keys_stay_outside,
    _the_network_is_as_reported,
    _processes_end_with_the_session,
)
