"""The host's handle of one confined tree that keeps a function warm. `warm_worker` is its other side."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

from sandboxes.errors import SandboxError, SandboxLostError
from sandboxes.forking import forkserver, wire
from sandboxes.functions.arguments import Packed, pack
from sandboxes.functions.function_call import FunctionCall, describe_exit
from sandboxes.functions.function_request import FunctionRequest, scratch_folder
from sandboxes.functions.warm_worker import BEGUN, ENDED, NOTE, PREPARED, SETTLE_S
from sandboxes.sandbox import IsolationLevel

_SETUP_S = 30.0
_SEND_S = 5.0
_KEPT_BYTES = 64 << 20
"""Arguments up to which their file is kept for those of the next call."""


class WarmTree:
    """A tree whose worker prepares itself as soon as this exists, and then serves one call after another."""

    def __init__(self, request: FunctionRequest, names: Mapping[str, str], prepare_with: Mapping[str, Any]) -> None:
        """`names`: those of `function`, `prepare` and `rehearse`.

        Raises `SandboxError`, `ValueError` for paths that do not exist, and `OSError` where
        this host is out of descriptors.
        """
        self._level = request.level
        self._owner = os.getpid()
        self._ready = self._prepared = False
        self._serving = self._begun = False
        self._exit: int | None = None
        self._spent = False
        self._notes = b""
        self._packed: Packed | None = None
        with contextlib.ExitStack() as belongings:
            scratch = belongings.enter_context(scratch_folder(request.level))
            asked = request.to_json(scratch, task="warm", **names)
            self._control, theirs = socket.socketpair()
            belongings.callback(self._control.close)
            with theirs, pack(prepare_with) as packed:
                fds = [theirs.fileno(), packed.fileno()]
                self._tree = forkserver.spawn(asked, fds, hash_seed=request.hash_seed)
            self._control.settimeout(_SEND_S)
            self._belongings = belongings.pop_all()

    def usable(self) -> bool:
        """Whether it waits for a call, or will once it is prepared, and the call will find all as it was."""
        try:
            while _readable(self._tree.channel, 0):
                event = self._tree.receive()[0]["event"]
                if event not in ("ready", "bound"):
                    return False
                self._ready = self._ready or event == "ready"
            # of a call whose result came early the end may still be awaited
            while not self._spent and _readable(self._control, 2 * SETTLE_S if self._serving else 0):
                self._take_notes()
        except (wire.ConnectionEnded, OSError):
            return False
        return not self._spent and not self._serving and self._tree.alive()

    def serve(self, call: FunctionCall, arguments: Mapping[str, Any], wall_s: float) -> bool:
        """Have one call served until it has a result, has ended or is late.

        Raises `SandboxError` where the machinery fails. Unless it gives True, the tree is to be ended at once.
        """
        # whoever has read this file has ended: the tree is usable
        packed = self._packed = pack(arguments, reuse=self._packed)
        self._serving, self._begun, self._exit = True, False, None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended while it prepared: told below
            wire.send(self._control, {}, [packed.fileno(), *call.write_ends])
        if packed.size > _KEPT_BYTES:
            self._let_go()
        call.hand_over()
        if not self._ready:
            self._tree.expect("ready", _SETUP_S)
            self._ready = True
        deadline = time.monotonic() + wall_s
        of_tree = call.events(self._tree, self._level)
        over = call.wait(deadline, {**of_tree, self._control.fileno(): self._over}, for_end=False)
        if over and not call.reported and self._serving and call.exit is None:
            over = call.wait(deadline, of_tree)  # the worker's end of the socket is closed: it is ending
        if not over:
            return False
        if call.reported:
            if self._serving:
                with contextlib.suppress(OSError):  # it has ended meanwhile: the next call will find out
                    wire.send(self._control, {})
        elif not self._serving:
            if not self._begun:
                raise SandboxError(f"{describe_exit(self._exit)} while it was being set up")
            call.end_with(self._exit, self._tree)
        elif self._prepared and not self._begun:
            raise SandboxLostError("the process that was kept warm ended before it took the call in")
        return not self._spent and (call.reported or not self._serving)

    def _over(self) -> bool:
        self._take_notes()
        return self._spent or not self._serving

    def _take_notes(self) -> None:
        data = b""
        with contextlib.suppress(ConnectionResetError):  # it ended with a call unread
            data = self._control.recv(64)
        self._notes += data
        self._spent = self._spent or not data
        while len(self._notes) >= NOTE.size:
            kind, status, intact = NOTE.unpack_from(self._notes)
            self._notes = self._notes[NOTE.size :]
            self._prepared = self._prepared or kind == PREPARED
            self._begun = self._begun or kind == BEGUN
            if kind == ENDED:
                # where nothing was called, the process that waited for it is gone
                self._spent = self._spent or not intact or not self._serving
                self._serving, self._exit = False, status

    def may_have_begun(self) -> bool:
        """Of a call whose tree is gone: whether the function may have run."""
        while not self._spent and _readable(self._control, SETTLE_S):
            self._take_notes()
        return self._begun or not self._spent

    def end(self) -> None:
        """Kill every process and free what it had. Idempotent; in a forked copy of the host nothing is killed."""
        self._tree.end(at_once=self._level is IsolationLevel.NAMESPACES)
        self._let_go()
        if self._owner != os.getpid():  # the folder is the original's
            self._belongings.pop_all()
            self._control.close()
        self._belongings.close()

    def _let_go(self) -> None:
        """Close the file of the arguments."""
        packed, self._packed = self._packed, None
        if packed is not None:
            packed.close()


def _readable(connection: socket.socket, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
