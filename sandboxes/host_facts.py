"""What can be said of this host besides its levels of isolation, and which ways of isolating were tried here at all."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandboxes.confinement import cgroup_places, cgroups, gpus, landlock, linux, seccomp
from sandboxes.errors import SandboxStartError
from sandboxes.sandbox import IsolationLevel

_USER_NAMESPACE_SETTINGS = (
    ("kernel/unprivileged_userns_clone", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "0"),
)


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
class Route:
    """One way in which code of ours isolates, and whether it was gone on this host."""

    name: str
    tried: bool
    """Whether it was tried just now; otherwise it is untested here."""
    detail: str


def facts() -> list[Probe]:
    """Everything but the levels."""
    machine = platform.machine()
    table = f"a system call filter for {machine}" if seccomp.supported() else f"no table for {machine}"
    return [
        Probe("system", sys.platform == "linux", f"{platform.system()} {platform.release()} {machine}", "run on Linux"),
        Probe("user", ok=True, detail="root" if os.geteuid() == 0 else f"uid {os.geteuid()}"),
        _user_namespaces(),
        _network_namespaces(),
        Probe("seccomp", seccomp.supported(), table, "run on x86-64 or aarch64"),
        Probe("landlock abi", landlock.abi() > 0, str(landlock.abi()), "Linux 5.13 or newer with Landlock enabled"),
        _control_groups(),
        _gpus(),
    ]


def routes(levels: Mapping[IsolationLevel, Probe], network: Probe) -> tuple[Route, ...]:
    """Each way of isolating that this project has, with what was found of it here.

    `levels` are the ones probed, `network` is the strongest of them with the network open.
    """
    is_linux = sys.platform == "linux"
    root = is_linux and os.geteuid() == 0 and linux.has_admin()
    spaces, rules = levels[IsolationLevel.NAMESPACES], levels[IsolationLevel.LANDLOCK]
    shut_in = is_linux and not spaces.ok and rules.ok
    as_user = "not here: this process is root" if root else _found(spaces)
    bounded = cgroup_places.find().version if is_linux else 0
    return (
        Route("root with namespaces", root, _found(spaces) if root else "not here: this process is not root"),
        Route("ordinary user with user namespaces", is_linux and not root, as_user if is_linux else "not here"),
        Route("landlock", is_linux, _found(rules) if is_linux else "not here"),
        Route(
            "unprivileged container",
            shut_in,
            "namespaces are refused, landlock works" if shut_in else "not here: nothing shuts this process in",
        ),
        Route("process", tried=True, detail=_found(levels[IsolationLevel.PROCESS])),
        Route("macOS", sys.platform == "darwin", "level process alone" if sys.platform == "darwin" else "not here"),
        *(Route(name, *_filter(name, in_force=spaces.ok or rules.ok)) for name in ("x86_64", "aarch64")),
        Route("control groups, version 1", bounded == 1, cgroups.summary() if bounded == 1 else "not here"),
        Route("control groups, version 2", bounded == 2, cgroups.summary() if bounded == 2 else "not here"),
        Route(
            "GPUs",
            tried=False,
            detail=f"{len(gpus.present())} on this host, untested" if gpus.present() else "none on this host, untested",
        ),
        Route("an open network", tried=True, detail=_found(network)),
    )


def user_namespace_advice() -> str:
    """Which setting of this host stands in the way of user namespaces for ordinary users; empty where none does."""
    for setting, wanted in _USER_NAMESPACE_SETTINGS:
        path = Path("/proc/sys") / setting
        if path.is_file() and path.read_text().strip() != wanted:
            return f"allow unprivileged user namespaces: sysctl {setting.replace('/', '.')}={wanted}"
    return ""


def _filter(machine: str, *, in_force: bool) -> tuple[bool, str]:
    if platform.machine() != machine:
        return False, "its table of system calls is checked against the kernel's, its filter untested"
    return in_force, "its system call filter was in force" if in_force else "its system call filter was not reached"


def _found(probe: Probe) -> str:
    return probe.detail if probe.ok else f"failed: {probe.detail}"


def _user_namespaces() -> Probe:
    most = Path("/proc/sys/user/max_user_namespaces")
    count = most.read_text().strip() if most.is_file() else "0"
    advice = user_namespace_advice() or "sysctl user.max_user_namespaces above 0"
    ok = count != "0" and (os.geteuid() == 0 or not user_namespace_advice())
    return Probe("user namespaces", ok, f"the host's settings allow {count}", advice)


def _network_namespaces() -> Probe:
    here = Path("/proc/self/ns/net").exists()
    return Probe(
        "network namespaces", here, "known to the kernel" if here else "unknown", "a kernel with CONFIG_NET_NS"
    )


def _control_groups() -> Probe:
    """A group is really made, and removed."""
    remedy = "without them each process is limited alone: delegate a control group to this user"
    try:
        group = cgroups.create(cgroups.Bounds(memory_mib=256, processes=16))
    except SandboxStartError as error:
        return Probe("control groups", ok=False, detail=str(error), remedy=remedy)
    if group is None:
        return Probe("control groups", ok=False, detail=cgroups.summary(), remedy=remedy)
    group.remove()
    return Probe("control groups", ok=True, detail=cgroups.summary())


def _gpus() -> Probe:
    here = gpus.present()
    detail = f"{len(here)} ({', '.join(map(str, here))})" if here else "none on this host"
    return Probe("gpus", ok=True, detail=f"{detail}, untested")
