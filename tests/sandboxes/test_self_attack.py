"""A level counts only where attacks on this host from inside it are refused; a host that is shut in is told so."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType

import pytest

from sandboxes.confinement.confine import shields_supervisor
from sandboxes.isolation import accepting, host_report, judge, probe, resolve_level
from sandboxes.sandbox import IsolationLevel
from sandboxes.self_attack import attack

_NETWORK = {"call a listener on the host's loopback", "call an abstract socket of the host"}


def reached(level: str, *, network: bool = False) -> set[str]:
    return {name for name, what in attack(IsolationLevel(level), network=network).items() if what}


def test_every_attack_reaches_its_aim_where_there_is_no_isolation() -> None:
    found = attack(IsolationLevel.PROCESS)
    refused = {name for name, what in found.items() if not what}
    # what the modes of files and the want of capabilities refuse an ordinary user needs no isolation
    assert refused <= (set() if os.geteuid() == 0 else {"write beside installed packages", "enter a new namespace"})


def test_no_attack_reaches_its_aim_from_a_confined_process(confined: str) -> None:
    found = attack(IsolationLevel(confined))
    assert len(found) >= 5
    assert not any(found.values()), found


def test_an_open_network_opens_nothing_else(confined: str) -> None:
    found = reached(confined, network=True)
    # Landlock keeps abstract sockets apart even there
    assert found == (_NETWORK if confined == "namespaces" else {"call a listener on the host's loopback"}) or (
        confined == "landlock" and not shields_supervisor(IsolationLevel.LANDLOCK) and found == _NETWORK
    )


def test_one_attack_that_reaches_its_aim_makes_a_level_no_level() -> None:
    found = dict.fromkeys(attack(IsolationLevel.PROCESS), "")
    assert judge(IsolationLevel.LANDLOCK, found).ok
    found["call an abstract socket of the host"] = "mlesmith-x"
    leaking = judge(IsolationLevel.LANDLOCK, found)
    assert not leaking.ok
    assert "could call an abstract socket of the host (mlesmith-x)" in leaking.detail
    assert "Landlock ABI 6" in leaking.remedy


def test_a_probe_is_made_once_per_process(confined: str) -> None:
    level = IsolationLevel(confined)
    assert probe(level) is probe(level)


def test_what_a_program_accepts_holds_until_its_end_and_in_calls_that_name_no_minimum() -> None:
    with accepting(IsolationLevel.PROCESS):
        assert resolve_level("auto") is host_report().level
    if host_report().level is not IsolationLevel.PROCESS:
        assert resolve_level("auto") is not IsolationLevel.PROCESS


_AUTO = """
from sandboxes.isolation import host_report
from sandboxes.local import LocalSandbox
try:
    with LocalSandbox() as sandbox:
        print(sandbox.report.level.value, sandbox.execute("print(6 * 7)").stdout.strip())
except Exception as error:
    print(type(error).__name__, error)
print([route.name for route in host_report().routes if route.tried])
"""


@pytest.fixture(params=["root", "ordinary user"])
def run_shut_in(
    request: pytest.FixtureRequest, shut_in: ModuleType, as_ordinary_user: Callable[[str], str]
) -> Callable[..., list[str]]:
    """Runs `_AUTO` where calls are refused, as the user named."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("these tests do not run as root")

    def run(*refused: str | int) -> list[str]:
        if request.param == "ordinary user":
            return as_ordinary_user(shut_in.program(["-c", _AUTO], refused)).splitlines()
        done = shut_in.run(["-c", _AUTO], refused)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_in_a_container_without_namespaces_the_level_is_landlock(
    run_shut_in: Callable[..., list[str]], shut_in: ModuleType
) -> None:
    if not probe(IsolationLevel.LANDLOCK).ok:
        pytest.skip("this host offers no Landlock")
    answer, tried = run_shut_in(*shut_in.NAMESPACES)
    assert answer == "landlock 42"
    assert "unprivileged container" in tried


def test_where_both_are_denied_it_refuses_and_names_both(
    run_shut_in: Callable[..., list[str]], shut_in: ModuleType
) -> None:
    answer, tried = run_shut_in(*shut_in.NAMESPACES, *shut_in.LANDLOCK)
    assert answer.startswith("IsolationError this host offers no isolation of level 'landlock' or better.")
    assert "level namespaces failed (" in answer
    assert "Operation not permitted" in answer
    assert "level landlock failed (" in answer
    assert "isolation='process'" in answer
    assert "unprivileged container" not in tried


def test_each_route_is_tried_here_or_said_to_be_untested() -> None:
    routes = {route.name: route for route in host_report().routes}
    wanted = {"root with namespaces", "ordinary user with user namespaces", "landlock", "unprivileged container"}
    assert wanted | {"process", "macOS", "x86_64", "aarch64", "GPUs", "an open network"} <= set(routes)
    assert all(route.detail for route in routes.values())
    assert routes["process"].tried
    user, root = routes["ordinary user with user namespaces"], routes["root with namespaces"]
    assert not (user.tried and root.tried)
    assert "untested" in routes["GPUs"].detail
