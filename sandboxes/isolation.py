"""What isolation this host offers: probed once per process by setting a confined process up for real.

`namespaces > landlock > process`. Nothing falls below the minimum in silence: the refusal names the probe that failed
and the remedy.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from sandboxes import forkserver, landlock, rlimits, seccomp
from sandboxes.confinement import Bind, Confinement, Folder
from sandboxes.errors import IsolationError, SandboxStartError
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.sandbox import IsolationLevel

_ORDER = (IsolationLevel.NONE, IsolationLevel.PROCESS, IsolationLevel.LANDLOCK, IsolationLevel.NAMESPACES)
_TRIED = (IsolationLevel.NAMESPACES, IsolationLevel.LANDLOCK)
_PROBE_S = 30.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was tried on this host."""

    name: str
    ok: bool
    detail: str
    """What was found, or the stage and error at which it failed."""
    remedy: str = ""
    """What the user can do about it."""


@dataclass(frozen=True, slots=True)
class HostReport:
    """Everything probed, for `mlesmith doctor`."""

    level: IsolationLevel
    """The strongest level that works here."""
    probes: tuple[Probe, ...]


_results: dict[tuple[int, IsolationLevel], Probe] = {}
_lock = threading.Lock()


def host_report() -> HostReport:
    """Probe everything this host offers. Cached: the first call costs a start of the fork server."""
    tried = {level: probe(level) for level in _TRIED}
    level = next((level for level in _TRIED if tried[level].ok), IsolationLevel.PROCESS)
    facts = [
        Probe("system", sys.platform == "linux", f"{platform.system()} {platform.release()} {platform.machine()}"),
        Probe("user", ok=True, detail="root" if os.geteuid() == 0 else f"uid {os.geteuid()}"),
        *tried.values(),
        Probe(
            "seccomp",
            seccomp.supported(),
            "system call filter" if seccomp.supported() else f"no table for {platform.machine()}",
        ),
        Probe("landlock abi", landlock.abi() > 0, str(landlock.abi()), "Linux 5.13 or newer with Landlock enabled"),
    ]
    return HostReport(level, tuple(facts))


def probe(level: IsolationLevel) -> Probe:
    """Whether a confined process can be set up at `level`."""
    key = (os.geteuid(), level)
    with _lock:
        if key not in _results:
            _results[key] = _try(level)
        return _results[key]


def resolve_level(isolation: str, minimum: IsolationLevel) -> IsolationLevel:
    """The level to run at: the strongest that works for `"auto"`, otherwise the one that is named.

    Raises `ValueError` for an unknown name, and `IsolationError` where the host does not offer the level that was
    named or, for `"auto"`, nothing as strong as `minimum`.
    """
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
        _set_up(level)
    except SandboxStartError as error:
        return Probe(name, ok=False, detail=str(error), remedy=_remedy(level))
    return Probe(name, ok=True, detail="a confined process was set up")


def _set_up(level: IsolationLevel) -> None:
    """Confine a process that does nothing."""
    with tempfile.TemporaryDirectory(prefix="mlesmith-") as folder:
        scratch = str(Path(folder).resolve())
        bind = Bind(scratch, scratch, writable=True)
        private = level is IsolationLevel.NAMESPACES
        folders = (Folder("/workspace", 1, 16),) if private else ()
        request = {
            "task": "probe",
            "confinement": Confinement(level, (bind,), folders).to_json(),
            "limits": rlimits.limits_to_json(Limits()),
            "environment": scrubbed_environment(scratch),
            "cwd": scratch,
        }
        tree = forkserver.spawn(request)
        try:
            tree.expect("ready", _PROBE_S)
        finally:
            tree.end(at_once=private)


def _remedy(level: IsolationLevel) -> str:
    if level is IsolationLevel.LANDLOCK:
        return "it needs Linux 5.13 or newer, with landlock among the security modules (CONFIG_LSM or lsm=)"
    if os.geteuid() == 0:
        return "it needs CAP_SYS_ADMIN: in a container, run it with --cap-add SYS_ADMIN or as an ordinary user"
    for setting, wanted in (
        ("kernel/unprivileged_userns_clone", "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "0"),
    ):
        path = Path("/proc/sys") / setting
        if path.is_file() and path.read_text().strip() != wanted:
            return f"allow unprivileged user namespaces: sysctl {setting.replace('/', '.')}={wanted}"
    return "allow unprivileged user namespaces: sysctl user.max_user_namespaces above 0, and a container's own profile"
