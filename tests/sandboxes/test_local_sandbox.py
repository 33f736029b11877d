"""The local sandbox does what the contract says and survives what agents do."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandboxes.conformance import check_sandbox
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import CollectStatus, ExecutionStatus, Sandbox

Make = Callable[..., LocalSandbox]


@pytest.mark.parametrize(
    "any_level",
    ["namespaces", *(pytest.param(level, marks=pytest.mark.slow) for level in ("landlock", "process"))],
    indirect=True,
)
def test_the_local_sandbox_keeps_every_clause_of_the_contract(any_level: str) -> None:
    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return LocalSandbox(public=public, limits=limits, seed=seed, isolation=any_level)

    check_sandbox(factory)


def test_a_crash_is_told_with_its_signal(make_sandbox: Make) -> None:
    found = make_sandbox().execute("import ctypes; ctypes.string_at(0)")
    assert found.status is ExecutionStatus.KILLED
    assert "SIGSEGV" in found.reason


def test_a_session_that_dies_between_executions_is_not_silently_replaced(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    sandbox.execute("import os, threading\nx = 1\nthreading.Timer(0.2, os._exit, (1,)).start()")
    import time

    time.sleep(0.6)
    found = sandbox.execute("print('ran')")
    assert found.status is ExecutionStatus.KILLED
    assert found.state_lost
    assert found.stdout == ""
    assert sandbox.execute("print('ran')").stdout == "ran\n"


def test_code_sent_right_after_a_failure_runs(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    for n in range(20):
        assert sandbox.execute("1 / 0").error_name == "ZeroDivisionError"
        assert sandbox.execute(f"print({n})").stdout == f"{n}\n"


def test_pictures_and_tables_come_back(make_sandbox: Make) -> None:
    code = (
        "from IPython.display import Image, display\n"
        "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + b'0' * 20, format='png'))\n"
        "import pandas as pd\npd.DataFrame({'a': [1]})"
    )
    found = make_sandbox().execute(code)
    assert [display.mime for display in found.displays] == ["image/png"]
    assert found.displays[0].data.startswith(b"\x89PNG")
    assert "a" in found.result


def test_children_that_outlive_their_cell_end_with_the_session(make_sandbox: Make, any_level: str, host: Any) -> None:
    sandbox = make_sandbox(any_level)
    command = f"sleep {os.getpid()}.25"
    code = f"import subprocess\np = subprocess.Popen({command!r}.split(), start_new_session=True)\nprint(p.poll())"
    assert sandbox.execute(code).stdout == "None\n"
    assert host.becomes_true(lambda: bool(host.commands(command)))  # a program has no name yet while it is loaded
    sandbox.restart()
    assert not host.commands(command)
    assert sandbox.execute(code).stdout == "None\n"
    sandbox.close()
    assert not host.commands(command)


def test_a_full_disk_is_the_codes_problem_and_the_sandbox_goes_on(make_sandbox: Make, any_level: str) -> None:
    sandbox = make_sandbox(any_level, disk_mib=24, file_mib=16, wall_s=15)
    code = "import time\nfor n in range(6):\n    open(f'f{n}', 'wb').write(b'x' * (8 << 20))\n    time.sleep(0.15)"
    found = sandbox.execute(code)
    assert found.error_name == "OSError" or "quota" in found.reason, found
    assert sandbox.execute("print('on')").stdout == "on\n"
    with pytest.raises(ValueError, match="limit of"):
        sandbox.write_file("big", b"x" * (17 << 20))


def test_too_many_files_are_refused(make_sandbox: Make) -> None:
    sandbox = make_sandbox(files=50)
    found = sandbox.execute("for n in range(200): open(f'f{n}', 'w').close()")
    assert found.error_name == "OSError"
    assert sandbox.execute("print('on')").stdout == "on\n"


def test_a_file_over_its_limit_is_refused(make_sandbox: Make, any_level: str) -> None:
    sandbox = make_sandbox(any_level, file_mib=1)
    found = sandbox.execute("with open('big', 'wb') as f:\n    for _ in range(4): f.write(b'x' * (1 << 20)); f.flush()")
    assert found.error_name == "OSError"
    assert (sandbox.collect("big", max_bytes=1 << 30).size) <= 1 << 20


def test_a_sparse_file_is_too_large_without_being_read(make_sandbox: Make) -> None:
    sandbox = make_sandbox(file_mib=64)
    sandbox.execute("open('submission.csv', 'wb').truncate(60 << 20)")
    assert sandbox.collect("submission.csv", max_bytes=1 << 20).status is CollectStatus.TOO_LARGE


def test_files_survive_the_death_of_everything_in_the_sandbox(make_sandbox: Make, host: Any) -> None:
    sandbox = make_sandbox()
    sandbox.write_file("kept/notes.txt", b"here")
    session = sandbox._session
    assert session is not None
    assert session._tree is not None
    session._tree._kill()  # the supervisor itself
    assert host.becomes_true(session.died)
    found = sandbox.execute("1")
    assert found.status is ExecutionStatus.KILLED
    assert sandbox.read_file("kept/notes.txt", max_bytes=10) == b"here"
    assert sandbox.execute("print(open('kept/notes.txt').read())").stdout == "here\n"


def test_libraries_with_threads_and_processes_work(make_sandbox: Make) -> None:
    code = (
        "import numpy as np\n"
        "from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier\n"
        "x = np.random.rand(400, 4); y = (x[:, 0] > 0.5).astype(int)\n"
        "a = HistGradientBoostingClassifier(max_iter=5).fit(x, y).score(x, y) > 0.8\n"
        "b = RandomForestClassifier(10, n_jobs=2).fit(x, y).score(x, y) > 0.8\n"
        "c = (np.ones((300, 300)) @ np.ones((300, 300)))[0, 0] == 300\n"
        "import subprocess\n"
        "d = subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout == 'hi\\n'\n"
        "print(a, b, c, d)"
    )
    assert make_sandbox().execute(code).stdout == "True True True True\n"


def test_shell_commands_run(make_sandbox: Make, any_level: str) -> None:
    assert make_sandbox(any_level).execute("!echo from the shell").stdout.strip() == "from the shell"


def test_an_exception_of_the_caller_leaves_no_stale_output(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    session = sandbox._session
    assert session is not None

    class Stop(BaseException):
        pass

    def check() -> bool:
        raise Stop

    sandbox._quota_check = lambda: check  # type: ignore[method-assign]  # as if the user pressed Ctrl-C meanwhile
    with pytest.raises(Stop):
        sandbox.execute("import time\ntime.sleep(0.5)\nprint('stale')")
    del sandbox._quota_check  # type: ignore[method-assign]
    assert sandbox.execute("print('x')").state_lost
    assert sandbox.execute("print('fresh')").stdout == "fresh\n"


def test_use_before_start_and_a_missing_public_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"start\(\)"):
        LocalSandbox().execute("1")
    with pytest.raises(ValueError, match="not a folder"):
        LocalSandbox(public=tmp_path / "none")


def test_results_can_be_pickled(make_sandbox: Make) -> None:
    found = make_sandbox().execute("print(1)")
    assert pickle.loads(pickle.dumps(found)) == found
