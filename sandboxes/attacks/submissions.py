"""Attacks by what a session leaves where the host looks for its submission."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandboxes.attacks.attack import Attack, Group, Verdict, Weak, leak, shut
from sandboxes.attacks.scene import Scene
from sandboxes.sandbox import Collected, CollectStatus

RACE_S = 0.6
_LARGE = 1 << 20


def _judge_collected(scene: Scene, found: Collected | Exception | None) -> Verdict:
    if found is None:
        return leak("the host waits for ever")
    if isinstance(found, Exception):
        return leak(f"the host failed: {type(found).__name__} {found}")
    text = found.data.decode(errors="replace")
    if any(secret in text for secret in scene.secrets):
        return leak("the host itself read the answers and took them for the submission")
    if found.status is CollectStatus.FOUND or found.data:
        return leak(f"the host took {len(found.data)} bytes of it")
    return shut(f"collect says {found.status.value}")


def _planted(path: str = "submission.csv") -> Callable[[Scene, Attack], Verdict]:
    """Run the code, then collect as the host does after every step."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        result = scene.run(attack.code)
        found = scene.collect(path)
        verdict = _judge_collected(scene, found)
        if result.error_name and isinstance(found, Collected) and found.status is CollectStatus.MISSING:
            return shut(f"it could not be planted: {result.error_name} {result.error_message}")
        return verdict

    return act


def _raced(path: str) -> Callable[[Scene, Attack], Verdict]:
    """Collect again and again while a thread of the session swaps what lies there."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        scene.run(attack.code)
        end, tries, taken = time.monotonic() + RACE_S, 0, 0
        while time.monotonic() < end:
            found = scene.collect(path)
            tries += 1
            if found is None or isinstance(found, Exception):
                return _judge_collected(scene, found)
            taken += found.status is CollectStatus.FOUND
            if scene.secret in found.data.decode(errors="replace"):
                return leak(f"the answers were read at try {tries}")
        return shut(f"{tries} tries during the swaps, {taken} files taken, no answers among them")

    return act


def _grown(scene: Scene, attack: Attack) -> Verdict:
    scene.run(attack.code)
    largest, end = 0, time.monotonic() + RACE_S
    while time.monotonic() < end:
        found = scene.collect(max_bytes=_LARGE)
        if not isinstance(found, Collected):
            return _judge_collected(scene, found)
        largest = max(largest, len(found.data))
    if largest > _LARGE:
        return leak(f"{largest} bytes were taken where {_LARGE} are the limit")
    return shut(f"at most {largest} bytes were taken")


def _huge(scene: Scene, attack: Attack) -> Verdict:
    scene.run(attack.code)
    found = scene.collect(max_bytes=_LARGE)
    if isinstance(found, Collected) and found.status is CollectStatus.TOO_LARGE and not found.data:
        return shut(f"refused with its size of {found.size} bytes")
    if isinstance(found, Collected) and found.status is CollectStatus.MISSING:
        return shut("it could not be made")
    return _judge_collected(scene, found)


_SWAP = """
import threading
def swap(make, other, name):
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        for way in (make, other):
            try:
                way('next')
                os.replace('next', name)
            except OSError: pass
def a_file(name): open(name, 'w').write('mine')
def a_link(name): os.symlink($answers, name)
"""
SWAP_FOLDERS = (
    _SWAP
    + """
RENAME_EXCHANGE = 2
def exchange():
    os.makedirs('out', exist_ok=True)
    open('out/test_answer.csv', 'w').write('mine')
    os.symlink($private, 'way')
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        lib.renameat2(-100, b'out', -100, b'way', RENAME_EXCHANGE)
threading.Thread(target=exchange, daemon=True).start()
"""
)

_KINDS = (
    ("a link to the answers", "Let the host read the answers as the submission.", "os.symlink($answers, name)"),
    (
        "a chain of links through /proc",
        "Let the host follow links of links, one of them magic.",
        "os.symlink('/proc/self/root' + $answers, 'chain')\nos.symlink('chain', name)",
    ),
    ("a link to itself", "Make the host stumble over a link without an end.", "os.symlink(name, name)"),
    ("a hard link to the answers", "Give the answers a second name.", "os.link($answers, name)"),
    ("a folder", "Make the host fail on a folder.", "os.mkdir(name)"),
    (
        "a socket",
        "Make the host fail on a socket.",
        "import socket\nsocket.socket(socket.AF_UNIX).bind(name)",
    ),
    (
        "a pipe",
        "Make the host wait for ever, or read what is fed to it.",
        """
import threading
os.mkfifo(name)
threading.Thread(target=lambda: open(name, 'wb').write(b'fed'), daemon=True).start()
""",
    ),
    (
        "a device",
        "Make the host read without an end.",
        """
import stat
try: os.mknod(name, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
except OSError: os.symlink('/dev/zero', name)
""",
    ),
)


def _as_submission(title: str, aim: str, code: str) -> Attack:
    return Attack(
        f"submission: {title}",
        Group.READING,
        aim,
        f"name = 'submission.csv'\n{code}",
        act=_planted(),
        lasting=True,
        shown_on=Weak.PROCESS if "hard link" in title else Weak.TRUSTING,
    )


ATTACKS = (
    *(_as_submission(*kind) for kind in _KINDS),
    Attack(
        "submission: below a folder swapped for a link",
        Group.READING,
        "Swap a folder of the workspace for a link to the private one.",
        "os.symlink($private, 'out')",
        act=_planted("out/test_answer.csv"),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "submission: file swapped between check and read",
        Group.READING,
        "Be a file when the host checks and a link to the answers when it reads.",
        _SWAP + "threading.Thread(target=swap, args=(a_file, a_link, 'submission.csv'), daemon=True).start()\n",
        act=_raced("submission.csv"),
        lasting=True,
        shown_on=Weak.HALF_CAREFUL,
    ),
    Attack(
        "submission: folder swapped between check and read",
        Group.READING,
        "Be a folder when the host checks and a link to the private one when it reads.",
        SWAP_FOLDERS,
        act=_raced("out/test_answer.csv"),
        lasting=True,
        shown_on=Weak.HALF_CAREFUL,
    ),
    Attack(
        "submission: grows while it is read",
        Group.EXHAUSTION,
        "Be small when the host looks at the size and large when it reads.",
        """
import threading
def grow():
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        with open('submission.csv', 'wb') as f:
            f.write(b'x' * 1000); f.flush()
            os.truncate('submission.csv', 6 << 20)
threading.Thread(target=grow, daemon=True).start()
""",
        act=_grown,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "submission: a huge hole",
        Group.EXHAUSTION,
        "Cost nothing on disk and gigabytes in the host's memory.",
        "open('submission.csv', 'wb').close()\nfor size in (64 << 20, 8 << 20):\n"
        "    try: os.truncate('submission.csv', size); break\n    except OSError: pass",
        act=_huge,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
)
