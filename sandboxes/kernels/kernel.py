"""A running kernel spoken to: the shell and iopub channels of one Jupyter connection.

The jupyter_client session signs and packs; the sockets are polled directly, together with the descriptors that tell of
the kernel's death, because jupyter_client's own blocking client does not notice one.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandboxes.errors import SandboxStartError

if TYPE_CHECKING:
    import zmq

_PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
_MAX_MESSAGE_BYTES = 32 << 20
_MAX_WAITING = 4
"""Messages that may wait in the memory of the host, which reads none between two runs; more wait in the kernel's."""
_QUIET_S = 0.05
_contexts: dict[int, zmq.Context[Any]] = {}


def new_connection(ip: str) -> dict[str, Any]:
    """Connection data for a kernel whose sockets are named `<ip>-<port>`, with a fresh key."""
    return {"ip": ip, "key": secrets.token_hex(32), **_PORTS}


class Channels:
    """The shell and iopub channels of a kernel, from the host's side."""

    def __init__(self, connection: Mapping[str, Any], ip: str) -> None:
        """`ip`: the prefix of the socket names as this process sees it."""
        import zmq
        from jupyter_client.session import Session

        self._session = Session(key=connection["key"].encode())
        context = _context()
        self.shell = context.socket(zmq.DEALER)
        self.shell.identity = self._session.bsession
        self.iopub = context.socket(zmq.SUB)
        self.iopub.subscribe(b"")
        for socket, port in ((self.shell, "shell_port"), (self.iopub, "iopub_port")):
            socket.linger = 0
            socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE_BYTES)
            socket.setsockopt(zmq.RCVHWM, _MAX_WAITING)
            socket.connect(f"ipc://{ip}-{connection[port]}")

    def wait_until_subscribed(self, timeout_s: float) -> None:
        """Until output can no longer be missed. Raises `SandboxStartError`."""
        deadline = time.monotonic() + timeout_s
        while not self.iopub.poll(_QUIET_S * 1000):
            # older kernels send no welcome: a question makes them speak
            self._session.send(self.shell, "kernel_info_request", {})
            if time.monotonic() > deadline:
                raise SandboxStartError(f"the kernel did not answer within {timeout_s:g} s")

    def execute(self, code: str) -> str:
        """Ask for an execution; gives the id that its messages carry."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            # otherwise code sent right after a failure is answered `aborted` and never runs
            "stop_on_error": False,
        }
        return self.send("execute_request", content)

    def send(self, kind: str, content: Mapping[str, Any]) -> str:
        """Send a request of any kind; gives the id that its messages carry."""
        message = self._session.msg(kind, dict(content))
        self._session.send(self.shell, message)
        return str(message["header"]["msg_id"])

    def receive(self, socket: zmq.Socket[Any]) -> tuple[str, str, Mapping[str, Any]] | None:
        """The next waiting message: type, id of its request, content. None for one that is malformed or not signed."""
        import zmq

        frames = socket.recv_multipart(zmq.NOBLOCK)
        try:
            _, signed = self._session.feed_identities(frames)
            message = self._session.deserialize(signed)
            kind, parent = message["header"]["msg_type"], message["parent_header"].get("msg_id", "")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        content = message["content"]
        return str(kind), str(parent), content if isinstance(content, dict) else {}

    def close(self) -> None:
        """Close the sockets at once."""
        self.shell.close(linger=0)
        self.iopub.close(linger=0)


def _context() -> zmq.Context[Any]:
    """One context per process: a forked host must not touch its parent's."""
    import zmq

    pid = os.getpid()
    if pid not in _contexts:
        _contexts[pid] = zmq.Context()
        _contexts[pid].set(zmq.MAX_SOCKETS, 16_384)
    return _contexts[pid]
