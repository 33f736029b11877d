"""Processes and listeners of the suite itself, which stand for everything else that runs on the host.

The witness holds the secret in its memory, environment, command line and an open descriptor. The listeners answer
with the secret, and tell who was called. Both live on this host only: on loopback, and in the scene's own folder.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

_PROGRAM = """
import ctypes, os, sys
buffer = ctypes.create_string_buffer(os.environ["SECRET"].encode(), 64)
fd = os.open(sys.argv[1], os.O_RDONLY)
print(ctypes.addressof(buffer), fd, flush=True)
for _ in sys.stdin:
    print(buffer.value.decode("latin-1"), flush=True)
"""
_CHATTER_S = 0.05


class Witness:
    """A process of the host's user that never has to do with a sandbox."""

    def __init__(self, secret: str, answers: Path) -> None:
        self._secret, self._answers = secret, answers
        self._start()

    def replace(self) -> None:
        """A new one in place of one that was attacked."""
        self.close()
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(self._answers), self._secret],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"SECRET": self._secret},
            cwd=self._answers.parent,
            text=True,
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        address, fd = self._process.stdout.readline().split()
        self.address = int(address)
        """Where the secret lies in its memory."""
        self.fd = int(fd)
        """Its descriptor of the answers."""

    def unchanged(self) -> bool:
        """Whether it lives, runs, and still holds what it held."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write("show\n")
            stdin.flush()
        except OSError:
            return False
        ready, _, _ = select.select([stdout], [], [], 2.0)
        return bool(ready) and stdout.readline().strip() == self._secret

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Listeners:
    """Servers on loopback, on an abstract address and on a path, each answering with the secret."""

    def __init__(self, secret: str, folder: Path, name: str) -> None:
        self._answer = f"HTTP/1.0 200 OK\r\nContent-Length: {len(secret)}\r\n\r\n{secret}".encode()
        self._secret = secret.encode()
        self.calls: set[str] = set()
        """Names of the listeners that were called."""
        self.abstract = f"\0{name}"
        self.path = str(folder / "service.sock")
        self.datagram_path = str(folder / "log.sock")
        self._servers: dict[str, socket.socket] = {}
        self._add("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self._add("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        with contextlib.suppress(OSError):  # a host without IPv6
            self._add("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
        self._add("path", socket.AF_UNIX, socket.SOCK_STREAM, self.path)
        self._add("datagram path", socket.AF_UNIX, socket.SOCK_DGRAM, self.datagram_path)
        if sys.platform == "linux":
            self._add("abstract", socket.AF_UNIX, socket.SOCK_STREAM, self.abstract)
        for path in (self.path, self.datagram_path):
            Path(path).chmod(0o777)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def port(self, name: str) -> int:
        """The port of a listener on loopback, 0 where there is none."""
        return int(self._servers[name].getsockname()[1]) if name in self._servers else 0

    def close(self) -> None:
        """End the listeners."""
        self._stop.set()
        self._thread.join()
        for server in self._servers.values():
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, name: str, family: int, kind: int, address: object) -> None:
        server = socket.socket(family, kind)
        try:
            server.bind(address)  # type: ignore[arg-type]  # each family has its own form of address
            if kind == socket.SOCK_STREAM:
                server.listen(4)
        except OSError:
            server.close()
            raise
        self._servers[name] = server

    def _serve(self) -> None:
        names = {server: name for name, server in self._servers.items()}
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.bind(("127.0.0.1", 0))
        target, spoken = own.getsockname(), 0.0
        while not self._stop.is_set():
            if time.monotonic() - spoken > _CHATTER_S:  # traffic of the host for those who listen in
                own.sendto(self._secret, target)
                spoken = time.monotonic()
            ready, _, _ = select.select(list(names), [], [], _CHATTER_S)
            for server in ready:
                self.calls.add(names[server])
                with contextlib.suppress(OSError):  # the caller may be gone again
                    self._reply(server)
        own.close()

    def _reply(self, server: socket.socket) -> None:
        if server.type == socket.SOCK_DGRAM:
            _, caller = server.recvfrom(4096)
            if caller:
                server.sendto(self._secret, caller)
            return
        connection, _ = server.accept()
        with connection:
            connection.settimeout(0.5)
            connection.sendall(self._answer)
            with contextlib.suppress(OSError):
                connection.recv(1024)
