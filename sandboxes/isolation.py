"""What isolation this host offers: probed once per process by attacking the host from a process confined for real.

`namespaces > landlock > process`. Nothing falls below the minimum in silence: the refusal names the probe that failed
and the remedy.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandboxes import host_facts, self_attack
from sandboxes.errors import IsolationError, SandboxStartError
from sandboxes.host_facts import Probe, Route
from sandboxes.sandbox import IsolationLevel

__all__ = ["HostReport", "Probe", "Route", "accepting", "host_report", "judge", "probe", "resolve_level"]

_ORDER = (IsolationLevel.NONE, IsolationLevel.PROCESS, IsolationLevel.LANDLOCK, IsolationLevel.NAMESPACES)
_TRIED = (IsolationLevel.NAMESPACES, IsolationLevel.LANDLOCK)


@dataclass(frozen=True, slots=True)
class HostReport:
    """Everything probed, for `mlesmith doctor`."""

    level: IsolationLevel
    """The strongest level that works here."""
    probes: tuple[Probe, ...]
    routes: tuple[Route, ...] = ()
    """Each way of isolating that this project has: tried here just now, or untested here."""


_results: dict[tuple[int, IsolationLevel], Probe] = {}
_lock = threading.Lock()
_accepted = [IsolationLevel.LANDLOCK]


def host_report() -> HostReport:
    """Probe everything this host offers. Cached in part: the first call costs a start of the fork server."""
    tried = {level: probe(level) for level in _TRIED}
    level = next((level for level in _TRIED if tried[level].ok), IsolationLevel.PROCESS)
    system, user, *rest = host_facts.facts()
    without = _try_open(IsolationLevel.PROCESS)
    network = _try_open(level, network=True) if level is not IsolationLevel.PROCESS else without
    ways = host_facts.routes({**tried, IsolationLevel.PROCESS: without}, network)
    return HostReport(level, (system, user, *tried.values(), *rest), ways)


def probe(level: IsolationLevel) -> Probe:
    """Whether a process can be confined at `level` and its attacks on this host are refused. Cached per process."""
    key = (os.geteuid(), level)
    with _lock:
        if key not in _results:
            _results[key] = _try(level)
        return _results[key]


@contextlib.contextmanager
def accepting(minimum: IsolationLevel) -> Iterator[None]:
    """Within, calls that name no minimum of their own accept `minimum`, in every thread of this process.

    For a program whose foreign code is all its own, so that a host without isolation can run it all the same.
    """
    before, _accepted[0] = _accepted[0], minimum
    try:
        yield
    finally:
        _accepted[0] = before


def resolve_level(isolation: str, minimum: IsolationLevel | None = None) -> IsolationLevel:
    """The level to run at: the strongest that works for `"auto"`, otherwise the one that is named.

    `minimum` is `landlock` by default, but for what `accepting` says.

    Raises `ValueError` for an unknown name, and `IsolationError` where the host does not offer the level that was
    named or, for `"auto"`, nothing as strong as `minimum`.
    """
    minimum = minimum or _accepted[0]
    if isolation == "auto":
        failed = []
        for level in _TRIED:
            if _ORDER.index(level) < _ORDER.index(minimum):
                break
            found = probe(level)
            if found.ok:
                return level
            failed.append(found)
        if minimum in (IsolationLevel.PROCESS, IsolationLevel.NONE):
            return IsolationLevel.PROCESS
        raise IsolationError(_refusal(f"this host offers no isolation of level {minimum.value!r} or better", failed))
    names = [level.value for level in _ORDER[1:]]
    if isolation not in names:
        raise ValueError(f"isolation must be 'auto' or one of {names}, got {isolation!r}")
    level = IsolationLevel(isolation)
    if level is not IsolationLevel.PROCESS and not probe(level).ok:
        raise IsolationError(_refusal(f"this host does not offer isolation of level {isolation!r}", [probe(level)]))
    return level


def _refusal(sentence: str, failed: list[Probe]) -> str:
    causes = "; ".join(f"{p.name} failed ({p.detail}): {p.remedy}" for p in failed)
    return f"{sentence}. {causes}. To run without isolation all the same, ask for isolation='process'."


def _try(level: IsolationLevel) -> Probe:
    name = f"level {level.value}"
    if sys.platform != "linux":
        return Probe(name, ok=False, detail=f"{platform.system()} has no such thing", remedy="run on Linux")
    try:
        reached = self_attack.attack(level)
    except SandboxStartError as error:
        return Probe(name, ok=False, detail=str(error), remedy=_remedy(level))
    except OSError as error:  # no fault of the level, and not to be remembered as one
        raise SandboxStartError(f"this host cannot be probed now: {error}") from error
    return judge(level, reached)


def judge(level: IsolationLevel, reached: Mapping[str, str]) -> Probe:
    """What a level is worth from which attacks reached their aim: one that did is one too many."""
    name = f"level {level.value}"
    leaks = [attack for attack, what in reached.items() if what]
    if leaks:
        found = ", ".join(f"could {attack} ({reached[attack]})" for attack in leaks)
        remedies = [self_attack.REMEDIES[attack] for attack in leaks if attack in self_attack.REMEDIES]
        remedy = "; ".join(remedies) or "report it: a level that can be set up should refuse this"
        return Probe(name, ok=False, detail=f"a confined process {found}", remedy=remedy)
    return Probe(name, ok=True, detail=f"set up, and {len(reached)} attacks on this host from inside it were refused")


def _try_open(level: IsolationLevel, *, network: bool = False) -> Probe:
    """A way that is open on purpose: that its attacks succeed shows that those of a probe can."""
    name = f"level {level.value}"
    try:
        reached = self_attack.attack(level, network=network)
    except (SandboxStartError, OSError) as error:
        return Probe(name, ok=False, detail=str(error))
    leaks = [attack for attack, what in reached.items() if what]
    return Probe(name, ok=True, detail=f"runs; {len(leaks)} of {len(reached)} attacks on this host succeed there")


def _remedy(level: IsolationLevel) -> str:
    if level is IsolationLevel.LANDLOCK:
        return "it needs Linux 5.13 or newer, with landlock among the security modules (CONFIG_LSM or lsm=)"
    if os.geteuid() == 0:
        return "it needs CAP_SYS_ADMIN: in a container, run it with --cap-add SYS_ADMIN or as an ordinary user"
    others = "user.max_user_namespaces above 0, and a container's own profile"
    return host_facts.user_namespace_advice() or f"allow unprivileged user namespaces: sysctl {others}"
