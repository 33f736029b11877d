"""Sessions made beforehand: ready at once, as good as any, and gone with their pool."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.isolation import probe
from sandboxes.kernels import spares
from sandboxes.kernels.spares import Spares
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel

pytestmark = pytest.mark.skipif(not probe(IsolationLevel.NAMESPACES).ok, reason="spares are for level namespaces")


@pytest.fixture
def pool() -> Iterator[Spares]:
    pool = Spares(1)
    yield pool
    pool.close()


def ready(pool: Spares) -> int:
    return sum(len(kind.ready) for kind in pool._kinds.values())


def start(pool: Spares, **options: Any) -> LocalSandbox:
    sandbox = LocalSandbox(isolation="namespaces", spares=pool, **options)
    sandbox.start()
    return sandbox


@pytest.fixture
def warm(pool: Spares, host: Any) -> Spares:
    """A pool that holds a spare of the usual kind."""
    for _ in range(2):
        start(pool).close()
    assert host.becomes_true(lambda: ready(pool) == 1)
    return pool


def test_a_kind_that_is_asked_for_again_gets_spares(pool: Spares, host: Any) -> None:
    start(pool).close()
    assert ready(pool) == 0
    start(pool).close()
    assert host.becomes_true(lambda: ready(pool) == 1)
    with start(pool):
        assert host.becomes_true(lambda: ready(pool) == 1), "what was taken is made again"


def test_a_spare_becomes_the_session_that_was_asked_for(warm: Spares, tmp_path: Path) -> None:
    """Data, seed and environment come late and are those of a session made for them."""
    (tmp_path / "train.csv").write_text("data")
    look = (
        "import os, random, numpy as np\n"
        "rights = [l.split()[1] for l in open('/proc/self/status') if l[:3] in ('Cap', 'NoN', 'Sec')]\n"
        "print(open('public/train.csv').read(), random.random(), np.random.rand(), os.environ['PYTHONHASHSEED'], "
        "sorted(os.listdir('/')), os.getcwd(), rights)"
    )
    with LocalSandbox(public=tmp_path, seed=5, isolation="namespaces") as usual:
        expected = usual.execute(look)
    (kind,) = warm._kinds.values()
    (made, _), *_ = kind.ready
    with start(warm, public=tmp_path, seed=5) as sandbox:
        assert sandbox._session is made
        found = sandbox.execute(look)
        assert found.ok
        assert found.stdout == expected.stdout
        assert sandbox.execute("open('/etc/x', 'w')").error_name == "OSError"
        assert sandbox.execute("open('public/train.csv', 'w')").error_name in ("OSError", "PermissionError")
        sandbox.restart()
        assert sandbox.execute("print(open('public/train.csv').read())").stdout == "data\n"
        (branch,) = sandbox.fork(1)
        assert branch.report.forked == "memory"
        assert branch.execute("print(open('public/train.csv').read())").stdout == "data\n"
        branch.close()


def test_public_data_of_another_user_is_readable(pool: Spares, host: Any, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    (tmp_path / "train.csv").write_text("data")
    (tmp_path / "train.csv").chmod(0o600)
    for path in (tmp_path, tmp_path / "train.csv"):
        os.chown(path, 12345, 12345)
    for _ in range(2):
        start(pool, public=tmp_path).close()
    assert host.becomes_true(lambda: ready(pool) == 1)
    with start(pool, public=tmp_path) as sandbox:
        assert sandbox.execute("print(open('public/train.csv').read())").stdout == "data\n"


def test_other_limits_are_another_kind(warm: Spares) -> None:
    with start(warm, limits=Limits(file_mib=1)) as sandbox:
        assert [kind.asked for kind in warm._kinds.values()] == [2, 1]
        assert sandbox.execute("open('big', 'wb').write(bytes(2 << 20))").error_name == "OSError"


def test_a_spare_that_has_died_is_not_handed_out(warm: Spares, host: Any) -> None:
    (kind,) = warm._kinds.values()
    session, _ = kind.ready[0]
    os.kill(_pid(session.tree.process), 9)
    with start(warm) as sandbox:
        assert sandbox.execute("print(1)").stdout == "1\n"


def _pid(process: int) -> int:
    lines = Path(f"/proc/self/fdinfo/{process}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def test_closing_a_pool_leaves_nothing(host: Any) -> None:
    with LocalSandbox(isolation="namespaces"):  # whatever is made once per process is made now
        pass
    processes, descriptors = host.descendants(os.getpid()), host.descriptors()
    pool = Spares(2)
    for _ in range(2):
        start(pool).close()
    assert host.becomes_true(lambda: ready(pool) == 2)
    pool.close()
    pool.close()
    assert host.becomes_true(lambda: host.descendants(os.getpid()) <= processes)
    assert host.becomes_true(lambda: host.descriptors() <= descriptors)  # zmq closes its own a moment later
    with start(pool) as sandbox:
        assert sandbox.execute("print(1)").stdout == "1\n", "a closed pool gives nothing, and nothing fails"


def test_the_pool_of_a_process_ends_with_its_last_holder() -> None:
    one, two = spares.hold(1), spares.hold(3)
    assert one is two
    assert one.size == 3
    spares.let_go()
    assert spares.hold(1) is one
    spares.let_go()
    spares.let_go()
    assert spares.hold(1) is not one
    spares.let_go()


def _start_in_child(pool: Spares, results: Any) -> None:
    with start(pool) as sandbox:
        results.put(sandbox.execute("print(6 * 7)").stdout)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_host_takes_nothing_from_its_parents_pool(warm: Spares) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_start_in_child, args=(warm, results))
    child.start()
    assert results.get(timeout=60) == "42\n"
    child.join(30)
    assert child.exitcode == 0
    assert ready(warm) == 1
    with start(warm) as sandbox:
        assert sandbox.execute("print(1)").stdout == "1\n"


def test_an_ordinary_users_starts_come_from_the_pool(as_ordinary_user: Any) -> None:
    printed = as_ordinary_user(
        """
import time
from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel
from sandboxes.kernels.spares import Spares
if not probe(IsolationLevel.NAMESPACES).ok:
    raise SystemExit(print("skip"))
pool = Spares(1)
for n in range(3):
    with LocalSandbox(isolation="namespaces", spares=pool, seed=n) as sandbox:
        print(sandbox.execute("print(__import__('os').environ['PYTHONHASHSEED'])").stdout.strip(), end=" ")
        deadline = time.monotonic() + 20
        while n and not any(kind.ready for kind in pool._kinds.values()) and time.monotonic() < deadline:
            time.sleep(0.01)
print(sum(len(kind.ready) for kind in pool._kinds.values()))
pool.close()
"""
    )
    if printed.strip() == "skip":
        pytest.skip("an ordinary user has no namespaces here")
    assert printed.split() == ["0", "1", "2", "1"]


def test_a_pool_of_nothing_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spares(0)
