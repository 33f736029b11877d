"""A function of a foreign module that is called many times: prepared once, each call in a process forked from that."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from sandboxes.errors import SandboxError, SandboxLostError
from sandboxes.functions.function_call import FunctionCall, FunctionResult
from sandboxes.functions.function_request import FunctionRequest, absolute
from sandboxes.functions.warm_tree import WarmTree
from sandboxes.isolation import resolve_level
from sandboxes.limits import Limits


class _NeverBegunError(SandboxLostError):
    """A call was lost before the function ran: it can be made again."""


class WarmFunction:
    """`function(prepared, **arguments)` of a module, where `prepared` is what `prepare(**prepare_with)` returned.

    `prepare` runs once, confined as `run_function` confines it, and what it returned is kept there. Each call runs in
    a process forked from that state: nothing that one call does is seen by another. A call that leaves anything behind
    (a process, a file in the scratch folder) or outlives its wall-clock limit costs the prepared state, which is then
    made again. The other limits hold for each call and for `prepare`. What `prepare` prints is dropped; what it raises
    is the result of every call.

    `rehearse(prepared)` is run in the process of each call while that waits: the first touch of memory and libraries is
    what takes longest in a forked process. It must leave nothing behind; what it raises or returns is dropped. Where it
    is a generator, a call that has come is served at the next `yield`, and the rest is not rehearsed.

    `target`, `readable`, `limits`, `isolation`, `environment` and `hash_seed` are those of `run_function`. Nothing is
    started before the first call or `warm`. Thread-safe: one call at a time, others wait. A forked host starts with
    nothing warm and leaves its parent's alone. Close it, or use it as a context.
    """

    def __init__(
        self,
        target: Path | str,
        function: str,
        *,
        prepare: str,
        prepare_with: Mapping[str, Any] | None = None,
        rehearse: str = "",
        readable: Sequence[Path] = (),
        limits: Limits | None = None,
        isolation: str = "auto",
        environment: Mapping[str, str] | None = None,
        hash_seed: int = 0,
    ) -> None:
        self._request = FunctionRequest(
            target=target.absolute() if isinstance(target, Path) else target,
            readable=absolute(readable),
            writable=(),
            limits=limits or Limits(),
            level=resolve_level(isolation),
            environment=environment or {},
            hash_seed=hash_seed,
        )
        self._names = {"function": function, "prepare": prepare, "rehearse": rehearse}
        self._prepare_with = dict(prepare_with or {})
        self._lock = threading.Lock()
        self._tree: WarmTree | None = None
        _alive.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Let preparation begin, where it has not, without waiting for its end (a few milliseconds).

        Raises as `call`, and `ValueError` where a path does not exist.
        """
        with self._lock, _told_as_ours():
            self._live_tree()

    def call(self, arguments: Mapping[str, Any] | None = None, *, wall_s: float | None = None) -> FunctionResult:
        """Call the function. A memoryview among the arguments arrives as one, read-only, without being copied again.

        `wall_s`: wall-clock seconds of this call instead of those of the limits; preparation that it has to wait for
        counts.

        Whatever the foreign code does is a `FunctionResult`. Raises `ValueError` where a path does not exist and
        `SandboxError` where the machinery fails.
        """
        limits = self._request.limits if wall_s is None else replace(self._request.limits, wall_s=wall_s)
        with self._lock, _told_as_ours():
            started = time.monotonic()
            try:
                return self._called(limits, arguments or {}, started)
            except _NeverBegunError:  # what was kept warm may have been killed while it waited
                return self._called(limits, arguments or {}, started)

    def _called(self, limits: Limits, arguments: Mapping[str, Any], started: float) -> FunctionResult:
        with FunctionCall(limits) as call:
            tree = self._live_tree()
            kept = False
            try:
                kept = tree.serve(call, arguments, limits.wall_s - (time.monotonic() - started))
            except SandboxLostError as error:
                if tree.may_have_begun():
                    raise
                raise _NeverBegunError(str(error)) from error
            finally:
                if not kept:
                    self._end_tree()
            call.drain()
            return call.result(time.monotonic() - started)

    def _live_tree(self) -> WarmTree:
        if self._tree is not None and not self._tree.usable():
            self._end_tree()
        if self._tree is None:
            self._tree = WarmTree(self._request, self._names, self._prepare_with)
        return self._tree

    def _end_tree(self) -> None:
        tree, self._tree = self._tree, None
        if tree is not None:
            tree.end()

    def close(self) -> None:
        """End every process. Idempotent; a later call starts again."""
        with self._lock:
            self._end_tree()

    def forget(self) -> None:
        """In a forked copy of the host: let go of what belongs to the original."""
        self._lock = threading.Lock()
        self._end_tree()


@contextlib.contextmanager
def _told_as_ours() -> Iterator[None]:
    """Where descriptors or space of this host run out, foreign code has no part in it."""
    try:
        yield
    except OSError as error:
        raise SandboxError(f"the call could not be made: {error}") from error


_alive: weakref.WeakSet[WarmFunction] = weakref.WeakSet()


def _close_all() -> None:
    for function in list(_alive):
        function.close()


def _forget_all() -> None:
    for function in list(_alive):
        function.forget()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
