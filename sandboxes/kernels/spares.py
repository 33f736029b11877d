"""Spare sessions: forked and connected before anybody asks for one, so that a start is a matter of milliseconds.

A spare knows all of its request but what differs from episode to episode: the public data it shows and its seed. Those
it is told when it is taken. Spares of a kind that is in use are made again in the background.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandboxes.errors import SandboxError, SandboxStartError
from sandboxes.held import Held
from sandboxes.kernels.session import Session

_KINDS = 2
"""Kinds of sessions of which spares are kept: those that were asked for last."""
_LATE = ("seed", "environment", "confinement")


@dataclass(slots=True)
class _Kind:
    make: Callable[[Mapping[str, Any]], Session]
    request: dict[str, Any]
    ready: list[tuple[Session, int]] = field(default_factory=list)
    """Sessions with a descriptor of their workspace."""
    asked: int = 0
    failed: bool = False


class Spares:
    """Keeps up to `size` spare sessions of each kind in use. Thread-safe.

    A kind gets spares from the second time on that it is asked for: what is wanted once may never be wanted again.
    """

    def __init__(self, size: int = 2) -> None:
        if size < 1:
            raise ValueError(f"a pool of spares holds at least one, got size={size!r}")
        self.size = size
        """Sessions of a kind that are kept ready."""
        self._lock = threading.Lock()
        self._kinds: OrderedDict[str, _Kind] = OrderedDict()
        self._maker: threading.Thread | None = None
        self._closed = False
        self._owner = os.getpid()

    def take(
        self, request: Mapping[str, Any], make: Callable[[Mapping[str, Any]], Session], *, kind: str
    ) -> tuple[Session, int] | None:
        """A running session at level `namespaces` and a descriptor of its workspace; None without a spare.

        `make` gives a session, not started, for a request; `kind` is what else two sessions must have in common.
        """
        general = _general(request)
        key = json.dumps([kind, general], sort_keys=True)
        with self._lock:
            if self._closed or self._owner != os.getpid():
                return None
            known = self._kinds.setdefault(key, _Kind(make, general))
            self._kinds.move_to_end(key)
            known.asked += 1
            known.failed = False
            left = [self._kinds.popitem(last=False)[1] for _ in range(len(self._kinds) - _KINDS)]
            spare = known.ready.pop(0) if known.ready else None
            self._make_more()
        for other in left:
            _end(other.ready)
        return spare if spare is None else _settled(spare, request)

    def close(self) -> None:
        """End every spare, and make no more. Idempotent."""
        with self._lock:
            self._closed = True
            kinds, self._kinds = self._kinds, OrderedDict()
            maker, self._maker = self._maker, None
        if self._owner != os.getpid():
            return
        if maker is not None and maker is not threading.current_thread():
            maker.join()
        for kind in kinds.values():
            _end(kind.ready)

    def _make_more(self) -> None:
        if self._wanting() is not None and self._maker is None:
            self._maker = threading.Thread(target=self._work, name="mlesmith-spares", daemon=True)
            self._maker.start()

    def _wanting(self) -> _Kind | None:
        kinds = reversed(self._kinds.values())
        return next((k for k in kinds if k.asked > 1 and not k.failed and len(k.ready) < self.size), None)

    def _work(self) -> None:
        while True:
            with self._lock:
                kind = None if self._closed else self._wanting()
                if kind is None:
                    self._maker = None
                    return
            try:
                made = _made(kind)
            except (SandboxError, OSError):  # whoever needs a session will fail at its own start, and be told why
                kind.failed = True
                continue
            with self._lock:
                wanted = not self._closed and any(kind is one for one in self._kinds.values())
                if wanted:
                    kind.ready.append(made)
            if not wanted:
                _end([made])


def _made(kind: _Kind) -> tuple[Session, int]:
    session = kind.make(kind.request)
    spare = (session, session.start()[0])
    try:
        session.rehearse()
    except BaseException:
        _end([spare])
        raise
    return spare


def _general(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request without what a spare is told when it is taken."""
    confinement = {**request["confinement"], "binds": []}
    own = (os.geteuid(), os.getegid())
    owners = sorted({own, *((found.st_uid, found.st_gid) for found in map(os.stat, _sources(request)))})
    environment = {**request["environment"], "PYTHONHASHSEED": "0"}
    return {
        **request,
        "confinement": confinement,
        "environment": environment,
        "seed": 0,
        "owners": [list(owner) for owner in owners],
        "waits": True,
    }


def _sources(request: Mapping[str, Any]) -> list[str]:
    return [bind["source"] for bind in request["confinement"]["binds"]]


def _settled(spare: tuple[Session, int], request: Mapping[str, Any]) -> tuple[Session, int] | None:
    """A spare that has become what the request asks for; None where it has died or fails at it."""
    session, _ = spare
    try:
        if not session.died():
            session.settle({key: request[key] for key in _LATE})
            return spare
    except SandboxStartError:
        pass
    _end([spare])
    return None


def _end(spares: list[tuple[Session, int]]) -> None:
    for session, workspace in spares:
        session.end()
        os.close(workspace)


_SHARED = Held(lambda: Spares(1))


def hold(size: int) -> Spares:
    """This process's pool, which exists until each holder has let it go; the largest `size` asked for is its own."""
    pool = _SHARED.hold()
    pool.size = max(pool.size, size)
    return pool


def let_go() -> None:
    """The end of a `hold`. The last one ends the spares."""
    _SHARED.let_go()
