"""Each attack succeeds where there is no defence against it, so that a suite without a leak means something."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sandboxes.attacks import ATTACKS, AttackFaultError, Outcome, Target, run_attacks, runner
from sandboxes.attacks.attack import Attack, Group, Verdict, Weak
from sandboxes.attacks.opened import OpenedSandbox, opened_target
from sandboxes.attacks.scene import Scene
from sandboxes.errors import SandboxError
from sandboxes.isolation import probe
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel

pytestmark = pytest.mark.xdist_group("attacks that succeed")  # what they leave is looked for in places they share
OPEN = Target("process", partial(LocalSandbox, isolation="process"))


def _target(weak: Weak) -> Target:
    return OPEN if weak is Weak.PROCESS else opened_target(weak)


@pytest.mark.parametrize("weak", sorted(set(Weak) - {Weak.TRUSTING}))
def test_every_third_attack_succeeds_against_its_target(weak: Weak, monkeypatch: pytest.MonkeyPatch) -> None:
    check_success(weak, monkeypatch, every=3)


@pytest.mark.slow
@pytest.mark.parametrize("weak", Weak)
def test_each_attack_succeeds_against_the_target_named_in_it(weak: Weak, monkeypatch: pytest.MonkeyPatch) -> None:
    check_success(weak, monkeypatch)


def check_success(weak: Weak, monkeypatch: pytest.MonkeyPatch, *, every: int = 1) -> None:
    names = [a.name for a in ATTACKS if a.shown_on is weak and (os.geteuid() == 0 or not a.needs_root)][::every]
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        try:
            results = run_attacks(_target(weak), names=names)
        finally:
            OpenedSandbox.end_spares()
        assert list(Path(folder).glob("mlesmith-opened-*")) == []
    stopped = [(r.name, r.evidence) for r in results if r.outcome is Outcome.SHUT]
    assert stopped == []
    assert sum(r.outcome is Outcome.LEAK for r in results) > len(names) * 3 // 4


def test_nothing_of_the_suite_is_left_on_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        run_attacks(OPEN, names=["a stopped process", "answers by absolute path", "a file shared with a sibling"])
        assert list(Path(folder).iterdir()) == []
    assert list(Path("/tmp").glob("*att????????")) == []


def test_a_leak_is_told_as_one_unless_the_level_is_known_not_to_stop_it() -> None:
    if not probe(IsolationLevel.LANDLOCK).ok:
        pytest.skip("this host offers no Landlock")
    (found,) = run_attacks(OPEN, names=["answers by absolute path"])
    assert (found.outcome, found.leak) == (Outcome.LEAK, True)
    landlock = Target("landlock", partial(LocalSandbox, isolation="landlock"))
    (known,) = run_attacks(landlock, names=["a bomb of threads"])
    if known.outcome is Outcome.LEAK:  # where no control group can be had
        assert not known.leak
        assert "shares the host's" in known.known_open


def test_results_are_told_one_by_one() -> None:
    told: list[str] = []
    chosen = ["TCP", "answers by absolute path"]
    results = run_attacks(
        OPEN, names=chosen, groups=["network", "reading answers"], on_result=lambda r: told.append(r.name)
    )
    assert told == [r.name for r in results] == ["answers by absolute path", "TCP"]


def test_an_unknown_name_or_group_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="no attack is called 'magic'"):
        run_attacks(OPEN, names=["magic"])
    with pytest.raises(ValueError, match="gardening"):
        run_attacks(OPEN, groups=["gardening"])


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Attack], None]:
    """A suite of one attack."""
    return lambda attack: monkeypatch.setattr(runner, "ATTACKS", (attack,))


def test_an_attack_that_is_itself_broken_is_no_verdict(only: Callable[[Attack], None]) -> None:
    only(Attack("broken", Group.READING, "Nothing.", "print(undefined)"))
    with pytest.raises(AttackFaultError, match="'broken' is broken: NameError"):
        run_attacks(OPEN)


def test_a_host_that_fails_for_what_the_code_did_has_leaked(only: Callable[[Attack], None]) -> None:
    def fail(scene: Scene, attack: Attack) -> Verdict:
        raise SandboxError("brought down")

    only(Attack("fatal", Group.EXHAUSTION, "Bring the host down.", act=fail))
    (found,) = run_attacks(OPEN)
    assert found.leak
    assert found.evidence == "the host failed: SandboxError: brought down"


def test_code_that_only_claims_success_has_none(only: Callable[[Attack], None]) -> None:
    only(Attack("boast", Group.READING, "Seem to have succeeded.", "print('LEAK', 'secret-', 'the answers')"))
    (found,) = run_attacks(OPEN)
    assert found.outcome is Outcome.SHUT


def test_a_sandbox_that_cannot_be_started_is_no_leak() -> None:
    def refuse(*, public: Path | None, limits: Limits, seed: int) -> LocalSandbox:
        raise SandboxError("no engine")

    with pytest.raises(SandboxError, match="no engine"):
        run_attacks(Target("none", refuse), names=["TCP"])
