"""Call one function of a foreign module in a fresh, isolated, limited process."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandboxes.errors import SandboxError
from sandboxes.forking import endings, forkserver
from sandboxes.functions import standbys
from sandboxes.functions.arguments import pack
from sandboxes.functions.function_call import FunctionCall, FunctionResult, NeverBegunError, describe_exit
from sandboxes.functions.function_request import FunctionRequest, absolute, scratch_folder
from sandboxes.functions.leavings import remove_odd
from sandboxes.isolation import resolve_level
from sandboxes.limits import Limits
from sandboxes.sandbox import IsolationLevel

__all__ = ["FunctionResult", "describe_exit", "run_function", "standing_by", "warm_up"]

_SETUP_S = 30.0
_ODD = "NoPlainFileError"
_ODD_LEFT = "it must leave plain files (copy what a link would lead to), and it left"


def run_function(
    target: Path | str,
    function: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    limits: Limits | None = None,
    isolation: str = "auto",
    environment: Mapping[str, str] | None = None,
    hash_seed: int = 0,
) -> FunctionResult:
    """Call `function(**arguments)` of a module in a process of its own.

    `target` is the path of a Python file (loaded afresh, under a private name) or the dotted name of an importable
    module. The process sees the interpreter, its packages, `target`, `readable` and `writable` (at the same paths as
    here) and an empty scratch folder as working directory; no network. Arguments may be JSON values, paths and bytes.
    Relative paths are taken from the caller's working directory. `hash_seed` is the PYTHONHASHSEED of the process; each
    value in use keeps a warm interpreter of its own (about 100 MiB). Unseeded random draws differ from call to call.

    What it leaves in `writable` are plain files and folders: links, pipes and sockets are removed, and a call that left
    some has failed.

    Whatever the foreign code does is a `FunctionResult`. Raises `ValueError` for paths that do not exist,
    `IsolationError` where the host cannot isolate (unless `isolation="process"` asks for none) and `SandboxError`
    where the machinery fails. Thread-safe.
    """
    request = FunctionRequest(
        target=target.absolute() if isinstance(target, Path) else target,
        readable=absolute(readable),
        writable=absolute(writable),
        limits=limits or Limits(),
        level=resolve_level(isolation),
        environment=environment or {},
        hash_seed=hash_seed,
    )
    odd = ""
    with scratch_folder(request.level) as scratch:
        asked = request.to_json(scratch, task="function", function=function)
        pool = standbys.held() if request.level is IsolationLevel.NAMESPACES else None
        try:
            result = _called(request, asked, arguments or {}, pool)
        except OSError as error:  # foreign code has no part in it: descriptors or space of this host have run out
            raise SandboxError(f"the call could not be made: {error}") from error
        finally:
            odd = remove_odd(request.writable)
            if request.level is IsolationLevel.NAMESPACES and os.geteuid() == 0:
                _take_back(request.writable)
    if odd and result.ok:
        return replace(result, status="error", value=None, error_types=(_ODD,), error_message=f"{_ODD_LEFT}: {odd}")
    return result


def warm_up(hash_seeds: Sequence[int] = (0,), modules: Sequence[str] = ()) -> None:
    """Let the warm interpreters load that calls with these hash seeds are forked from, without waiting.

    `modules`: dotted names of targets of ours, to be loaded too. Does nothing where all that has begun. A start that
    fails is told by the call that needs it.
    """
    for hash_seed in hash_seeds:
        with contextlib.suppress(SandboxError):
            forkserver.begin_server(hash_seed).load_later(modules)


@contextlib.contextmanager
def standing_by() -> Iterator[None]:
    """Within, a call of a function, in any thread of this process, leaves others of its kind ready for the next ones.

    A process that stands by is forked and confined already, has run nothing, and is used once; up to two wait for each
    hash seed in use (about 30 MiB each). At the end of the outermost context they are ended, and what calls have left
    to be cleared up is over.
    """
    standbys.hold()
    try:
        yield
    finally:
        if standbys.let_go():
            endings.await_endings()


def _called(
    request: FunctionRequest,
    asked: Mapping[str, Any],
    arguments: Mapping[str, Any],
    pool: standbys.Standbys | None,
) -> FunctionResult:
    if pool is None:
        return _call(request, asked, arguments)
    with pool.calling():
        try:
            return _call(request, asked, arguments, pool)
        except NeverBegunError:  # what stood by may have been killed meanwhile
            return _call(request, asked, arguments)


def _call(
    request: FunctionRequest,
    asked: Mapping[str, Any],
    arguments: Mapping[str, Any],
    pool: standbys.Standbys | None = None,
) -> FunctionResult:
    started = time.monotonic()
    with FunctionCall(request.limits) as call:
        private = request.level is IsolationLevel.NAMESPACES
        with pack(arguments) as packed:
            fds = [packed.fileno(), *call.write_ends]
            tree = pool.take(asked, fds, hash_seed=request.hash_seed) if pool is not None else None
            fresh = tree is None
            if tree is None:
                tree = forkserver.spawn(asked, fds, hash_seed=request.hash_seed)
        call.hand_over()
        try:
            if fresh:
                tree.expect("ready", _SETUP_S)
            deadline = time.monotonic() + request.limits.wall_s
            call.wait(deadline, call.events(tree, request.level))
            if private and call.exited:
                tree.await_emptied()
        finally:
            tree.end(at_once=private)
        call.drain()
        return call.result(time.monotonic() - started)


def _take_back(paths: Sequence[Path]) -> None:
    """Own again what had to be handed to the sandbox's user because its file system cannot translate owners."""
    for path in paths:
        owner = path.parent.stat()
        if path.lstat().st_uid < 1 << 14 or not path.exists():
            continue
        for found in (path, *path.rglob("*")):
            os.chown(found, owner.st_uid, owner.st_gid, follow_symlinks=False)
