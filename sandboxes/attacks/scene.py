"""Where the attacks take place: a planted competition, a witness, listeners, and sandboxes of the target.

Everything that an attack can reach if it succeeds belongs to the scene: files in a temporary folder, processes and
sockets of the suite. So a defence that fails harms nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import struct
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Self

from sandboxes.attacks import host
from sandboxes.attacks.witness import Listeners, Witness
from sandboxes.limits import Limits
from sandboxes.sandbox import Collected, ExecutionResult, Sandbox, SandboxFactory

LIMITS = Limits(
    wall_s=15.0,
    memory_mib=1024,
    processes=60,
    file_mib=8,
    disk_mib=32,
    files=200,
    open_files=256,
    output_chars=10_000,
)
"""Small, so that every attack on a limit is small too."""
_SHARED_FOLDERS = ("/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock")  # noqa: S108 - looked through, not written
_HANDLE_BYTES = 128
_WAIT_S = 5.0
_PRELUDE = """
import ctypes, os, sys, time
lib = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    result = getattr(lib, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name + ": " + os.strerror(ctypes.get_errno()))
    return result
def in_child(action):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = str(action())
        except BaseException as error:  # the last frame of a forked process: all is told to its parent
            text = "!" + type(error).__name__ + " " + str(error)
        os.write(w, text.encode()[:4000])
        os._exit(0)
    os.close(w)
    text = os.fdopen(r).read()
    os.waitpid(pid, 0)
    if text.startswith("!"):
        raise OSError(text[1:])
    return text
def first(*actions):
    errors = []
    for action in actions:
        try:
            return action()
        except OSError as error:
            errors.append(error)
    raise errors[-1] if errors else OSError("there is no way to try")
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What is attacked: sandboxes, and whoever reads the submissions that come out of them."""

    name: str
    factory: SandboxFactory
    read_submission: Callable[[bytes], str] | None = None
    """Grades a submission and says in a word or two what became of it; a score starts with `scored`. None where nobody
    reads submissions."""


class Scene:
    """One stage for many attacks on one target. Close it when done."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.token = f"att{secrets.token_hex(4)}"
        """A name that nothing else on this host has; short enough for a process."""
        self.secret = f"secret-{secrets.token_hex(12)}"
        self.sibling_secret = f"sibling-{secrets.token_hex(12)}"
        self.proof = f"proof-{secrets.token_hex(8)}"
        self.folder = Path(tempfile.mkdtemp(prefix="mlesmith-scene-")).resolve()
        self.folder.chmod(0o755)  # so that no mode of a file hides a hole
        self._undo = contextlib.ExitStack()
        self._undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.public = self.folder / "competition" / "public"
        self.private = self.folder / "competition" / "private"
        self.answers = self.private / "test_answer.csv"
        self.metric = self.private.parent / "metric.py"
        self._sandboxes: list[Sandbox] = []
        self._main: Sandbox | None = None
        self._sibling: Sandbox | None = None
        self._sibling_sockets = ""
        try:
            self.plant()
            self._populate()
        except BaseException:
            self.close()
            raise

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not come out."""
        return self.secret, self.sibling_secret

    def plant(self) -> None:
        """Write the competition, afresh after an attack that has changed it."""
        for folder in (self.public, self.private):
            folder.mkdir(parents=True, exist_ok=True)
        (self.public / "train.csv").write_text("id,x\n1,2\n")
        self.answers.write_text(self.secret)
        self.metric.write_text("# the metric\n")

    def untouched(self) -> str:
        """What is no longer as planted, empty where all is."""
        wanted = {self.public / "train.csv": "id,x\n1,2\n", self.answers: self.secret, self.metric: "# the metric\n"}
        for path, text in wanted.items():
            if not path.is_file() or path.is_symlink() or path.read_text() != text:
                return f"{path.name} was changed"
        found = {path for path in self.private.parent.rglob("*") if path.is_file()}
        return f"{min(found - set(wanted)).name} was planted" if found - set(wanted) else ""

    @property
    def sandbox(self) -> Sandbox:
        """The attacker's sandbox, started when it is first asked for."""
        if self._main is None:
            self._main = self.start()
        return self._main

    @property
    def sibling(self) -> Sandbox:
        """Another sandbox of the target, with a secret of its own in its memory and in its workspace."""
        if self._sibling is None:
            self._sibling = self.start()
            self._sibling.write_file(f"mine-{self.token}", self.sibling_secret.encode())
            told = self._sibling.execute("print(get_ipython().kernel.parent.ip)")
            self._sibling_sockets = told.stdout.strip()
            self._sibling.execute(f"held = open('mine-{self.token}').read()")
        return self._sibling

    def start(self) -> Sandbox:
        """One more sandbox, closed with the scene at the latest."""
        sandbox = self.target.factory(public=self.public, limits=LIMITS, seed=0)
        self._sandboxes.append(sandbox)
        sandbox.start()
        return sandbox

    def renew(self) -> None:
        """Put a fresh sandbox in the place of the attacker's, and the planted files back."""
        if self._main is not None:
            self._main.close()
            self._sandboxes.remove(self._main)
            self._main = None
        self.plant()

    def run(self, code: str, *, sandbox: Sandbox | None = None, timeout_s: float = 10.0) -> ExecutionResult:
        """Run the code of an attack, its names filled in."""
        text = _PRELUDE + Template(code).substitute(self.names)
        return (sandbox or self.sandbox).execute(text, timeout_s=timeout_s)

    @property
    def names(self) -> dict[str, str]:
        """What the code of an attack may name with a dollar sign."""
        listeners = self.listeners
        values: dict[str, Any] = {
            "answers": str(self.answers),
            "private": str(self.private),
            "metric": str(self.metric),
            "public": str(self.public),
            "folder": str(self.folder),
            "host": os.getpid(),
            "witness": self.witness.pid,
            "address": self.witness.address,
            "fd": self.witness.fd,
            "length": len(self.secret),
            "handle": self._handle(),
            "tcp": listeners.port("tcp"),
            "tcp6": listeners.port("tcp6"),
            "udp": listeners.port("udp"),
            "abstract": listeners.abstract,
            "socket": listeners.path,
            "datagram": listeners.datagram_path,
            "sibling": self._sibling_sockets,
            "proof": self.proof,
            "token": self.token,
            "mib": LIMITS.memory_mib,
        }
        return {name: repr(value) for name, value in values.items()}

    def collect(self, path: str = "submission.csv", *, max_bytes: int = 1 << 20) -> Collected | Exception | None:
        """Take a file out as the host does after a step; what it raises is given, None where it hangs."""
        found: list[Collected | Exception] = []

        def take() -> None:
            try:
                found.append(self.sandbox.collect(path, max_bytes=max_bytes))
            except Exception as error:  # noqa: BLE001 - a host that raises here has been brought down
                found.append(error)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        thread.join(_WAIT_S)
        return found[0] if found else None

    def usable(self, sandbox: Sandbox | None = None) -> str:
        """Why a sandbox does not work any more, empty where it does: a second try may find a replaced session."""
        sandbox = sandbox or self.sandbox
        for _ in range(2):
            result = sandbox.execute("print(6 * 7)", timeout_s=3.0)
            if result.stdout == "42\n":
                return ""
        return f"the session does not work any more: {result.status.value} {result.reason}"

    def close(self) -> None:
        """End every sandbox and process, and remove every file."""
        for sandbox in self._sandboxes:
            sandbox.close()
        self._sandboxes = []
        self._undo.close()
        host.end(host.named(self.token))
        for place in map(Path, _SHARED_FOLDERS):
            for left in place.glob(f"*{self.token}*") if place.is_dir() else ():
                left.unlink(missing_ok=True)

    def left_in_shared_folders(self) -> list[Path]:
        """Files with the scene's token in the folders that all users of the host share."""
        return [found for place in map(Path, _SHARED_FOLDERS) for found in place.glob(f"*{self.token}*")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _populate(self) -> None:
        """What a host may have about it: a secret in its environment, an open file that children inherit, others."""
        os.environ["MLESMITH_SCENE"] = self.secret
        self._undo.callback(os.environ.pop, "MLESMITH_SCENE", None)
        opened = os.open(self.answers, os.O_RDONLY)
        self._undo.callback(os.close, opened)
        os.set_inheritable(opened, True)
        self.witness = Witness(self.secret, self.answers)
        self._undo.callback(self.witness.close)
        self.listeners = Listeners(self.secret, self.folder, self.token)
        self._undo.callback(self.listeners.close)

    def _handle(self) -> tuple[int, bytes] | None:
        """Type and bytes of the handle by which the host's file system knows the answers, where it has such."""
        buffer = ctypes.create_string_buffer(struct.pack("Ii", _HANDLE_BYTES, 0), 8 + _HANDLE_BYTES)
        mount = ctypes.c_int()
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "name_to_handle_at"):
            return None
        if libc.name_to_handle_at(-100, os.fsencode(self.answers), buffer, ctypes.byref(mount), 0) < 0:
            return None
        size, kind = struct.unpack_from("Ii", buffer.raw)
        return kind, buffer.raw[8 : 8 + size]
