"""The host's side of the fork server: one warm server per process and hash seed, and handles of the trees it starts.

A process that was itself forked (a worker of `multiprocessing`, of an asynchronous vector environment) never uses its
parent's server: it starts its own. The server ends with its host, also when the host is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from sandboxes import wire
from sandboxes.errors import SandboxLostError, SandboxStartError
from sandboxes.limits import scrubbed_environment

_BOOT_S = 60.0
_END_S = 10.0
_family_lock = threading.RLock()
_BOOT = """
import json, sys
paths = json.loads(sys.argv[2])
sys.path[:0] = [p for p in paths if p not in sys.path]
from sandboxes.zygote import main
main(int(sys.argv[1]), sys.argv[3])
"""


class ConfinedTree:
    """A confined process tree: a supervisor of ours and, below it, the worker that runs foreign code."""

    def __init__(self, channel: socket.socket, server: ForkServer) -> None:
        self.server = server
        """The server that it comes from."""
        self.channel = channel
        """Readable when `receive` has an event, or when the tree is gone."""
        self.process = -1
        """Descriptor that becomes readable when the supervisor ends; -1 where the system has none."""
        self._owner = os.getpid()
        self._ancestor: ConfinedTree | None = None
        self._descendants = 0
        self._retired = False

    def await_start(self) -> None:
        """Wait until the supervisor exists. Raises as `next_event` does."""
        self.process = next(iter(self.expect("started", _BOOT_S)), -1)

    def descend_from(self, ancestor: ConfinedTree) -> None:
        """This tree lives in the process namespace of another, which must therefore not end before it."""
        with _family_lock:
            self._ancestor = ancestor
            ancestor._descendants += 1

    @property
    def has_descendants(self) -> bool:
        """Whether other trees live in the process namespace of this one."""
        return self._descendants > 0

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """The next event with its descriptors. Raises `wire.ConnectionEnded` when the tree is gone."""
        return wire.receive(self.channel)

    def next_event(self, timeout_s: float) -> dict[str, Any]:
        """The next event; its descriptors are under `"fds"`.

        Raises `SandboxStartError` with the stage and error that the other side reports, or where it does not answer.
        """
        self.channel.settimeout(max(timeout_s, 0.001))
        try:
            message, fds = self.receive()
        except wire.ConnectionEnded as error:
            raise SandboxStartError("the confined process ended while it was being set up") from error
        except TimeoutError as error:
            raise SandboxStartError(f"no answer from the confined process within {timeout_s:g} s") from error
        finally:
            self.channel.settimeout(None)
        if message["event"] == "failed":
            raise SandboxStartError(f"{message['stage']}: {message['error']}")
        return {**message, "fds": fds}

    def expect(self, event: str, timeout_s: float) -> list[int]:
        """Wait for one event and give its descriptors. Raises as `next_event` does."""
        message = self.next_event(timeout_s)
        if message["event"] != event:
            raise SandboxStartError(f"the confined process said {message['event']!r} instead of {event!r}")
        fds: list[int] = message["fds"]
        return fds

    def await_event(self, event: str, timeout_s: float, *, passing: Sequence[str] = ("bound",)) -> dict[str, Any]:
        """Wait for one event and let those named in `passing` pass. Raises as `next_event` does."""
        deadline = time.monotonic() + timeout_s
        while (message := self.next_event(deadline - time.monotonic()))["event"] in passing:
            pass
        if message["event"] != event:
            raise SandboxStartError(f"the confined process said {message['event']!r} instead of {event!r}")
        return message

    def command(self, name: str, **content: Any) -> bool:
        """Send a command; False where the tree is gone."""
        try:
            wire.send(self.channel, {"command": name, **content})
        except OSError:
            return False
        return True

    def alive(self) -> bool:
        """Whether the supervisor still runs, as far as can be seen."""
        return self.process < 0 or not _readable(self.process, 0)

    def end(self, *, at_once: bool) -> None:
        """Kill the whole tree, wait until it is gone, and free the descriptors. Idempotent.

        `at_once` kills the supervisor itself: right where it is the first process of its namespace, since the kernel
        then kills the rest. Otherwise the supervisor is told to kill those below it first.

        A tree with descendants is only emptied; its supervisor ends with the last of them.
        """
        with _family_lock:
            if self._descendants and self._owner == os.getpid():
                self._retired = True
                self.command("retire")
                return
            ancestor, self._ancestor = self._ancestor, None
        self._end(at_once=at_once)
        if ancestor is None:
            return
        with _family_lock:
            ancestor._descendants -= 1
            last = ancestor._retired and not ancestor._descendants
        if last:
            ancestor.end(at_once=True)

    def _end(self, *, at_once: bool) -> None:
        if self.channel.fileno() < 0:
            return
        if self._owner == os.getpid():
            if at_once and self.process >= 0:
                self._kill()
            else:
                self.command("close")
            if not self._gone(_END_S):
                self._kill()
                self._gone(_END_S)
        if self.process >= 0:
            os.close(self.process)
            self.process = -1
        self.channel.close()

    def _kill(self) -> None:
        if self.process >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.process, signal.SIGKILL)

    def _gone(self, timeout_s: float) -> bool:
        if self.process >= 0:
            return _readable(self.process, timeout_s)
        deadline = time.monotonic() + timeout_s
        while _readable(self.channel.fileno(), deadline - time.monotonic()):
            try:
                self.receive()
            except (wire.ConnectionEnded, OSError):
                return True
        return False


class ForkServer:
    """One exec'd, warm, secret-free interpreter from which confined processes are forked. Thread-safe."""

    def __init__(self, hash_seed: int = 0) -> None:
        self._lock = threading.Lock()
        host, server = socket.socketpair()
        self._socket = host
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read when the server fails, closed with it
        self._process = self._start(server, hash_seed)
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def _start(self, server: socket.socket, hash_seed: int) -> subprocess.Popen[bytes]:
        if not sys.executable:
            raise SandboxStartError("this Python does not know its own executable (sys.executable is empty)")
        environment = scrubbed_environment(home="/", extra={"PYTHONHASHSEED": str(hash_seed)})
        command = [sys.executable, "-s", "-P", "-X", "utf8", "-c", _BOOT]
        arguments = [str(server.fileno()), json.dumps(_import_paths()), "all" if hash_seed == 0 else "tables"]
        try:
            return subprocess.Popen(
                [*command, *arguments],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                pass_fds=[server.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxStartError(f"cannot start {sys.executable}: {error}") from error
        finally:
            server.close()

    def _greet(self) -> None:
        own = []
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                own.append(os.pidfd_open(os.getpid()))
        try:
            wire.send(self._socket, {"event": "hello"}, own)
            self._socket.settimeout(_BOOT_S)
            wire.receive(self._socket)
            self._socket.settimeout(None)
        except (OSError, wire.ConnectionEnded) as error:
            raise SandboxStartError(f"the fork server did not start: {self._complaint() or error}") from error
        finally:
            for fd in own:
                os.close(fd)

    def _complaint(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace").strip()

    @property
    def running(self) -> bool:
        """Whether the server process still lives."""
        return self._process.poll() is None

    def spawn(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> ConfinedTree:
        """Start a confined tree. Its next events are `ready` or `failed`.

        Raises `SandboxLostError` where the server is gone, `SandboxStartError` where it cannot fork.
        """
        tree = self.begin(request, fds)
        try:
            tree.await_start()
        except BaseException:
            tree.channel.close()
            raise
        return tree

    def enter(self, request: Mapping[str, Any], door: Sequence[int]) -> None:
        """Have a worker forked that enters the tree behind `door`, whose descriptors are closed here.

        It reports to that tree. Raises `SandboxLostError` where the server is gone.
        """
        unused, theirs = socket.socketpair()
        try:
            with unused, theirs, self._lock:
                wire.send(self._socket, {**request, "enters": True}, [theirs.fileno(), *door])
        except OSError as error:
            raise SandboxLostError(f"the fork server is gone: {self._complaint() or error}") from error
        finally:
            for fd in door:
                os.close(fd)

    def begin(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> ConfinedTree:
        """Ask for a confined tree and do not wait for it: `await_start` does. Raises as `spawn`."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise SandboxStartError(f"no connection to the fork server: {error}") from error
        tree = ConfinedTree(ours, self)
        try:
            with theirs, self._lock:
                wire.send(self._socket, request, [theirs.fileno(), *fds])
        except OSError as error:
            tree.end(at_once=True)
            raise SandboxLostError(f"the fork server is gone: {self._complaint() or error}") from error
        return tree

    def close(self) -> None:
        """End the server and, through it, every tree it started."""
        self._socket.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def abandon(self) -> None:
        """In a forked copy of the host: let go without ending the server, which belongs to the original."""
        self._socket.close()
        self._log.close()
        self._process.returncode = 0  # not a child of this process: there is nothing to wait for


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.servers: dict[int, ForkServer] = {}

    def close(self) -> None:
        with self.lock:
            servers, self.servers = self.servers, {}
        for server in servers.values():
            server.close()

    def forget(self) -> None:
        """After a fork of the host: the servers belong to the parent; keep the objects, drop the duty."""
        self.lock = threading.Lock()
        for server in self.servers.values():
            server.abandon()
        self.servers = {}


_shared = _Shared()
atexit.register(_shared.close)
os.register_at_fork(after_in_child=_shared.forget)


def shared_server(hash_seed: int = 0) -> ForkServer:
    """This process's server of that hash seed, started on first use and again should it have died."""
    with _shared.lock:
        server = _shared.servers.get(hash_seed)
        if server is not None and not server.running:
            server.close()
            server = None
        if server is None:
            try:
                server = _shared.servers[hash_seed] = ForkServer(hash_seed)
            except OSError as error:
                raise SandboxStartError(f"the fork server cannot be started: {error}") from error
        return server


def spawn(request: Mapping[str, Any], fds: Sequence[int] = (), *, hash_seed: int = 0) -> ConfinedTree:
    """Start a confined tree from the shared server, which is replaced once if it turns out to be gone."""
    try:
        return shared_server(hash_seed).spawn(request, fds)
    except SandboxLostError:
        return shared_server(hash_seed).spawn(request, fds)


def _import_paths() -> list[str]:
    """Where the host found its libraries and this project, so that the server finds the same."""
    here = str(Path(__file__).resolve().parent.parent)
    installed = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    return [*installed, *([] if here in installed else [here])]


def _readable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_s) * 1000))
