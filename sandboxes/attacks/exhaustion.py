"""Attacks on the room that others need: memory, processes, disk, descriptors, and the patience of the host.

Shut means that the limit held, that a sibling still works, and that the session itself is usable again. Every bomb is
bounded by a small multiple of the scene's limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sandboxes.attacks import host
from sandboxes.attacks.attack import Attack, Group, Verdict, Weak, leak, not_applicable, shut
from sandboxes.attacks.scene import LIMITS, Scene
from sandboxes.sandbox import IsolationLevel

_MIB = 1 << 20
_SHARED_USER = "processes are counted by user, and here the sandbox shares the host's"
_CHECKED = "the quota is looked at between writes, not enforced by the file system"
_BY_PROCESS = "memory is counted for each process where the host lends no control group"


def everybody_works(scene: Scene) -> Verdict | None:
    """What no longer works after a bomb, None where all is well."""
    broken = scene.usable(scene.sibling)
    if broken:
        return leak(f"a sibling was hit: {broken}")
    broken = scene.usable()
    return leak(broken) if broken else None


def _counted(limit: int, what: str) -> Callable[[Scene, Attack], Verdict]:
    """The code prints how much it got; the host counts as well where it can see the processes."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        result = scene.run(attack.code)
        got = int(result.stdout.split()[-1]) if result.stdout.split() else 0
        seen = len(host.named(f"n{scene.token}")) if host.shows_processes() else 0
        if max(got, seen) > limit:
            host.end(host.named(f"n{scene.token}"))
            return leak(f"{max(got, seen)} {what} where {limit} are the limit")
        return everybody_works(scene) or shut(f"stopped at {max(got, seen)} {what}")

    return act


def _held_together(scene: Scene, attack: Attack) -> Verdict:
    """The memory of all processes of the session, as the host counts it."""
    if not host.shows_processes():
        return not_applicable("this host shows no processes")
    scene.run(attack.code)

    held = sum(host.held_mib(pid) for pid in host.named(f"n{scene.token}"))
    scene.run("for process in held: process.kill()")
    if held > LIMITS.memory_mib:
        return leak(f"{held} MiB were held where {LIMITS.memory_mib} are the limit")
    return everybody_works(scene) or shut(f"{held} MiB were held together")


def _left_on_disk(limit_mib: int, entries: int) -> Callable[[Scene, Attack], Verdict]:
    """What lies in the workspace afterwards, and what the code could write elsewhere."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        scene.run(attack.code)
        time.sleep(0.6)
        measured = scene.sandbox.execute(_MEASURE).stdout.split()
        if len(measured) != 2:
            return everybody_works(scene) or leak("the workspace cannot be measured any more")
        size, count = int(measured[0]) / _MIB, int(measured[1])
        if size > limit_mib or count > entries:
            return leak(f"{size:.0f} MiB in {count} files where {LIMITS.disk_mib} MiB in {LIMITS.files} are the limit")
        return everybody_works(scene) or shut(f"stopped at {size:.0f} MiB in {count} files")

    return act


_MEASURE = """
import os
size = count = 0
for folder, folders, files in os.walk('.'):
    if 'public' in folders: folders.remove('public')
    for name in files:
        found = os.lstat(os.path.join(folder, name))
        size, count = size + found.st_blocks * 512, count + 1
print(size, count)
"""
_WRITE = """
def fill(folder, prefix='fill'):
    written = 0
    try:
        for n in range(20):
            with open(os.path.join(folder, prefix + str(n)), 'wb', 0) as f: written += f.write(b'x' * (6 << 20))
    except OSError: pass
    return written
"""

ATTACKS = (
    Attack(
        "a bomb of processes",
        Group.EXHAUSTION,
        "Start so many processes that nobody else can start one.",
        """
pids = []
try:
    for _ in range(150): pids.append(os.posix_spawn('/bin/sleep', ['n' + $token, '8'], {}))
except OSError: pass
print(len(pids))
""",
        act=_counted(LIMITS.processes + 5, "processes"),
        lasting=True,
        known_open={IsolationLevel.LANDLOCK: _SHARED_USER},
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "a bomb of threads",
        Group.EXHAUSTION,
        "Start so many threads that nobody else can start one.",
        """
import threading
threading.stack_size(64 << 10)
started = 0
try:
    for _ in range(300):
        threading.Thread(target=time.sleep, args=(6,), daemon=True).start()
        started += 1
except RuntimeError: pass
print(started)
""",
        act=_counted(LIMITS.processes + 5, "threads"),
        lasting=True,
        known_open={IsolationLevel.LANDLOCK: _SHARED_USER},
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "memory of one process",
        Group.EXHAUSTION,
        "Take the memory of the machine.",
        """
block, got = [], 0
try:
    while got < 2 * $mib:
        block.append(bytearray(b'x' * (16 << 20))); got += 16
except MemoryError: pass
block = None
print(got)
""",
        act=_counted(LIMITS.memory_mib * 5 // 4, "MiB"),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "memory of several processes",
        Group.EXHAUSTION,
        "Stay below the limit in each process and take the machine's memory by their number.",
        """
import subprocess
program = 'import time; block = b"x" * (%d << 20); print(1, flush=True); time.sleep(6)' % ($mib * 2 // 5)
command = [sys.executable, '-S', '-c', program, 'n' + $token]
held = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
for process in held: process.stdout.readline()
""",
        act=_held_together,
        lasting=True,
        known_open={IsolationLevel.NAMESPACES: _BY_PROCESS, IsolationLevel.LANDLOCK: _BY_PROCESS},
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "memory through folders in memory",
        Group.EXHAUSTION,
        "Take memory that no process is charged for, as files in /dev/shm and /tmp.",
        _WRITE
        + """
try: got = fill('/dev/shm', $token) >> 20
finally:
    for n in range(20):
        try: os.unlink('/dev/shm/' + $token + str(n))
        except OSError: pass
print(got)
""",
        act=_counted(LIMITS.disk_mib, "MiB"),
        lasting=True,
    ),
    Attack(
        "the disk",
        Group.EXHAUSTION,
        "Fill the disk that all workspaces lie on.",
        _WRITE + "fill('.')",
        act=_left_on_disk(2 * LIMITS.disk_mib, LIMITS.files + 5),
        lasting=True,
        known_open={IsolationLevel.LANDLOCK: _CHECKED},
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "the disk between steps",
        Group.EXHAUSTION,
        "Fill the disk from a process that goes on while no code is run.",
        _WRITE
        + """
if os.fork() == 0:
    try: os.setsid(); fill('.')
    finally: os._exit(0)
""",
        act=_left_on_disk(2 * LIMITS.disk_mib, LIMITS.files + 5),
        lasting=True,
        known_open={IsolationLevel.LANDLOCK: _CHECKED},
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "the number of files",
        Group.EXHAUSTION,
        "Make so many files that nobody else can make one.",
        """
os.makedirs('many', exist_ok=True)
try:
    for n in range(2000):
        open(f'many/{n}', 'w').close()
        if n % 200 == 199: time.sleep(0.1)
except OSError: pass
""",
        act=_left_on_disk(LIMITS.disk_mib, 4 * LIMITS.files),
        lasting=True,
        known_open={IsolationLevel.LANDLOCK: _CHECKED},
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "one large file",
        Group.EXHAUSTION,
        "Write one file that is larger than allowed.",
        """
with open('large', 'wb', 0) as f:
    try:
        while f.tell() < 24 << 20: f.write(b'x' * (1 << 20))
    except OSError: pass
    print(f.tell() >> 20)
os.unlink('large')
""",
        act=_counted(LIMITS.file_mib, "MiB"),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "open files",
        Group.EXHAUSTION,
        "Take so many descriptors that nobody else can open a file.",
        """
held = []
try:
    for _ in range(2000): held.append(os.dup(0))
except OSError: pass
for fd in held: os.close(fd)
print(len(held))
""",
        act=_counted(LIMITS.open_files, "descriptors"),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
)
