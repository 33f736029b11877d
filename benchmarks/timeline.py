"""Where the wall-clock time of a process goes: its main thread looked at every other millisecond, and the intervals in
which its sandboxes ran foreign code. Installed before the modules that call sandboxes are imported."""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

EVERY_S = 0.002
OWN_CODE = ("generators.",)
"""Modules of ours that run inside sandboxes and call foreign code there: of these the foreign part alone counts."""
PROBE = "import os; os.getcwd()"
"""What a session of a role runs before any code of a model."""
WAITS = (
    ("function_call", "wait"),
    ("session", "execute"),
    ("verify", "verify"),
    *(("evidence", name) for name in ("first_run", "second_run", "exercise", "own_tests", "wait")),
)
"""Where the main thread is while it waits for foreign code."""

_ROOT = f"{Path(__file__).parents[1]}/"

Rules = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Names of layers, each with (part of a file's path, function or empty for any): the first that any frame fits."""


class Timeline:
    """Samples of the main thread, and intervals of foreign code, by the clock that all processes share."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._samples: list[tuple[float, float, float, str, bool, str]] = []
        self._code: list[tuple[float, float]] = []
        self._open = threading.local()
        self._stopped = threading.Event()
        self._labels: dict[tuple[str, str], int] = {}
        self.began = time.monotonic()

    def start(self) -> None:
        """Look at the main thread from now on, and at every call of a sandbox."""
        self._watch_functions()
        self._watch_kernels()
        self._thread = threading.Thread(target=self._look, name="timeline", daemon=True)
        self._thread.start()

    def write(self, path: Path) -> None:
        """Stop, and write what was seen as JSON."""
        self._stopped.set()
        self._thread.join()
        told = {"began": self.began, "samples": self._samples, "code": self._code, "stopped": time.monotonic()}
        path.write_text(json.dumps(told), encoding="utf-8")
        # to write them is no part of what is measured
        path.with_suffix(".end").write_text(repr(time.monotonic()), encoding="utf-8")

    def _look(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        clock = time.pthread_getcpuclockid(main)
        before, cpu_before = time.monotonic(), time.clock_gettime(clock)
        while not self._stopped.wait(EVERY_S):
            frame = sys._current_frames().get(main)
            now, cpu = time.monotonic(), time.clock_gettime(clock)
            self._samples.append((before, now - before, cpu - cpu_before, *self._layer(frame)))
            before, cpu_before = now, cpu

    def _layer(self, frame: FrameType | None) -> tuple[str, bool, str]:
        """The layer that a stack belongs to, whether it waits for foreign code, and the innermost function of ours."""
        best, waits, inner = len(self._rules), False, ""
        while frame is not None:
            place = (frame.f_code.co_filename, frame.f_code.co_name)
            stem = place[0].rpartition("/")[2].removesuffix(".py")
            waits = waits or (stem, place[1]) in WAITS
            if not inner and place[0].startswith(_ROOT):
                inner = f"{place[0].removeprefix(_ROOT)}:{place[1]}"
            number = self._labels.get(place)
            if number is None:
                number = self._labels[place] = self._number(*place)
            best = min(best, number)
            frame = frame.f_back
        return (self._rules[best][0] if best < len(self._rules) else "everything else"), waits, inner

    def _number(self, file: str, function: str) -> int:
        for number, (_, places) in enumerate(self._rules):
            if any(part in file and name in ("", function) for part, name in places):
                return number
        return len(self._rules)

    def _watch_functions(self) -> None:
        import sandboxes.script
        from sandboxes.forking.tree import ConfinedTree
        from sandboxes.warm import WarmFunction

        receive, end, run, call = (
            ConfinedTree.receive,
            ConfinedTree.end,
            sandboxes.script.run_function,
            WarmFunction.call,
        )

        def watched_receive(tree: ConfinedTree) -> tuple[dict[str, Any], list[int]]:
            message = receive(tree)
            if message[0]["event"] == "bound":
                self._open.begun = time.monotonic()
            return message

        def watched_end(tree: ConfinedTree, *, at_once: bool) -> None:
            self._open.ended = time.monotonic()
            end(tree, at_once=at_once)

        @functools.wraps(run)
        def watched_run(target: Path | str, function: str, **given: Any) -> Any:
            self._open.begun = self._open.ended = 0.0
            result = run(target, function, **given)
            if isinstance(target, str) and target.startswith(OWN_CODE):
                self._code.append((self._open.ended - _inside(result.value), self._open.ended))
            elif self._open.begun:
                self._code.append((self._open.begun, self._open.ended))
            return result

        def watched_call(warm: WarmFunction, *given: Any, **named: Any) -> Any:
            result = call(warm, *given, **named)
            now = time.monotonic()
            self._code.append((now - _inside(result.value), now))
            return result

        # foreign to mypy's eyes, and the purpose of this module
        for owner, name, watched in (
            (ConfinedTree, "receive", watched_receive),
            (ConfinedTree, "end", watched_end),
            (sandboxes.script, "run_function", watched_run),
            (WarmFunction, "call", watched_call),
        ):
            setattr(owner, name, watched)

    def _watch_kernels(self) -> None:
        from sandboxes.kernels.kernel_sandbox import KernelSandbox

        execute: Callable[..., Any] = KernelSandbox.execute

        def watched(sandbox: KernelSandbox, code: str, **given: Any) -> Any:
            result = execute(sandbox, code, **given)
            now = time.monotonic()
            if code != PROBE:
                self._code.append((now - result.seconds, now))
            return result

        setattr(KernelSandbox, "execute", watched)  # noqa: B010 - a method of a class of another module


def _inside(value: Any) -> float:
    """Seconds that modules of ours measured around foreign code: `seconds` of attempts and of grades."""
    if isinstance(value, dict):
        found = value.get("seconds")
        return (float(found) if isinstance(found, int | float) else 0.0) + sum(map(_inside, value.values()))
    return sum(map(_inside, value)) if isinstance(value, list) else 0.0
