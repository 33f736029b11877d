"""What every sandbox must do, runnable against any backend, ours or a third party's.

    check_sandbox(lambda *, public, limits, seed: MySandbox(public=public, limits=limits, seed=seed))

Each check is one clause of the `Sandbox` contract; a failure raises `AssertionError` naming the clause. Every piece of
code run here is bounded, so that a sandbox without defences is not harmed by it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import (
    CollectStatus,
    ExecutionStatus,
    IsolationLevel,
    Sandbox,
    SandboxFactory,
)

_LIMITS = Limits(wall_s=20.0, memory_mib=1024, file_mib=8, disk_mib=32, files=200, output_chars=2_000)
_PUBLIC_TEXT = b"id,x\n1,2\n"
_IGNORES_INTERRUPTS = """
import time
end = time.monotonic() + 15
while time.monotonic() < end:
    try:
        time.sleep(0.2)
    except KeyboardInterrupt:
        pass
"""


def check_sandbox(factory: SandboxFactory) -> None:
    """Check every clause. Raises `AssertionError` at the first that does not hold."""
    with tempfile.TemporaryDirectory(prefix="mlesmith-check-") as folder:
        public = Path(folder) / "public"
        public.mkdir()
        (public / "train.csv").write_bytes(_PUBLIC_TEXT)
        for clauses in (FILE_CLAUSES, SESSION_CLAUSES):
            with _started(factory, public) as sandbox:
                for check in clauses:
                    check(sandbox)
        _check_lifecycle(factory(public=public, limits=_LIMITS, seed=0))
        _check_seed(factory, public)


def check_files(factory: SandboxFactory) -> None:
    """Only the clauses about the workspace: for sandboxes that run no code."""
    with tempfile.TemporaryDirectory(prefix="mlesmith-check-") as folder:
        public = Path(folder) / "public"
        public.mkdir()
        (public / "train.csv").write_bytes(_PUBLIC_TEXT)
        with _started(factory, public) as sandbox:
            for check in FILE_CLAUSES:
                check(sandbox)
        _check_lifecycle(factory(public=public, limits=_LIMITS, seed=0))


@contextmanager
def _started(factory: SandboxFactory, public: Path) -> Iterator[Sandbox]:
    sandbox = factory(public=public, limits=_LIMITS, seed=0)
    try:
        sandbox.start()
        yield sandbox
    finally:
        sandbox.close()


def _hold(clause: str, holds: object, found: object = "") -> None:
    if not holds:
        raise AssertionError(f"{clause}; found {found!r}" if found != "" else clause)


def _refuses(clause: str, action: Callable[[], object], kind: type[Exception]) -> None:
    try:
        found = action()
    except kind:
        return
    except Exception as error:
        raise AssertionError(f"{clause}; it raised {type(error).__name__}: {error}") from error
    raise AssertionError(f"{clause}; it gave {found!r}")


def _written_files_are_read_back(sandbox: Sandbox) -> None:
    sandbox.write_file("a/b/notes.txt", b"first")
    sandbox.write_file("a/b/notes.txt", b"second")
    found = sandbox.read_file("a/b/notes.txt", max_bytes=100)
    _hold("write_file makes folders and replaces what was there", found == b"second", found)
    _refuses(
        "read_file refuses a file over max_bytes", lambda: sandbox.read_file("a/b/notes.txt", max_bytes=3), ValueError
    )
    _refuses("read_file refuses a folder", lambda: sandbox.read_file("a/b", max_bytes=100), ValueError)
    _refuses(
        "read_file says that a file is missing",
        lambda: sandbox.read_file("none.txt", max_bytes=100),
        FileNotFoundError,
    )


def _paths_stay_inside(sandbox: Sandbox) -> None:
    for path in ("../outside.txt", "/etc/passwd", "a/../../outside.txt", ""):
        _refuses(f"write_file refuses the path {path!r}", partial(sandbox.write_file, path, b"x"), ValueError)
        _refuses(f"read_file refuses the path {path!r}", partial(sandbox.read_file, path, max_bytes=9), ValueError)
        found = sandbox.collect(path, max_bytes=9).status
        _hold(f"collect takes nothing from the path {path!r}", found is not CollectStatus.FOUND, found)


def _public_is_shown_read_only(sandbox: Sandbox) -> None:
    found = sandbox.read_file("public/train.csv", max_bytes=100)
    _hold("public/ shows the public data", found == _PUBLIC_TEXT, found)
    _refuses("write_file refuses public/", lambda: sandbox.write_file("public/new.csv", b"x"), ValueError)
    _refuses("remove refuses public/", lambda: sandbox.remove("public"), ValueError)


def _files_are_collected_as_bytes(sandbox: Sandbox) -> None:
    sandbox.write_file("submission.csv", b"id,y\n")
    found = sandbox.collect("submission.csv", max_bytes=100)
    _hold("collect finds a regular file", found.status is CollectStatus.FOUND, found.status)
    _hold("collect gives bytes, size and time", found.data == b"id,y\n" and found.size == 5 and found.modified_ns > 0)
    large = sandbox.collect("submission.csv", max_bytes=2)
    _hold("collect says too_large with the size", large.status is CollectStatus.TOO_LARGE and large.size == 5, large)
    missing = sandbox.collect("none.csv", max_bytes=2)
    _hold("collect says missing", missing.status is CollectStatus.MISSING, missing)
    sandbox.remove("submission.csv")
    sandbox.remove("submission.csv")
    found = sandbox.collect("submission.csv", max_bytes=100)
    _hold("remove removes a file and is silent where there is none", found.status is CollectStatus.MISSING, found)


def _a_file_over_its_limit_is_refused(sandbox: Sandbox) -> None:
    data = b"x" * ((_LIMITS.file_mib << 20) + 1)
    _refuses("write_file refuses a file over Limits.file_mib", lambda: sandbox.write_file("big", data), ValueError)
    found = sandbox.collect("big", max_bytes=1 << 30).status
    _hold("a refused file leaves nothing behind", found is CollectStatus.MISSING, found)


def _state_is_kept_until_restart(sandbox: Sandbox) -> None:
    sandbox.execute("x = 20")
    found = sandbox.execute("print(x + 1)\nx + 2")
    _hold("variables live from one execution to the next", found.stdout == "21\n" and found.result == "22", found)
    sandbox.write_file("kept.txt", b"here")
    sandbox.restart()
    lost = sandbox.execute("x")
    _hold("restart forgets variables", lost.error_name == "NameError", lost)
    kept = sandbox.execute("print(open('kept.txt').read())")
    _hold("restart keeps files, and the working directory is the workspace", kept.stdout == "here\n", kept)


def _errors_are_results(sandbox: Sandbox) -> None:
    found = sandbox.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n1 / 0")
    _hold("an exception is status error", found.status is ExecutionStatus.ERROR, found)
    _hold("its name is told", found.error_name == "ZeroDivisionError", found.error_name)
    _hold("its traceback is plain text", "ZeroDivisionError" in found.traceback and "\x1b" not in found.traceback)
    _hold("streams are kept apart", found.stdout == "out\n" and "err" in found.stderr, found)
    again = sandbox.execute("print('next')")
    _hold("code after an error runs", again.ok and again.stdout == "next\n", again)
    syntax = sandbox.execute("def f(:")
    _hold("a syntax error is status error", syntax.error_name == "SyntaxError", syntax)


def _time_is_limited(sandbox: Sandbox) -> None:
    sandbox.execute("x = 1")
    found = sandbox.execute("while True: pass", timeout_s=0.5)
    _hold("an endless loop ends in timeout", found.status is ExecutionStatus.TIMEOUT and found.reason, found)
    _hold("within the time allowed plus a grace of 2 s", found.seconds < 0.5 + 2.0 + 0.5, found.seconds)
    kept = sandbox.execute("print(x)")
    _hold("code that gives way to an interrupt keeps its state", kept.stdout == "1\n" and not found.state_lost, kept)
    stuck = sandbox.execute(_IGNORES_INTERRUPTS, timeout_s=0.5)
    _hold("code that ignores interrupts ends in timeout", stuck.status is ExecutionStatus.TIMEOUT, stuck)
    _hold("and says that the state is lost", stuck.state_lost, stuck)
    _hold("the session is usable again", sandbox.execute("print(2)").stdout == "2\n")


def _death_is_a_result(sandbox: Sandbox) -> None:
    for code in ("import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"):
        found = sandbox.execute(code)
        _hold(f"{code!r} is status killed", found.status is ExecutionStatus.KILLED and found.reason, found)
        _hold("and says that the state is lost", found.state_lost, found)
        again = sandbox.execute("print('alive')")
        _hold("the session is usable again", again.ok and again.stdout == "alive\n", again)


def _output_is_limited(sandbox: Sandbox) -> None:
    found = sandbox.execute("print('head')\nfor _ in range(300): print('x' * 100)\nprint('tail')")
    _hold("output over the limit is cut", len(found.stdout) < 2 * _LIMITS.output_chars, len(found.stdout))
    _hold("head and tail are kept", found.stdout.startswith("head") and found.stdout.rstrip().endswith("tail"))
    _hold("what was dropped is counted", found.dropped_chars > 25_000, found.dropped_chars)


def _memory_is_limited(sandbox: Sandbox) -> None:
    found = sandbox.execute(f"block = bytearray({(_LIMITS.memory_mib + 512) << 20})\nlen(block)")
    _hold("more memory than Limits.memory_mib is refused", not found.ok, found)
    _hold("the session is usable again", sandbox.execute("print(1)").stdout == "1\n")


def _links_are_not_followed(sandbox: Sandbox) -> None:
    sandbox.execute(
        "import os\nos.symlink('/etc/passwd', 'link.csv')\nos.symlink('/etc', 'folder')\n"
        "os.mkfifo('pipe.csv')\nos.mkdir('dir.csv')"
    )
    for path in ("link.csv", "folder/passwd", "pipe.csv", "dir.csv"):
        found = sandbox.collect(path, max_bytes=1 << 20)
        _hold(f"collect refuses {path}", found.status is CollectStatus.NOT_REGULAR and not found.data, found)
        _refuses(f"read_file refuses {path}", partial(sandbox.read_file, path, max_bytes=1 << 20), ValueError)
    _refuses("write_file follows no link", lambda: sandbox.write_file("folder/x", b"x"), ValueError)
    sandbox.write_file("link.csv", b"own")
    _hold("write_file replaces a link", sandbox.read_file("link.csv", max_bytes=9) == b"own")


def _keys_stay_outside(sandbox: Sandbox) -> None:
    found = sandbox.execute("import os\nprint(sorted(n for n in os.environ if 'KEY' in n or 'TOKEN' in n))")
    _hold("the environment holds no keys", found.stdout == "[]\n", found.stdout)


def _level_is_reported(sandbox: Sandbox) -> None:
    report = sandbox.report
    _hold("report names a backend and a level", report.backend and isinstance(report.level, IsolationLevel), report)


def _check_lifecycle(sandbox: Sandbox) -> None:
    sandbox.close()
    sandbox.start()
    sandbox.start()
    _hold("a sandbox fulfils the Sandbox protocol", isinstance(sandbox, Sandbox), type(sandbox))
    sandbox.write_file("x", b"1")
    _hold("start is idempotent while running", sandbox.read_file("x", max_bytes=1) == b"1")
    sandbox.close()
    sandbox.close()
    _refuses("a closed sandbox refuses to run code", lambda: sandbox.execute("1"), SandboxError)


def _check_seed(factory: SandboxFactory, public: Path) -> None:
    code = "import random\nimport numpy as np\nprint(random.random(), np.random.rand(), hash('a'))"
    found = []
    for seed in (1, 1, 2):
        sandbox = factory(public=public, limits=_LIMITS, seed=seed)
        try:
            sandbox.start()
            found.append(sandbox.execute(code).stdout)
        finally:
            sandbox.close()
    _hold("the same seed gives the same random state and hashes", found[0] == found[1] != "", found)
    _hold("another seed gives another random state", found[0] != found[2], found)


FILE_CLAUSES = (
    _written_files_are_read_back,
    _paths_stay_inside,
    _public_is_shown_read_only,
    _files_are_collected_as_bytes,
    _a_file_over_its_limit_is_refused,
    _level_is_reported,
)
SESSION_CLAUSES = (
    _state_is_kept_until_restart,
    _errors_are_results,
    _time_is_limited,
    _death_is_a_result,
    _output_is_limited,
    _memory_is_limited,
    _links_are_not_followed,
    _keys_stay_outside,
)
