"""Attacks over sockets, and by what else lets two processes talk. Aims are the suite's own listeners and sandboxes."""

from __future__ import annotations

import socket
from collections.abc import Callable

from sandboxes.attacks.attack import (
    Attack,
    Group,
    Verdict,
    leak,
    not_applicable,
    proof_came_out,
    refusal,
    secret_came_out,
    shut,
)
from sandboxes.attacks.scene import Scene
from sandboxes.sandbox import IsolationLevel


def _calls(name: str) -> Callable[[Scene, Attack], Verdict]:
    """Whether the listener was called, or its answer came out."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        if name in ("tcp", "tcp6", "udp") and not scene.listeners.port(name):
            return not_applicable("this host has no such loopback address")
        scene.listeners.calls.clear()
        result = scene.run(attack.code)
        if name in scene.listeners.calls:
            return leak("the listener of the host was called")
        return secret_came_out(scene, result)

    return act


def _sees_the_hosts_interfaces(scene: Scene, attack: Attack) -> Verdict:
    ours = {name for _, name in socket.if_nameindex()} - {"lo"}
    if not ours:
        return not_applicable("this host has no interface but loopback")
    result = scene.run(attack.code)
    seen = ours & set(result.stdout.split())
    return leak(f"the host's {', '.join(sorted(seen))} were listed") if seen else shut(refusal(result))


def _reached_from_the_host(scene: Scene, attack: Attack) -> Verdict:
    result = scene.run(attack.code)
    port = result.stdout.strip()
    if not port.isdigit():
        return shut(refusal(result))
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=1.0) as caller:
            heard = caller.recv(100).decode(errors="replace")
    except OSError as error:
        return shut(f"it listens at its port {port}, but not on the host: {error}")
    return (
        leak("a server of the session answered on the host") if scene.proof in heard else shut("somebody else's port")
    )


def _heard_by_the_sibling(scene: Scene, attack: Attack) -> Verdict:
    """The first part of the code runs in one sandbox, the second in the other."""
    speak, listen = attack.code.split("# ---- the sibling")
    said = scene.run(speak)
    heard = scene.run(listen, sandbox=scene.sibling)
    for path in scene.left_in_shared_folders():
        path.unlink()
    verdict = proof_came_out(scene, heard)
    return verdict if not said.error_name else shut(refusal(said))


_DATAGRAM = """
import socket, struct
question = struct.pack('!6H', 7, 256, 1, 0, 0, 0) + b'\\x07answers\\x07example\\x00\\x00\\x01\\x00\\x01'
"""
_UNIX = """
import socket
with socket.socket(socket.AF_UNIX, socket.{kind}) as s:
    s.settimeout(2)
    s.connect({address})
    s.send(b'hello')
    print(s.recv(500).decode())
"""


def _call(title: str, listener: str, aim: str, code: str) -> Attack:
    return Attack(title, Group.NETWORK, aim, code, act=_calls(listener))


ATTACKS = (
    _call(
        "TCP",
        "tcp",
        "Connect to a port of the host.",
        "import socket\nprint(socket.create_connection(('127.0.0.1', $tcp), timeout=2).recv(500).decode())",
    ),
    _call(
        "TCP over IPv6",
        "tcp6",
        "Connect to a port of the host by the other protocol.",
        "import socket\nprint(socket.create_connection(('::1', $tcp6), timeout=2).recv(500).decode())",
    ),
    _call(
        "a service of the host",
        "tcp",
        "Ask a web service that listens on the host's loopback.",
        "import urllib.request as web\nprint(web.urlopen('http://127.0.0.1:%d/' % $tcp, timeout=2).read().decode())",
    ),
    _call(
        "UDP in the form of DNS",
        "udp",
        "Carry data out in questions to a name server.",
        _DATAGRAM
        + """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(1)
    s.sendto(question, ('127.0.0.1', $udp))
    print(s.recv(500).decode())
""",
    ),
    _call(
        "an abstract socket",
        "abstract",
        "Call a service of the host by a name that no file stands for.",
        _UNIX.format(kind="SOCK_STREAM", address="$abstract"),
    ),
    _call(
        "a socket in a folder of the host",
        "path",
        "Call a service of the host by its file.",
        _UNIX.format(kind="SOCK_STREAM", address="$socket"),
    ),
    _call(
        "a datagram to a socket of the host",
        "datagram path",
        "Send to a service of the host without connecting to it.",
        """
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s: s.sendto(b'hello', $datagram)
""",
    ),
    Attack(
        "interfaces of the host",
        Group.NETWORK,
        "Learn what network the host is in.",
        """
import socket
names = []
for way in (lambda: [n for _, n in socket.if_nameindex()], lambda: os.listdir('/sys/class/net'),
            lambda: [l.split(':')[0] for l in open('/proc/net/dev')]):
    try: names += way()
    except OSError as error: refused = error
if not names: raise refused
print(*names)
""",
        act=_sees_the_hosts_interfaces,
        known_open={IsolationLevel.LANDLOCK: "they are shown in /proc/self/net, which no allowlist can take out"},
    ),
    Attack(
        "packets of others",
        Group.NETWORK,
        "Listen in on the host's loopback.",
        """
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
    s.settimeout(0.5)
    end = time.monotonic() + 0.5
    while time.monotonic() < end: print(s.recv(2000).decode(errors='replace'))
""",
        needs_root=True,
    ),
    Attack(
        "packets of its own making",
        Group.NETWORK,
        "Forge packets with a raw socket.",
        "import socket\nprint($proof, 'a raw socket', socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).fileno())",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "sockets that no network namespace holds",
        Group.NETWORK,
        "Talk to a hypervisor or to devices by families that namespaces do not confine.",
        """
import socket
def make(family, kind):
    def action():
        with socket.socket(family, kind, 0): print($proof, 'a socket of family', family)
    return action
first(*[make(f, k) for f in (40, 38, 31, 29, 17) for k in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)])
""",
        judge=proof_came_out,
    ),
    Attack(
        "a server for the host",
        Group.NETWORK,
        "Offer a service where programs of the host may call it.",
        """
import socket, threading
server = socket.create_server(('127.0.0.1', 0))
def serve():
    caller, _ = server.accept()
    caller.sendall($proof.encode()); caller.close(); server.close()
threading.Thread(target=serve, daemon=True).start()
print(server.getsockname()[1])
""",
        act=_reached_from_the_host,
        lasting=True,
    ),
    Attack(
        "a file shared with a sibling",
        Group.NETWORK,
        "Pass messages to another agent through a folder that both can write to.",
        """
import tempfile
written = []
for folder in ('/dev/shm', '/tmp', '/var/tmp', '/run', '/run/lock', tempfile.gettempdir()):
    try: open(os.path.join(folder, 'to-sibling-' + $token), 'w').write('message'); written.append(folder)
    except OSError as error: refused = error
if not written: raise refused
# ---- the sibling
import glob
for folder in ('/dev/shm', '/tmp', '/var/tmp', '/run', '/run/lock'):
    for path in glob.glob(os.path.join(folder, 'to-sibling-' + $token)): print($proof, open(path).read(), 'in', folder)
""",
        act=_heard_by_the_sibling,
        lasting=True,
    ),
    Attack(
        "memory shared with a sibling",
        Group.NETWORK,
        "Pass messages to another agent through System V shared memory.",
        """
segment = call('shmget', 0x6d6c73, 4096, 0o1666)
# ---- the sibling
lib.shmat.restype = ctypes.c_void_p
segment = call('shmget', 0x6d6c73, 4096, 0o666)
print($proof, 'the segment of the sibling', segment)
call('shmctl', segment, 0, None)
""",
        act=_heard_by_the_sibling,
        lasting=True,
    ),
    Attack(
        "a socket shared with a sibling",
        Group.NETWORK,
        "Pass messages to another agent over an abstract socket.",
        """
import socket, threading
server = socket.socket(socket.AF_UNIX)
server.bind('\\0sib' + $token)
server.listen(1)
# ---- the sibling
import socket
with socket.socket(socket.AF_UNIX) as s:
    s.connect('\\0sib' + $token)
    print($proof, 'connected')
""",
        act=_heard_by_the_sibling,
        lasting=True,
    ),
)
