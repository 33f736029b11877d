"""Processes that stand by for a call of a function: forked and confined before anybody asks, each used once.

What takes long does not depend on the call: a fork of the warm interpreter, namespaces, the private root. A standby is
told the rest when it is taken: what it shows, its limits and environment, the function and its arguments. Until then no
foreign code runs in it, and what has run a call is never used again.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sandboxes.confinement import cgroups
from sandboxes.errors import SandboxError, SandboxStartError
from sandboxes.forking import endings, forkserver
from sandboxes.forking.tree import ConfinedTree
from sandboxes.held import Held

_KINDS = 4
_EACH = 2
"""Of one kind: what is asked for in the same moment is more than the processors have room for soon enough."""
_SETUP_S = 30.0
_PATIENCE_S = 0.15
"""Most calls are over by then; making a standby takes the processors that they need."""
_LATE = ("confinement", "target", "is_file", "preload", "limits", "environment", "function")
Owners = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Standby:
    tree: ConfinedTree
    owners: Owners
    """Whose files it can be shown."""
    preload: frozenset[str]
    """Modules of ours that it has loaded."""

    def serves(self, owners: Owners, preload: frozenset[str]) -> bool:
        return owners <= self.owners and preload <= self.preload and self.tree.silent() and self.tree.alive()


@dataclass(slots=True)
class _Kind:
    hash_seed: int
    request: dict[str, Any]
    owners: Owners = frozenset()
    preload: frozenset[str] = frozenset()
    ready: list[_Standby] = field(default_factory=list)
    failed: bool = False
    coming: tuple[Owners, frozenset[str]] | None = None
    """What the one that is being made will be able to show and have loaded."""
    promised: bool = False
    """Whether a call waits for that."""


class Standbys:
    """Keeps standbys of each kind in use, for calls at level `namespaces`. Thread-safe.

    Kinds differ in their hash seed and in the quotas of their folders. Standbys are made in the background once a call
    of their kind was asked for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._calls = 0
        self._kinds: OrderedDict[tuple[Any, ...], _Kind] = OrderedDict()
        self._maker: threading.Thread | None = None
        self._closed = False
        self._owner = os.getpid()

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """For the time of a call: standbys are made between calls, or once that has gone on for a while."""
        with self._lock:
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1
                self._changed.notify_all()

    def take(self, asked: Mapping[str, Any], fds: Sequence[int], *, hash_seed: int) -> ConfinedTree | None:
        """The tree of a standby that has taken over the request `asked` with its descriptors; None without one.

        Its next events are those of a tree that has said `ready`. Where there is none, or where it fails at what is
        asked, nothing of the call has run.
        """
        if asked["limits"]["cpus"] is not None:  # the controller for it is joined at the start
            return None
        owners, preload = _owners(asked), frozenset(asked["preload"])
        with self._lock:
            if self._closed or self._owner != os.getpid():
                return None
            key = (hash_seed, *((f["path"], f["mib"], f["entries"]) for f in asked["confinement"]["folders"]))
            kind = self._kinds.setdefault(key, _Kind(hash_seed, _general(asked)))
            self._kinds.move_to_end(key)
            kind.owners, kind.failed = kind.owners | owners, False
            kind.preload |= preload | forkserver.loads_of(hash_seed)
            others = [self._kinds.popitem(last=False)[1] for _ in range(len(self._kinds) - _KINDS)]
            dropped = [one for other in others for one in other.ready]
            self._await_one(kind, owners, preload)
            fit = [one for one in kind.ready if one.serves(owners, preload)]
            dropped += [one for one in kind.ready if one not in fit]
            standby = fit.pop(0) if fit else None
            kind.ready = fit
            self._make_more()
        _end_later(dropped)
        if standby is not None and not _handed_over(standby.tree, asked, fds):
            _end_later([standby])
            return None
        return standby.tree if standby is not None else None

    def _await_one(self, kind: _Kind, owners: Owners, preload: frozenset[str]) -> None:
        """Where the next one is on its way already, wait for it: that takes less long than another start."""
        if kind.ready or kind.promised or kind.coming is None:
            return
        if owners <= kind.coming[0] and preload <= kind.coming[1]:
            kind.promised = True
            self._changed.wait_for(lambda: kind.coming is None or self._closed, _PATIENCE_S)
            kind.promised = False

    def close(self) -> None:
        """End every standby, and make no more; see `endings`. Idempotent."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
            kinds, self._kinds = self._kinds, OrderedDict()
            maker, self._maker = self._maker, None
        if self._owner != os.getpid():
            return
        if maker is not None and maker is not threading.current_thread():
            maker.join()
        _end_later([one for kind in kinds.values() for one in kind.ready])

    def _make_more(self) -> None:
        if self._wanting() is not None and self._maker is None:
            self._maker = threading.Thread(target=self._work, name="mlesmith-standbys", daemon=True)
            self._maker.start()

    def _wanting(self) -> _Kind | None:
        return next((k for k in reversed(self._kinds.values()) if not k.failed and len(k.ready) < _EACH), None)

    def _work(self) -> None:
        while True:
            with self._lock:
                self._changed.wait_for(lambda: self._closed or not self._calls, _PATIENCE_S)
                kind = None if self._closed else self._wanting()
                if kind is None:
                    self._maker = None
                    return
                owners, preload = kind.coming = kind.owners, kind.preload
            try:
                made = _Standby(_waiting(kind, owners, preload), owners, preload)
            except (SandboxError, OSError):  # whoever calls a function will fail at its own start, and be told why
                with self._lock:
                    kind.failed, kind.coming = True, None
                    self._changed.notify_all()
                continue
            with self._lock:
                kind.coming = None
                self._changed.notify_all()
                wanted = not self._closed and any(kind is one for one in self._kinds.values())
                if wanted:
                    kind.ready.append(made)
            if not wanted:
                _end_later([made])


def _waiting(kind: _Kind, owners: Owners, preload: frozenset[str]) -> ConfinedTree:
    own = (os.geteuid(), os.getegid())
    request = {**kind.request, "owners": [list(one) for one in sorted({own, *owners})], "preload": sorted(preload)}
    tree = forkserver.spawn(request, hash_seed=kind.hash_seed)
    try:
        tree.expect("ready", _SETUP_S)
    except BaseException:
        tree.end(at_once=True)
        raise
    return tree


def _general(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The request without what a standby is told when it is taken."""
    general = {name: value for name, value in asked.items() if name not in _LATE}
    return {**general, "confinement": {**asked["confinement"], "binds": []}, "waits": True}


def _owners(asked: Mapping[str, Any]) -> Owners:
    """Whose files a call is to be shown."""
    found = [Path(bind["source"]).stat() for bind in asked["confinement"]["binds"]]
    return frozenset((one.st_uid, one.st_gid) for one in found)


def _handed_over(tree: ConfinedTree, asked: Mapping[str, Any], fds: Sequence[int]) -> bool:
    """Let a standby become what is asked for; False where it cannot, or has died."""
    try:
        if tree.group is not None:
            tree.group.bound(cgroups.bounds_of(asked))
        if not tree.command("settle", fds=fds, changes={**{key: asked[key] for key in _LATE}, "waits": False}):
            return False
        tree.await_event("settled", _SETUP_S, passing=())
    except (SandboxStartError, OSError):
        return False
    return True


def _end_later(standbys: Sequence[_Standby]) -> None:
    for one in standbys:
        endings.end_later(partial(one.tree.end, at_once=True))


_SHARED = Held(Standbys)


def hold() -> None:
    """Let this process have a pool, which exists until each holder has let it go."""
    _SHARED.hold()


def let_go() -> bool:
    """The end of a `hold`. The last one ends the standbys; whether this was it."""
    return _SHARED.let_go()


def held() -> Standbys | None:
    """The pool of this process, where somebody holds it."""
    return _SHARED.held
