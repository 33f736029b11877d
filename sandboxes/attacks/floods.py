"""Attacks on the host itself: more words than it can hold, and sessions that leave it waiting or blamed."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandboxes.attacks import host
from sandboxes.attacks.attack import Attack, Group, Verdict, Weak, everything, leak, shut
from sandboxes.attacks.exhaustion import everybody_works
from sandboxes.attacks.scene import LIMITS, Scene
from sandboxes.sandbox import ExecutionResult

_MIB = 1 << 20
_ROOM_OF_MESSAGES_MIB = 200


def _measured(check: Callable[[ExecutionResult], str], grown_mib: int) -> Callable[[Scene, Attack], Verdict]:
    """Look at what came back, and at what the host needed to take it."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        scene.sandbox.execute("pass")
        before = host.own_resident_mib()
        result = scene.run(attack.code)
        grown = host.own_resident_mib() - before
        too_much = check(result)
        if too_much:
            return leak(too_much)
        if grown > grown_mib:
            return leak(f"the host's own memory grew by {grown} MiB")
        return everybody_works(scene) or shut(f"{len(everything(result))} characters kept, {result.status.value}")

    return act


def _too_much_text(result: ExecutionResult) -> str:
    size = len(everything(result))
    return f"{size} characters were kept" if size > 3 * LIMITS.output_chars else ""


def _too_many_displays(result: ExecutionResult) -> str:
    size = sum(len(display.data) for display in result.displays)
    return f"{len(result.displays)} pictures, {size >> 20} MiB, were kept" if size > 24 * _MIB else ""


def _flooded_between_steps(scene: Scene, attack: Attack) -> Verdict:
    """A thread of the session sends on while the host asks for nothing."""
    scene.sandbox.execute("pass")
    before = host.own_resident_mib()
    scene.run(attack.code)
    grown, end = 0, time.monotonic() + 2.5
    while time.monotonic() < end:
        grown = max(grown, host.own_resident_mib() - before)
        if grown > _ROOM_OF_MESSAGES_MIB:
            break
        time.sleep(0.05)
    if grown > _ROOM_OF_MESSAGES_MIB:
        return leak(f"the host's own memory grew by {grown} MiB while it was idle")
    return everybody_works(scene) or shut(f"the host's own memory grew by {grown} MiB")


def _recovers(scene: Scene, attack: Attack) -> Verdict:
    result = scene.run(attack.code, timeout_s=1.5)
    if result.machinery_failed:
        return leak("the host takes the blame")
    return everybody_works(scene) or shut(f"{result.status.value}: {result.reason or result.error_name}")


ATTACKS = (
    Attack(
        "output without an end",
        Group.EXHAUSTION,
        "Fill the host's memory with text.",
        "for _ in range(400): print('x' * 100_000)",
        act=_measured(_too_much_text, 64),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "pictures without an end",
        Group.EXHAUSTION,
        "Fill the host's memory with what code may show.",
        """
import base64
from IPython.display import display
data = base64.b64encode(b'x' * (1 << 20)).decode()
for _ in range(60): display({'image/png': data}, raw=True)
""",
        act=_measured(_too_many_displays, 128),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "messages while nobody listens",
        Group.EXHAUSTION,
        "Send on between two steps until the host's memory is full of what it has not read.",
        """
import threading
kernel, text = get_ipython().kernel, 'x' * (8 << 20)
def flood():
    time.sleep(0.2)
    for _ in range(80):
        kernel.session.send(kernel.iopub_socket, 'stream', {'name': 'stdout', 'text': text})
        time.sleep(0.01)
threading.Thread(target=flood, daemon=True).start()
""",
        act=_flooded_between_steps,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "a crash of the interpreter",
        Group.EXHAUSTION,
        "Leave a dead session behind.",
        """
sys.setrecursionlimit(1 << 30)
def down(): return [*map(lambda _: down(), (0,))]
down()
""",
        act=_recovers,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "a loop that ignores interrupts",
        Group.EXHAUSTION,
        "Keep the host waiting for ever.",
        """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
end = time.monotonic() + 9
while time.monotonic() < end: pass
""",
        act=_recovers,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "folders made unusable",
        Group.PERSISTENCE,
        "Close, fill and replace the folders that the next session needs, and have the host take the blame.",
        """
import shutil, tempfile
folders = [tempfile.gettempdir(), os.environ.get('IPYTHONDIR', '/tmp/x'), os.getcwd()]
connection = get_ipython().kernel.parent
if connection is not None and connection.transport == 'ipc': folders.append(os.path.dirname(connection.ip))
for folder in folders[1:2] + folders[3:]:
    shutil.rmtree(folder, ignore_errors=True)
    try: open(folder, 'w').close()
    except OSError: pass
for folder in folders:
    try:
        if not os.stat(folder).st_mode & 0o1000: os.chmod(folder, 0)  # never a shared one: the host's own /tmp
    except OSError: pass
os._exit(0)
""",
        act=_recovers,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
)
