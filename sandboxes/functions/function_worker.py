"""The worker of `run_function`: calls one function of a foreign module and writes what became of it as JSON."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import random
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from sandboxes.functions.arguments import unpack

_TRACEBACK_CHARS = 20_000
_MESSAGE_CHARS = 4_000


def run(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """Serve one call. `fds`: arguments, stdout, stderr, result. `bound` tells that foreign code is about to run."""
    arguments, result = receive(fds)
    reseed()
    os.write(bound, b"1")
    os.close(bound)
    answer(result, lambda: getattr(load(request), request["function"])(**arguments), str(request["target"]))


def receive(fds: Sequence[int]) -> tuple[dict[str, Any], int]:
    """Take over the descriptors of a call: arguments, stdout, stderr, result. Gives the arguments and the last."""
    packed, stdout, stderr, result = fds
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    sys.stdout, sys.stderr = _text_stream(1), _text_stream(2)
    return unpack(packed), result


def answer(result: int, call: Callable[[], Any], target: str) -> None:
    """Run foreign code and write what became of it to `result`."""
    report = report_of(call, target)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # foreign code may have put anything there
            stream.flush()
    write_all(result, report)


def report_of(call: Callable[[], Any], target: str) -> bytes:
    """What becomes of `call`, as JSON; `target` is the file or module whose frames a traceback begins with."""
    try:
        return json.dumps({"status": "ok", "value": call()}, default=_plain).encode()
    except BaseException as error:  # noqa: BLE001 - foreign code may raise anything, SystemExit included
        return json.dumps(_describe(error, target)).encode()


def reseed() -> None:
    """Give unseeded draws what they have in any fresh process: another state each time, not the fork server's."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _text_stream(fd: int) -> TextIO:
    """A stream that loses no line when the process is killed and fails on no character."""
    return os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


def load(request: Mapping[str, Any]) -> ModuleType:
    """The module that holds the function: a file under a private name, or an installed one."""
    target = request["target"]
    if not request["is_file"]:
        return importlib.import_module(target)
    path = Path(target)
    # a name of its own, so that no foreign file takes the place of an installed module
    name = f"_foreign_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _plain(value: object) -> object:
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"the function returned {type(value).__name__}, which is not JSON data")


def _describe(error: BaseException, target: str) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    first = next((n for n, frame in enumerate(frames) if frame.filename == target), 0)
    own = error.__traceback__
    for _ in range(first):
        own = own.tb_next if own else None
    try:
        text = "".join(traceback.format_exception(type(error), error, own))
        message = str(error)
    except Exception as second:  # noqa: BLE001 - `__str__` of a foreign exception
        text = message = f"{type(error).__name__} (its message cannot be shown: {type(second).__name__})"
    return {
        "status": "error",
        "error_types": [cls.__name__ for cls in type(error).__mro__ if cls is not object],
        "error_message": message[:_MESSAGE_CHARS],
        "traceback": text[-_TRACEBACK_CHARS:],
    }


def write_all(fd: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
