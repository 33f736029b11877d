"""Which isolation is chosen, and what is said where it cannot be had."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandboxes import isolation
from sandboxes.errors import IsolationError
from sandboxes.isolation import Probe, host_report, resolve_level
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A host that lacks the named levels."""

    def lack(*levels: IsolationLevel) -> None:
        real = isolation._try

        def tried(level: IsolationLevel) -> Probe:
            if level in levels:
                return Probe(f"level {level.value}", ok=False, detail="unshare: refused", remedy="allow it")
            return real(level)

        monkeypatch.setattr(isolation, "_results", {})
        monkeypatch.setattr(isolation, "_try", tried)

    return lack


def test_the_report_names_each_probe_and_the_strongest_level() -> None:
    report = host_report()
    assert {"system", "user", "level namespaces", "level landlock", "seccomp"} <= {p.name for p in report.probes}
    assert all(p.detail for p in report.probes)
    strongest = next((p for p in report.probes if p.name.startswith("level ") and p.ok), None)
    assert report.level.value == (strongest.name.removeprefix("level ") if strongest else "process")


def test_auto_takes_the_strongest_level_that_works(without: Callable[..., None]) -> None:
    without(IsolationLevel.NAMESPACES)
    if not isolation.probe(IsolationLevel.LANDLOCK).ok:
        pytest.skip("this host offers no Landlock")
    assert resolve_level("auto", IsolationLevel.LANDLOCK) is IsolationLevel.LANDLOCK


def test_below_the_minimum_it_refuses_and_names_probe_and_remedy(without: Callable[..., None]) -> None:
    without(IsolationLevel.NAMESPACES, IsolationLevel.LANDLOCK)
    with pytest.raises(IsolationError, match=r"level namespaces failed \(unshare: refused\): allow it"):
        LocalSandbox().start()
    with pytest.raises(IsolationError, match="landlock"):
        resolve_level("auto", IsolationLevel.LANDLOCK)


def test_a_minimum_of_namespaces_is_not_met_by_landlock(without: Callable[..., None]) -> None:
    without(IsolationLevel.NAMESPACES)
    with pytest.raises(IsolationError, match="namespaces"):
        resolve_level("auto", IsolationLevel.NAMESPACES)


def test_a_named_level_that_does_not_work_is_refused(without: Callable[..., None]) -> None:
    without(IsolationLevel.NAMESPACES)
    with pytest.raises(IsolationError, match="does not offer isolation of level 'namespaces'"):
        LocalSandbox(isolation="namespaces").start()


def test_no_isolation_runs_only_when_named(without: Callable[..., None]) -> None:
    without(IsolationLevel.NAMESPACES, IsolationLevel.LANDLOCK)
    with LocalSandbox(isolation="process") as sandbox:
        assert sandbox.report.level is IsolationLevel.PROCESS
        assert sandbox.report.network
        assert sandbox.execute("print(1)").stdout == "1\n"


def test_an_unknown_level_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="isolation must be"):
        LocalSandbox(isolation="strong").start()


def test_the_report_says_what_is_on(confined: str) -> None:
    with LocalSandbox(isolation=confined) as sandbox:
        assert sandbox.report.level.value == confined
        assert not sandbox.report.network
        assert {"files", "processes", "network"} <= set(sandbox.report.details)
