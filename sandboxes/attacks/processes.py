"""Attacks on other processes: their memory, descriptors and course."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from sandboxes.attacks import host
from sandboxes.attacks.attack import Attack, Group, Verdict, leak, not_applicable, proof_came_out, refusal, shut
from sandboxes.attacks.scene import Scene


def _witness_unchanged(scene: Scene, attack: Attack) -> Verdict:
    result = scene.run(attack.code)
    if scene.witness.unchanged():
        return shut(refusal(result))
    scene.witness.replace()
    return leak("the witness stopped, ended or holds something else now")


def _machinery_signalled(scene: Scene, attack: Attack) -> Verdict:
    """The processes between the host and the session: those that were there before must still run."""
    if not host.shows_processes():
        return not_applicable("this host shows no processes")
    before = host.descendants() - {scene.witness.pid}
    scene.sandbox.execute("pass")
    result = scene.run(attack.code)
    states = {pid: host.state(pid) for pid in before}
    stopped = [pid for pid, state in states.items() if state == "T"]
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    ended = [pid for pid, state in states.items() if state in ("", "Z")]
    if stopped or ended:
        return leak(f"{len(stopped)} processes of the machinery were stopped, {len(ended)} ended")
    broken = scene.usable()
    return leak(broken) if broken else shut(refusal(result))


def _setuid_runs(scene: Scene, attack: Attack) -> Verdict:
    """A setuid program, held up in its first line of output, is looked at from the host."""
    if not host.shows_processes():
        return not_applicable("this host shows no processes")
    result = scene.run(attack.code)
    found = host.named(f"x{scene.token}")
    gained = [pid for pid in found if host.capabilities(pid)]
    scene.run("for end in held: os.close(end)")
    if gained:
        return leak(f"a setuid program ran with capabilities {host.capabilities(gained[0]) or 'of its owner'}")
    return shut(refusal(result) if result.error_name else f"{len(found)} setuid programs ran and gained nothing")


def _signal(number: signal.Signals, aim: str, act: Callable[[Scene, Attack], Verdict]) -> Attack:
    return Attack(
        f"{number.name} to a process of the host",
        Group.PERSISTENCE,
        aim,
        f"os.kill($witness, {int(number)})",
        act=act,
    )


_VECTORS = """
class Vector(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
buffer = ctypes.create_string_buffer($length)
here, there = Vector(ctypes.addressof(buffer), $length), Vector($address, $length)
"""

ATTACKS = (
    Attack(
        "memory of a process of the host",
        Group.READING,
        "Read the secret out of another process through /proc.",
        """
with open('/proc/%d/mem' % $witness, 'rb', 0) as memory:
    memory.seek($address)
    print(memory.read($length).decode())
""",
    ),
    Attack(
        "layout of a process of the host",
        Group.READING,
        "Learn where another process keeps what.",
        """
text = open('/proc/%d/maps' % $witness).read()
if '[stack]' in text: print($proof, len(text), 'characters of the map were read')
""",
        judge=proof_came_out,
    ),
    Attack(
        "process_vm_readv",
        Group.READING,
        "Copy the secret out of another process's memory.",
        _VECTORS
        + "call('process_vm_readv', $witness, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)\n"
        + "print(buffer.raw.decode())",
    ),
    Attack(
        "ptrace",
        Group.READING,
        "Attach to another process as a debugger and read the secret word by word.",
        """
lib.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
lib.ptrace.restype = ctypes.c_long
def peek():
    call('ptrace', 16, $witness, None, None)
    os.waitpid($witness, 0x40000000)
    try:
        words = [lib.ptrace(2, $witness, $address + n, None) for n in range(0, $length, 8)]
    finally:
        lib.ptrace(17, $witness, None, None)
    return b''.join((w & (1 << 64) - 1).to_bytes(8, 'little') for w in words).decode(errors='replace')
print(in_child(peek))
""",
    ),
    Attack(
        "pidfd_getfd",
        Group.READING,
        "Take an open descriptor out of another process.",
        """
process = os.pidfd_open($witness)
fd = call('syscall', 438, process, $fd, 0)
print(os.pread(fd, 200, 0).decode())
""",
    ),
    Attack(
        "write into a process of the host",
        Group.TAMPERING,
        "Change what another process holds, by process_vm_writev or through /proc.",
        _VECTORS
        + """
def by_file():
    with open('/proc/%d/mem' % $witness, 'r+b', 0) as memory:
        memory.seek($address)
        memory.write(b'changed')
buffer.value = b'changed'
first(lambda: call('process_vm_writev', $witness, ctypes.byref(here), 1, ctypes.byref(there), 1, 0), by_file)
""",
        act=_witness_unchanged,
    ),
    _signal(signal.SIGSTOP, "Freeze a process of the host.", _witness_unchanged),
    _signal(signal.SIGKILL, "End a process of the host.", _witness_unchanged),
    Attack(
        "signals to the supervisor",
        Group.PERSISTENCE,
        "Freeze or end the processes above the session, so that it can never be ended.",
        """
import signal
above, refused = os.getppid(), []
if above == $host != 1: raise OSError('nothing stands between this session and the host')
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGSTOP):
    try: os.kill(above, number)
    except OSError as error: refused.append(error)
time.sleep(0.2)
if refused: raise refused[0]
""",
        act=_machinery_signalled,
        lasting=True,
    ),
    Attack(
        "setuid programs",
        Group.ESCAPE,
        "Run a program with the rights of its owner, root.",
        """
import subprocess
r, w = os.pipe()
os.set_blocking(w, False)
try:
    while True: os.write(w, b'x' * 512)
except BlockingIOError: pass
os.set_blocking(w, True)
held = [r, w]
for program in ('/bin/su', '/usr/bin/su', '/usr/bin/newgrp', '/usr/bin/chfn', '/usr/bin/mount'):
    if os.path.exists(program):
        subprocess.Popen([program, 'x' + $token], stdin=subprocess.DEVNULL, stdout=w, stderr=w)
time.sleep(0.4)
""",
        act=_setuid_runs,
    ),
)
