"""All attacks, and the run of them against a target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from sandboxes.attacks import (
    deputy,
    escape,
    exhaustion,
    floods,
    network,
    persistence,
    processes,
    reading,
    submissions,
    tampering,
)
from sandboxes.attacks.attack import (
    Attack,
    AttackFaultError,
    AttackResult,
    Group,
    Outcome,
    Verdict,
    leak,
    secret_came_out,
)
from sandboxes.attacks.scene import Scene, Target

_MODULES = (reading, processes, submissions, deputy, tampering, escape, network, exhaustion, floods, persistence)
ATTACKS: tuple[Attack, ...] = tuple(
    attack for group in Group for module in _MODULES for attack in module.ATTACKS if attack.group is group
)
"""Every attack of the suite, group by group."""


def run_attacks(
    target: Target,
    *,
    groups: Iterable[Group | str] | None = None,
    names: Iterable[str] | None = None,
    on_result: Callable[[AttackResult], None] | None = None,
) -> tuple[AttackResult, ...]:
    """Run the attacks of `groups` and `names` (each None for all) and say what became of each.

    Raises `ValueError` for an unknown group or name, `SandboxError` where no sandbox can be started, and
    `AttackFaultError` where an attack of the suite is itself broken.
    """
    chosen = _choose(groups, names)
    results = []
    with Scene(target) as scene:
        for attack in chosen:
            results.append(_run(scene, attack))
            if on_result is not None:
                on_result(results[-1])
    return tuple(results)


def _choose(groups: Iterable[Group | str] | None, names: Iterable[str] | None) -> list[Attack]:
    wanted = set(Group) if groups is None else {Group(group) for group in groups}
    known = [attack.name for attack in ATTACKS]
    asked = set(known) if names is None else set(names)
    if asked - set(known):
        raise ValueError(f"no attack is called {sorted(asked - set(known))[0]!r}; there are {', '.join(known)}")
    return [attack for attack in ATTACKS if attack.group in wanted and attack.name in asked]


def _run(scene: Scene, attack: Attack) -> AttackResult:
    level = scene.sandbox.report.level
    started = time.monotonic()
    try:
        verdict = _verdict(scene, attack)
    except AttackFaultError as error:
        raise AttackFaultError(f"the attack {attack.name!r} is broken: {error}") from error
    except Exception as error:  # noqa: BLE001 - a host that raises for what foreign code did has been brought down
        verdict = leak(f"the host failed: {type(error).__name__}: {error}")
        scene.renew()
    if attack.lasting:
        scene.renew()
    return AttackResult(
        attack.name,
        attack.group,
        attack.aim,
        verdict.outcome,
        verdict.evidence,
        known_open=attack.known_open.get(level, "") if verdict.outcome is Outcome.LEAK else "",
        seconds=time.monotonic() - started,
    )


def _verdict(scene: Scene, attack: Attack) -> Verdict:
    if attack.act is not None:
        return attack.act(scene, attack)
    judge = attack.judge or secret_came_out
    return judge(scene, scene.run(attack.code))
