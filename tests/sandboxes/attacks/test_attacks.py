"""No attack of the suite gets through, at any level that keeps foreign code from the host, for root and for others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial

import pytest

from generators.competitions.graders import graders
from sandboxes.attacks import ATTACKS, AttackResult, Group, Outcome, Target, run_attacks
from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import ExecutionStatus, IsolationLevel

Make = Callable[..., LocalSandbox]

_AS_USER = """
import json, os, sys
from functools import partial
from sandboxes.attacks import Group, Target, run_attacks
from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel
assert os.geteuid() != 0
if not probe(IsolationLevel({level!r})).ok:
    sys.exit(print(json.dumps(probe(IsolationLevel({level!r})).detail)))
target = Target("local", partial(LocalSandbox, isolation={level!r}))
results = run_attacks(target, groups=set(Group) - {{Group.EXHAUSTION}}) + run_attacks(target, names={names!r})
print(json.dumps([(r.name, r.outcome.value, r.evidence, r.leak) for r in results]))
"""
_QUICK_LIMITS = ("a bomb of processes", "a bomb of threads", "memory of one process", "the disk")
"""Of the attacks on limits, those that wait for little."""


@pytest.fixture(autouse=True)
def no_idle_grader() -> None:
    """One of an earlier test would end by itself meanwhile and be counted as machinery that an attack has ended."""
    graders.close()


def _leaks(results: tuple[AttackResult, ...]) -> list[str]:
    return [f"{result.name}: {result.evidence}" for result in results if result.leak]


def test_no_attack_but_those_on_limits_that_take_long_gets_through() -> None:
    if not probe(IsolationLevel.NAMESPACES).ok:
        pytest.skip(probe(IsolationLevel.NAMESPACES).detail)
    target = Target("local", partial(LocalSandbox, isolation="namespaces"))
    results = (
        *run_attacks(target, groups=set(Group) - {Group.EXHAUSTION}),
        *run_attacks(target, names=_QUICK_LIMITS),
    )
    assert _leaks(results) == []
    carried_out = [result for result in results if result.outcome is not Outcome.NOT_APPLICABLE]
    assert len(carried_out) >= len(ATTACKS) - 20


@pytest.mark.slow
def test_no_attack_gets_through(confined: str) -> None:
    results = run_attacks(Target("local", partial(LocalSandbox, isolation=confined)))
    assert _leaks(results) == []
    assert len(results) == len(ATTACKS)
    carried_out = [result for result in results if result.outcome is not Outcome.NOT_APPLICABLE]
    assert len(carried_out) >= len(ATTACKS) - 5


@pytest.mark.slow
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_no_attack_gets_through_to_an_ordinary_user(as_ordinary_user: Callable[[str], str], level: str) -> None:
    found = json.loads(as_ordinary_user(_AS_USER.format(level=level, names=_QUICK_LIMITS)))
    if isinstance(found, str):
        pytest.skip(found)
    assert [(name, evidence) for name, _, evidence, leak in found if leak] == []
    assert len(found) > 90


def test_the_suite_has_attacks_of_every_group() -> None:
    assert len(ATTACKS) >= 100
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    for group in Group:
        assert sum(attack.group is group for attack in ATTACKS) >= 10, group


def test_the_kernel_has_no_capabilities_and_gets_none(make_sandbox: Make, confined: str) -> None:
    code = (
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print({l.split()[0]: l.split()[1] for l in lines if l.startswith(('Cap', 'NoNew', 'Seccomp:'))})"
    )
    found = make_sandbox(confined).execute(code).stdout
    assert "'NoNewPrivs:': '1'" in found
    assert "'Seccomp:': '2'" in found
    assert found.count("0000000000000000") == 5


def test_no_descriptor_of_the_machinery_is_inherited(make_sandbox: Make, confined: str) -> None:
    code = (
        "import os, stat\nfound = []\n"
        "for n in os.listdir('/proc/self/fd'):\n"
        "    try: s, name = os.fstat(int(n)), os.readlink('/proc/self/fd/' + n)\n"
        "    except OSError: continue\n"
        "    if name.startswith(('pidfd', 'user:', 'mnt:', 'anon_inode:[pidfd]')): found.append(name)\n"
        "    elif int(n) > 2 and stat.S_ISREG(s.st_mode): found.append(name)\n"
        "print(found)"
    )
    assert make_sandbox(confined).execute(code).stdout == "[]\n"


def test_signals_to_the_first_process_of_the_namespace_change_nothing(make_sandbox: Make) -> None:
    sandbox = make_sandbox("namespaces")
    sandbox.execute("import os, signal\nfor s in (2, 9, 15, 19): os.kill(1, s)")
    assert sandbox.execute("print('still here')").stdout == "still here\n"


@pytest.mark.parametrize("name", ["work", "run", "tmp"])
def test_a_session_whose_folders_were_removed_is_replaced(make_sandbox: Make, name: str) -> None:
    sandbox = make_sandbox("landlock")
    code = f"import os\nbase = os.path.dirname(os.getcwd())\nos.rename(base + '/{name}', base + '/moved')\nos._exit(0)"
    assert sandbox.execute(code).status is ExecutionStatus.KILLED
    assert sandbox.execute("print('again')").stdout == "again\n"


def test_libraries_may_ask_for_their_share_of_the_processors(make_sandbox: Make, confined: str) -> None:
    found = make_sandbox(confined).execute("from joblib import cpu_count\nprint(cpu_count())")
    assert int(found.stdout) > 0, found.traceback


@pytest.mark.parametrize("call", ["socket.socket", "socket.socketpair"])
def test_sockets_that_need_no_connection_are_refused_where_the_host_can_be_reached(
    make_sandbox: Make, call: str
) -> None:
    for kind in ("SOCK_DGRAM", "SOCK_RAW", "SOCK_DGRAM | socket.SOCK_CLOEXEC"):
        found = make_sandbox("landlock").execute(f"import socket\n{call}(socket.AF_UNIX, socket.{kind})")
        assert found.error_name == "OSError", found
    assert make_sandbox("landlock").execute("import socket\nsocket.socketpair()").ok


def test_printing_more_than_one_message_may_hold_loses_nothing_after_it(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    found = sandbox.execute("print('x' * (40 << 20))\nprint('the end')")
    assert found.stdout.endswith("the end\n")
    assert sandbox.execute("print('next')").stdout == "next\n"


def test_the_tests_leave_the_environment_as_it_was() -> None:
    assert "MLESMITH_SCENE" not in os.environ
