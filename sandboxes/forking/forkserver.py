"""The host's side of the fork servers: warm ones, one for each kind that this process uses, and the trees they start.

A process that was itself forked (a worker of `multiprocessing`, of an asynchronous vector environment) never uses its
parent's server: it starts its own. The server ends with its host, also when the host is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from sandboxes.confinement import cgroups
from sandboxes.errors import SandboxLostError, SandboxStartError
from sandboxes.forking import wire
from sandboxes.forking.boot import server_command
from sandboxes.forking.tree import ConfinedTree
from sandboxes.interpreter import OURS, Interpreter
from sandboxes.passing import passed_on

_BOOT_S = 60.0
_END_S = 10.0
_LAST_WORDS_S = 1.0


class ForkServer:
    """One exec'd, warm, secret-free interpreter from which confined processes are forked. Thread-safe."""

    def __init__(self, hash_seed: int = 0, interpreter: Interpreter = OURS) -> None:
        """Does not wait for it: `await_serving` does. Raises `SandboxStartError` where it cannot be started."""
        self._lock = threading.Lock()
        self._greeting = threading.Lock()
        self._serving = False
        self._failure = ""
        self.loads: frozenset[str] = frozenset()
        """Modules of ours that it loads, beside the usual ones, when it has nothing else to do."""
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
        self._greet()

    def _start(self, server: socket.socket, hash_seed: int, interpreter: Interpreter) -> subprocess.Popen[bytes]:
        try:
            with passed_on(server.fileno()) as (fd,):
                command, environment = server_command(interpreter, fd=fd, hash_seed=hash_seed, scratch=self._scratch)
                return subprocess.Popen(
                    command,
                    env=environment,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._log,
                    pass_fds=[fd],
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
            with contextlib.suppress(OSError):  # it has ended: told to whoever waits for it
                wire.send(self._socket, {"event": "hello"}, own)
        finally:
            for fd in own:
                os.close(fd)

    def await_serving(self) -> None:
        """Wait until it takes requests.

        Raises `SandboxStartError`, with what the interpreter said of it, where it does not come up; it is closed then.
        """
        if self._serving:
            return
        with self._greeting:
            if self._failure:
                raise SandboxStartError(self._failure)
            if self._serving:
                return
            try:
                self._socket.settimeout(_BOOT_S)
                wire.receive(self._socket)
                self._socket.settimeout(None)
            except (OSError, wire.ConnectionEnded) as error:
                self._failure = f"the fork server did not start: {self._complaint() or error}"
                self.close()
                raise SandboxStartError(self._failure) from error
            except BaseException:
                self._failure = "the start of the fork server was broken off"
                self.close()
                raise
            self._serving = True

    def _complaint(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace").strip()

    @property
    def running(self) -> bool:
        """Whether the server process still lives."""
        return self._process.poll() is None

    def load_later(self, modules: Iterable[str]) -> None:
        """Let it load these modules when it has nothing else to do; what cannot be loaded then is told by nobody."""
        with self._lock:
            lacking = frozenset(modules) - self.loads
            self.loads |= lacking
            if lacking:
                with contextlib.suppress(OSError):  # it is gone: told to whoever needs it
                    wire.send(self._socket, {"loads": sorted(lacking)})

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

    def enter(self, tree: ConfinedTree, request: Mapping[str, Any], door: Sequence[int]) -> None:
        """Have a worker forked that enters a tree through its `door`, whose descriptors are closed here.

        It reports to that tree. Raises `SandboxLostError` where the server is gone.
        """
        groups = tree.group.folders if tree.group is not None else []
        unused, theirs = socket.socketpair()
        try:
            with unused, theirs, self._lock:
                wire.send(self._socket, {**request, "groups": groups, "enters": True}, [theirs.fileno(), *door])
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
            # what waits for a function is bounded when it is known what it will be
            tree.group = cgroups.create(cgroups.bounds_of(request) if "limits" in request else None)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        groups = tree.group.folders if tree.group is not None else []
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

    def hang_up(self) -> None:
        """Let the server end, and with it every tree it started; `close` waits for that."""
        with self._lock, contextlib.suppress(OSError):  # it is gone
            wire.send(self._socket, {"ends": True})
        self._socket.close()

    def close(self) -> None:
        """End the server and, through it, every tree it started."""
        self.hang_up()
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
            server.hang_up()
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
    """This process's server of that kind, started on first use and again should it have died.

    Raises `SandboxStartError` where it does not come up.
    """
    server = begin_server(hash_seed, interpreter)
    try:
        server.await_serving()
    except BaseException:
        key = (interpreter, hash_seed)
        with _shared.lock:
            if _shared.servers.get(key) is server:
                del _shared.servers[key]
        raise
    return server


def begin_server(hash_seed: int = 0, interpreter: Interpreter = OURS) -> ForkServer:
    """As `shared_server`, without waiting for a server that has to be started (a few milliseconds)."""
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


def loads_of(hash_seed: int) -> frozenset[str]:
    """What the server of that hash seed loads beside the usual modules, where there is one."""
    with _shared.lock:
        server = _shared.servers.get((OURS, hash_seed))
        return frozenset() if server is None else server.loads


def spawn(
    request: Mapping[str, Any], fds: Sequence[int] = (), *, hash_seed: int = 0, interpreter: Interpreter = OURS
) -> ConfinedTree:
    """Start a confined tree from the shared server, which is replaced once if it turns out to be gone."""
    try:
        return shared_server(hash_seed, interpreter).spawn(request, fds)
    except SandboxLostError:
        return shared_server(hash_seed, interpreter).spawn(request, fds)
