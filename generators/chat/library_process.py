"""litellm in a process of its own: it loads beside everything else, takes no turn from threads of this process, and
none of its thousands of modules comes to live here."""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from generators.chat.faults import Fault
from generators.chat.redaction import without_keys
from generators.errors import ModelError, ModelLibraryError
from sandboxes.passing import passed_on

P = ParamSpec("P")
T = TypeVar("T")

_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from generators.chat.library_process import serve
serve(int(sys.argv[2]))
"""
_LAST = -1
"""Number of the question whose answer is the last that is read."""


def start_library_process() -> None:
    """Have litellm load in a process of its own, which makes all calls of this one from now on; the environment as it
    is now goes with it. Does not wait. Does nothing where there is such a process."""
    _SHARED.start()


def adopt_library_process(descriptor: int) -> None:
    """Have all calls made by a process that was handed over to this one; see `LibraryProcess.handed_over`."""
    _SHARED.adopt(descriptor)


def end_library_process() -> None:
    """Make calls in this process again, and end the other one with what it is asked at the moment. Idempotent."""
    _SHARED.end()


def library_process() -> LibraryProcess | None:
    """The process that was started, a new one in the place of one that died; None where none is wanted."""
    return _SHARED.process()


def loaded() -> bool:
    """True, once a process that is asked has loaded litellm."""
    return True


class _Shared:
    """The one process of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = False
        self._process: LibraryProcess | None = None

    def start(self) -> None:
        self._wanted = True
        self.process()

    def adopt(self, descriptor: int) -> None:
        with self._lock:
            self._process, self._wanted = LibraryProcess.adopted(descriptor), True

    def end(self) -> None:
        with self._lock:
            ended, self._process, self._wanted = self._process, None, False
        if ended is not None:
            ended.close()

    def process(self) -> LibraryProcess | None:
        if not self._wanted:
            return None
        with self._lock:
            if self._process is not None and self._process.died:
                self._process.close()
                self._process = None
            if self._process is None and self._wanted:
                self._process = LibraryProcess()
            return self._process


_SHARED = _Shared()


class LibraryProcess:
    """A process that runs functions of `generators.chat` which need litellm. Safe for many threads. It ends with the
    process that started it, or that it was handed over to, however that ends."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet`: what it writes to standard error goes nowhere."""
        ours, theirs = socket.socketpair()
        with theirs, passed_on(theirs.fileno()) as (fd,):
            paths = json.dumps([str(Path(path).absolute()) for path in sys.path])
            process = subprocess.Popen(
                [sys.executable, "-P", "-X", "utf8", "-c", _BOOT, paths, str(fd)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if quiet else None,
                pass_fds=[fd],
                start_new_session=True,  # Ctrl-C is for the process that waits for the answer
            )
        self._begin(ours.detach(), process)

    @classmethod
    def adopted(cls, descriptor: int) -> LibraryProcess:
        """The one that another process has handed over; see `handed_over`."""
        os.set_inheritable(descriptor, False)
        made = cls.__new__(cls)
        made._begin(descriptor, None)
        return made

    def _begin(self, descriptor: int, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process
        self._connection = Connection(descriptor)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[tuple[str, Any]]] = {}
        self._reader: threading.Thread | None = None
        self.died = False
        """Whether it can be asked no more."""

    @property
    def pid(self) -> int:
        """Process id of one that this process has started."""
        assert self._process is not None
        return self._process.pid

    @contextlib.contextmanager
    def handed_over(self) -> Iterator[int | None]:
        """The descriptor by which another process, started meanwhile, is to ask it: no other can from now on. None
        where it has died. No call may be under way. It is this process that has to `close` it in the end, still."""
        if self._reader is not None:
            with contextlib.suppress(OSError):  # it has died
                self._connection.send((_LAST, loaded, (), {}))
            self._reader.join()
        try:
            yield None if self.died else self._connection.fileno()
        finally:
            self._let_go()

    def call(self, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What `function`, which its module knows by its name, gives there.

        Raises what it raises of `Fault` and `ModelLibraryError`; `Fault` where the process ends before it answers;
        `ModelError` for an error of ours.
        """
        answer: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = answer
            if self.died:
                self._give_up()
            else:
                if self._reader is None:
                    self._reader = threading.Thread(target=self._read, name="model calls", daemon=True)
                    self._reader.start()
                with contextlib.suppress(OSError):  # it is dying, which the thread that reads tells
                    self._connection.send((number, function, given, named))
        kind, value = answer.get()
        if kind == "value":
            return value  # type: ignore[no-any-return]  # what `function` gave
        if kind == "fault":
            raise Fault(*value)
        if kind == "library":
            raise ModelLibraryError(value)
        raise ModelError(f"a call of a model failed by an error of ours: {value}")

    def close(self) -> None:
        """End it; idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        else:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as ours:
                ours.shutdown(socket.SHUT_RDWR)  # which it ends at
        if self._reader is None:
            self._let_go()

    def _read(self) -> None:
        while True:
            try:
                number, kind, value = self._connection.recv()
            except (EOFError, OSError):
                break
            if number == _LAST:
                return
            with self._lock:
                answer = self._waiting.pop(number)
            answer.put((kind, value))
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            self.died = True
            self._give_up()
            self._connection.close()

    def _give_up(self) -> None:
        told = ("fault", ("passing", None, "the process that calls models has ended; it may have run out of memory"))
        for answer in self._waiting.values():
            answer.put(told)
        self._waiting.clear()


def serve(descriptor: int) -> None:
    """The other side: answer on the socket `descriptor` until it is closed."""
    from generators.chat.library import load_litellm

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection, lock = Connection(descriptor), threading.Lock()
    gc.disable()
    with contextlib.suppress(ModelLibraryError):  # it is told by the first call
        load_litellm()
    # what has come to stay is never looked at again
    gc.freeze()
    gc.enable()

    def answer(number: int, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> None:
        told: tuple[str, Any]
        try:
            told = "value", function(*given, **named)
        except Fault as fault:
            told = "fault", (fault.kind, fault.status, fault.said, fault.retry_after_s)
        except ModelLibraryError as error:
            told = "library", str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
            told = "broken", without_keys(f"{type(error).__name__}: {error}")
        with lock, contextlib.suppress(OSError):  # who asked is gone, and this process about to follow
            connection.send((number, *told))

    while True:
        try:
            asked = connection.recv()
        except (EOFError, OSError):
            # threads may be in the middle of calls that nobody waits for any more
            os._exit(0)
        threading.Thread(target=answer, args=asked, daemon=True).start()
