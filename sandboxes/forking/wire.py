"""Messages between our own processes: JSON with file descriptors attached, over a stream socket.

Only the host, the fork server, supervisors and workers that are kept warm speak it. A process that runs foreign code
holds no such socket; a worker that is kept warm holds one while it prepares, and the host reads that as bytes alone.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_MAX_FDS = 16
_MAX_BYTES = 16 << 20
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class ConnectionEnded(EOFError):  # noqa: N818 - an end of file, not an error: the other side is gone
    """The other side closed its end."""


def send(connection: socket.socket, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message whole. Raises `OSError` where the other side is gone."""
    payload = json.dumps(message).encode()
    frame = _LENGTH.pack(len(payload)) + payload
    sent = socket.send_fds(connection, [frame], list(fds))
    if sent < len(frame):
        connection.sendall(frame[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive one message whole, with its descriptors (close-on-exec). Raises `ConnectionEnded` at the end."""
    fds: list[int] = []
    header = _read(connection, _LENGTH.size, fds)
    size = _LENGTH.unpack(header)[0]
    if size > _MAX_BYTES:
        raise ConnectionEnded(f"a message of {size} bytes is not one of ours")
    message: dict[str, Any] = json.loads(_read(connection, size, fds))
    return message, fds


def _read(connection: socket.socket, size: int, fds: list[int]) -> bytes:
    chunks: list[bytes] = []
    left = size
    while left:
        try:
            data, received, _, _ = socket.recv_fds(connection, left, _MAX_FDS, _CLOEXEC)
        except ConnectionError as error:
            raise ConnectionEnded(str(error)) from error
        fds.extend(received)
        if not data:
            raise ConnectionEnded("the other side closed its end")
        chunks.append(data)
        left -= len(data)
    return b"".join(chunks)
