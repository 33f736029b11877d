"""One hardened container and the connection to the fork server in it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sandboxes
from sandboxes.confinement import rlimits
from sandboxes.confinement.cgroups import Culprit
from sandboxes.confinement.confine import Confinement, open_to_all
from sandboxes.containers import engine
from sandboxes.containers.options import HOST, SOCKET, WRITABLE, ContainerSettings, options, shown_folders
from sandboxes.containers.owner import ourselves
from sandboxes.errors import SandboxStartError
from sandboxes.forking import wire
from sandboxes.forking.tree import ConfinedTree
from sandboxes.limits import Limits
from sandboxes.sandbox import IsolationLevel

_BOOT_S = 60.0
_LOOK_S = 0.25
_TIDY_S = 15.0
_LAST_WORDS_S = 10
_SIGNALS_ARE_SCOPED = 6
_FIRST_UID, _UIDS = 0x60000000, 1 << 28
_FEW_UIDS = (20_000, 40_000)
_FULL_RANGE = 1 << 32
_OOM_NEWS_S = 0.3


class TreeInContainer(ConfinedTree):
    """A confined tree whose supervisor is not the first process of its namespace."""

    def __init__(self, channel: socket.socket, container: Container) -> None:
        super().__init__(channel, None)
        self._container = container

    def end(self, *, at_once: bool) -> None:
        """End the tree; see `ConfinedTree.end`. Killing the supervisor alone would not end what is below it."""
        del at_once
        super().end(at_once=False)

    def memory_culprit(self) -> Culprit:
        """Why a process was killed for memory since this was last asked, as the engine saw it."""
        with contextlib.suppress(SandboxStartError):  # the engine itself is gone
            if self._container.ran_out_of_memory():
                return "limit"
        return ""


class Container:
    """A running container. Thread-safe. It ends by itself when this process is gone."""

    def __init__(self, settings: ContainerSettings) -> None:
        """Start it; what dead hosts have left is removed first. Raises `SandboxStartError`."""
        engine.reap()
        self.settings = settings
        self.python = ""
        """Version of the interpreter inside."""
        self.id = ""
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._since = time.time()
        self._server: dict[str, Any] = {}
        self._processes: dict[str, list[str]] = {}
        self._connection: socket.socket | None = None
        self._folder = Path(tempfile.mkdtemp(prefix=f"{engine.FOLDERS}{ourselves()}-"))
        self._copied = False
        try:
            self._start(user_for_code())
            self._processes = self._tidied(known=())["processes"]
        except BaseException:
            self.remove()
            raise
        if not self._copied:
            self._forget_folder()

    @property
    def restartable(self) -> bool:
        """Whether another session may use it after `tidy`.

        Not where it sees a copy of data that may change, nor without our filter of system calls, since some of them
        leave behind what cannot be tidied.
        """
        return self.offers_landlock and not self._copied

    @property
    def offers_landlock(self) -> bool:
        """Whether the walls of level `landlock` can be put up inside."""
        return int(self._server["landlock"]) > 0

    @property
    def shielded(self) -> bool:
        """Whether foreign code cannot signal the processes of ours in it."""
        return int(self._server["landlock"]) >= _SIGNALS_ARE_SCOPED

    def spawn(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> ConfinedTree:
        """Fork a confined tree from the server in the container. Raises `SandboxStartError`."""
        if self._connection is None:
            raise SandboxStartError("the container has been removed")
        ours, theirs = socket.socketpair()
        tree = TreeInContainer(ours, self)
        try:
            with theirs, self._lock:
                wire.send(self._connection, request, [theirs.fileno(), *fds])
            tree.await_start()
        except OSError as error:
            ours.close()
            raise SandboxStartError(f"the fork server in the container is gone: {error}") from error
        except BaseException:
            ours.close()
            raise
        return tree

    def tidy(self) -> bool:
        """Make it as good as new after a session has ended; False where it is not, and must not be used again."""
        try:
            found = self._tidied(known=list(self._processes))
        except SandboxStartError:
            return False
        return not found["failed"] and found["processes"] == self._processes

    def _tidied(self, known: Sequence[str]) -> dict[str, Any]:
        answer_r, answer_w = os.pipe()
        request = {
            "task": "tidy",
            "confinement": Confinement(IsolationLevel.PROCESS).to_json(),
            "limits": rlimits.limits_to_json(Limits()),
            "environment": {},
            "cwd": "/",
            "emptied": WRITABLE,
            "known": known,
        }
        with os.fdopen(answer_r, "rb") as answer:
            try:
                tree = self.spawn(request, [answer_w])
            finally:
                os.close(answer_w)
            try:
                poll = select.poll()
                poll.register(answer, select.POLLIN)
                line = answer.readline() if poll.poll(_TIDY_S * 1000) else b""
            finally:
                tree.end(at_once=False)
        if not line:
            raise SandboxStartError("the container cannot be tidied")
        found: dict[str, Any] = json.loads(line)
        return found

    def ran_out_of_memory(self) -> bool:
        """Whether a process was killed for want of memory since this was last asked. Raises `SandboxStartError`."""
        wanted = {"container": self.id, "event": "oom"}
        with engine.calling("its record of events") as client:
            since, self._since = self._since, time.time() + _OOM_NEWS_S
            return any(client.api.events(since=since, until=self._since, filters=wanted))

    def remove(self) -> None:
        """Kill and remove it with everything inside. Idempotent; in a forked copy of the host only lets go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._owner != os.getpid():
            return
        container, self.id = self.id, ""
        if container:
            engine.remove(container)
        self._forget_folder()

    def _forget_folder(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, user: tuple[int, int]) -> None:
        meeting = self._folder / "meeting"
        meeting.mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            _bind(listener, meeting, user)
            listener.listen(1)
            code = Path(sandboxes.__file__).resolve().parent
            shown = {HOST: meeting}
            for place, source in shown_folders(self.settings, code).items():
                shown[place] = self._readable(source, user)
            with engine.calling(f"a container of {self.settings.image.id}{self._wish()}") as client:
                arguments = options(self.settings, user=user, shown=shown)
                made = client.containers.create(labels={engine.OWNER: ourselves()}, **arguments)
                self.id = made.id
                made.start()
                connection = self._accept(listener)
            if connection is None:
                raise SandboxStartError(f"the container ended at once: {_last_words(arguments) or 'it said nothing'}")
            self._greet(connection)

    def _wish(self) -> str:
        if not self.settings.gpus:
            return ""
        return f" with GPUs ({', '.join(self.settings.gpus)}), for which it needs the vendor's container toolkit"

    def _readable(self, source: Path, user: tuple[int, int]) -> Path:
        """A folder that the container's user can read: the one given, or a copy where only root can."""
        if user[0] == os.geteuid() or open_to_all(source):
            return source
        copy = self._folder / f"copy-{secrets.token_hex(4)}"
        shutil.copytree(source, copy, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o644)
        self._copied = True
        return copy

    def _greet(self, connection: socket.socket) -> None:
        own = os.pidfd_open(os.getpid())
        try:
            connection.settimeout(_BOOT_S)
            self._server, _ = wire.receive(connection)
            wire.send(connection, {"event": "hello"}, [own])
            wire.receive(connection)
            connection.settimeout(None)
        except (OSError, wire.ConnectionEnded) as error:
            connection.close()
            raise SandboxStartError(f"the fork server in the container did not start: {error}") from error
        finally:
            os.close(own)
        self.python = str(self._server["python"])
        self._connection = connection

    def _accept(self, listener: socket.socket) -> socket.socket | None:
        """The one connection that the container makes; None where it ends without."""
        deadline = time.monotonic() + _BOOT_S
        listener.settimeout(_LOOK_S)
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                return connection
            if not engine.is_running(self.id):
                return None
        raise SandboxStartError(
            f"the container did not call within {_BOOT_S:g} s; the engine must see the files of this machine"
        )


def user_for_code() -> tuple[int, int]:
    """The user that foreign code runs as: this process's own, or for root one that nobody else is."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    mapped = sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
    first, number = (_FIRST_UID, _UIDS) if mapped >= _FULL_RANGE - 1 else _FEW_UIDS
    uid = first + secrets.randbelow(number)
    return uid, uid


def _bind(listener: socket.socket, folder: Path, user: tuple[int, int]) -> None:
    """Listen in `folder` at a place that `user` alone may call."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{at}/{SOCKET}")  # a path of the host may be too long for a socket
    finally:
        os.close(at)
    if os.geteuid() == 0:
        os.chown(folder / SOCKET, *user)
        os.chown(folder, *user)
    (folder / SOCKET).chmod(0o600)
    folder.chmod(0o700)


def _last_words(arguments: Mapping[str, Any]) -> str:
    """What such a container says before it ends, from a run of another one: the first left no trace."""
    kept = {**arguments, "auto_remove": False, "log_config": {"Type": "json-file"}}
    with engine.calling("a container that ends at once") as client:
        again = client.containers.create(labels={engine.OWNER: ourselves()}, **kept)
        try:
            again.start()
            again.wait(timeout=_LAST_WORDS_S)
            return str(again.logs(tail=20).decode(errors="replace").strip())
        finally:
            again.remove(force=True)
