"""The host's side of the fork servers: warm ones, one for each kind that this process uses, and the trees they start.

A process that was itself forked (a worker of `multiprocessing`, of an asynchronous vector environment) never uses its
parent's server: it starts its own. The server ends with its host, also when the host is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from sandboxes import cgroups, wire
from sandboxes.boot import server_command
from sandboxes.errors import SandboxLostError, SandboxStartError
from sandboxes.interpreter import OURS, Interpreter

_BOOT_S = 60.0
_END_S = 10.0
_family_lock = threading.RLock()
_LAST_WORDS_S = 1.0
_PRELOAD_S = 300.0


class ConfinedTree:
    """A confined process tree: a supervisor of ours and, below it, the worker that runs foreign code."""

    def __init__(self, channel: socket.socket, server: ForkServer) -> None:
        self.server = server
        """The server that it comes from."""
        self.channel = channel
        """Readable when `receive` has an event, or when the tree is gone."""
        self.process = -1
        """Descriptor that becomes readable when the supervisor ends; -1 where the system has none."""
        self.group: cgroups.Group | None = None
        """What counts and bounds the whole tree, where this host offers control groups."""
        self.late = False
        """Whether its processes come from elsewhere, and cannot join its control group by themselves."""
        self._owner = os.getpid()
        self._ancestor: ConfinedTree | None = None
        self._descendants = 0
        self._retired = False

    def await_start(self) -> None:
        """Wait until the supervisor exists. Raises as `next_event` does."""
        self.process = next(iter(self.expect("started", _PRELOAD_S)), -1)
        if self.late and self.process >= 0:
            self.take_in(os.dup(self.process))

    def take_in(self, process: int) -> None:
        """Put a process that came to this tree from elsewhere into its control group. Closes the descriptor."""
        try:
            if self.group is not None:
                self.group.add(_pid_of(process))
        except OSError as error:
            raise SandboxStartError(f"a process cannot be put into its control group: {error}") from error
        finally:
            os.close(process)

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
        if self.group is not None:
            self.group.remove()

    def memory_culprit(self) -> cgroups.Culprit:
        """Why a process of this tree was killed for memory since this was last asked; also after `end`."""
        return self.group.culprit() if self.group is not None else ""

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

    def __init__(self, hash_seed: int = 0, interpreter: Interpreter = OURS) -> None:
        """Raises `SandboxStartError`, with what the interpreter said of it, where it does not come up."""
        self._lock = threading.Lock()
        host, server = socket.socketpair()
        self._socket = host
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read when the server fails, closed with it
        # modules that others name like to write where they believe themselves at home
        self._scratch = "" if interpreter == OURS else tempfile.mkdtemp(prefix="mls-")
        try:
            self._process = self._start(server, hash_seed, interpreter)
        except BaseException:
            self._free()
            raise
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def _start(self, server: socket.socket, hash_seed: int, interpreter: Interpreter) -> subprocess.Popen[bytes]:
        try:
            command, environment = server_command(
                interpreter, fd=server.fileno(), hash_seed=hash_seed, scratch=self._scratch
            )
            return subprocess.Popen(
                command,
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                pass_fds=[server.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxStartError(f"the fork server's interpreter cannot be started: {error}") from error
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

        Raises `SandboxLostError` where the server is gone, `SandboxStartError` where it cannot fork or the tree cannot
        be bounded as asked.
        """
        tree = self.begin(request, fds)
        try:
            tree.await_start()
        except BaseException as error:
            tree.channel.close()
            if tree.group is not None:
                tree.group.remove()
            if isinstance(error.__cause__, wire.ConnectionEnded) and self._ended():
                said = self._complaint()
                raise SandboxStartError(f"the fork server ended while it loaded its modules: {said}") from error
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
            tree.group = cgroups.create(cgroups.bounds_of(request))
        except BaseException:
            ours.close()
            theirs.close()
            raise
        tree.late = "family" in request
        groups = tree.group.folders if tree.group is not None and not tree.late else []
        try:
            with theirs, self._lock:
                wire.send(self._socket, {**request, "groups": groups}, [theirs.fileno(), *fds])
        except OSError as error:
            tree.end(at_once=True)
            raise SandboxLostError(f"the fork server is gone: {self._complaint() or error}") from error
        return tree

    def _ended(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_S)
        return not self.running

    def close(self) -> None:
        """End the server and, through it, every tree it started."""
        self._socket.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._free()

    def _free(self) -> None:
        self._socket.close()
        self._log.close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def abandon(self) -> None:
        """In a forked copy of the host: let go without ending the server, which belongs to the original."""
        self._socket.close()
        self._log.close()
        self._process.returncode = 0  # not a child of this process: there is nothing to wait for


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.servers: dict[tuple[Interpreter, int], ForkServer] = {}

    def close(self) -> None:
        with self.lock:
            servers, self.servers = self.servers, {}
        for server in servers.values():
            server.close()
        if servers:  # trees that nobody closed have ended with their server
            cgroups.remove_own()

    def forget(self) -> None:
        """After a fork of the host: the servers belong to the parent; keep the objects, drop the duty."""
        self.lock = threading.Lock()
        for server in self.servers.values():
            server.abandon()
        self.servers = {}


_shared = _Shared()
atexit.register(_shared.close)
os.register_at_fork(after_in_child=_shared.forget)


def shared_server(hash_seed: int = 0, interpreter: Interpreter = OURS) -> ForkServer:
    """This process's server of that kind, started on first use and again should it have died."""
    key = (interpreter, hash_seed)
    with _shared.lock:
        server = _shared.servers.get(key)
        if server is not None and not server.running:
            del _shared.servers[key]
            server.close()
            server = None
        if server is None:
            try:
                server = _shared.servers[key] = ForkServer(hash_seed, interpreter)
            except OSError as error:
                raise SandboxStartError(f"the fork server cannot be started: {error}") from error
        return server


def spawn(
    request: Mapping[str, Any], fds: Sequence[int] = (), *, hash_seed: int = 0, interpreter: Interpreter = OURS
) -> ConfinedTree:
    """Start a confined tree from the shared server, which is replaced once if it turns out to be gone."""
    try:
        return shared_server(hash_seed, interpreter).spawn(request, fds)
    except SandboxLostError:
        return shared_server(hash_seed, interpreter).spawn(request, fds)


def _pid_of(process: int) -> int:
    """The number of the process behind a descriptor, in this process's own namespace."""
    lines = Path(f"/proc/self/fdinfo/{process}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def _readable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_s) * 1000))
