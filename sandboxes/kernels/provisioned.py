"""A confined kernel whose channels belong to somebody else: launched, watched, replaced and ended, never spoken to."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from typing import Any

from sandboxes.errors import SandboxStartError
from sandboxes.forking import wire
from sandboxes.forking.tree import ConfinedTree
from sandboxes.isolation import resolve_level
from sandboxes.kernels.kernel import new_connection
from sandboxes.local import LocalSandbox

_START_S = 60.0


class ProvisionedKernel:
    """One kernel after another in one confined tree, always at the same sockets. Thread-safe but for `end`."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        """`sandbox` says how to confine; it is never started itself."""
        self._sandbox = sandbox
        self._tree: ConfinedTree | None = None
        self._sockets = -1
        self._connection: dict[str, Any] = {}
        self._outside = ""
        self._generation = 0
        self._status: int | None = None
        self._lock = threading.Lock()

    def launch(self) -> dict[str, Any]:
        """Bring a kernel up, in place of an earlier one; gives the connection as processes of this user see it.

        Raises `SandboxStartError`, `IsolationError` or `OSError`; nothing is left then.
        """
        with self._lock:
            self._generation += 1
            try:
                if not self._replace():
                    self.end()
                    self._bring_up()
                self._wait_until_bound()
            except BaseException:
                self.end()
                raise
            self._status = None
        return {**self._connection, "ip": f"{self._outside}/k"}

    def poll(self) -> int | None:
        """None while the kernel runs, otherwise its exit code (negative: a signal)."""
        with self._lock:
            while self._status is None:
                if self._tree is None or not self._tree.alive():
                    self._status = -signal.SIGKILL
                    break
                waiting = select.poll()
                waiting.register(self._tree.channel.fileno(), select.POLLIN)
                if not waiting.poll(0):
                    break
                self._notice()
            return self._status

    def descriptors(self) -> list[int]:
        """What becomes readable when `poll` may have news."""
        if self._tree is None:
            return []
        return [fd for fd in (self._tree.channel.fileno(), self._tree.process) if fd >= 0]

    def interrupt(self) -> None:
        """Have the code that runs raise KeyboardInterrupt."""
        if self._tree is not None:
            self._tree.command("interrupt")

    def kill(self) -> None:
        """Kill the kernel and every process that it started; the tree and its files stay."""
        if self._tree is not None and self.poll() is None:
            self._tree.command("kill")

    def end(self) -> None:
        """End every process and remove every file. Idempotent."""
        if self._tree is not None:
            self._tree.end(at_once=self._sockets >= 0)
            self._tree = None
        if self._sockets >= 0:
            os.close(self._sockets)
            self._sockets = -1
        self._sandbox.close()

    def _replace(self) -> bool:
        if self._tree is None or not self._tree.alive():
            return False
        return self._tree.command("restart", changes={"generation": self._generation})

    def _bring_up(self) -> None:
        sandbox = self._sandbox
        level = resolve_level(sandbox.isolation, sandbox.min_isolation)
        request, inside, outside = sandbox.kernel_request(level)
        self._connection = new_connection(f"{inside}/k")
        self._tree = sandbox.spawn({**request, "connection": self._connection, "generation": self._generation})
        *_, last = folders = self._tree.expect("ready", _START_S)
        if outside is None:
            # whoever may look at this process in /proc can also go through its descriptors
            self._sockets, outside = last, f"/proc/{os.getpid()}/fd/{last}"
            folders.remove(last)
        self._outside = outside
        for fd in folders:
            os.close(fd)

    def _wait_until_bound(self) -> None:
        assert self._tree is not None
        deadline = time.monotonic() + _START_S
        while True:
            message = self._tree.next_event(deadline - time.monotonic())
            if message.get("generation", self._generation) != self._generation:
                continue
            if message["event"] == "bound":
                return
            raise SandboxStartError(f"the kernel ended while it came up: {message.get('error', message)}")

    def _notice(self) -> None:
        assert self._tree is not None
        try:
            message, _ = self._tree.receive()
        except (wire.ConnectionEnded, OSError):
            self._status = -signal.SIGKILL
            return
        if message["event"] == "exited" and message["generation"] == self._generation:
            self._status = message["status"]
