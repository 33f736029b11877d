"""What the pipeline costs beside the model and the code: runs of `generate` with all four roles played by a scripted
model that takes a second for each call, and where the rest of their time goes.

Model time is what the server takes for its answers, code time what the sandbox spends in generated code (prepare.py,
metric.py, tests, a role's Python, solutions), both only while the run waits for them; everything else is the
pipeline's own: the start of processes, imports, profile, dialogue, verification outside code, records.
"""

from __future__ import annotations

import atexit
import bisect
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# the measured run imports this module too: what it does not need is imported where it is used
if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.overhead_script import Script

LATENCY_S = 1.0
BAR = 0.05
CASES = (("as models work", 1), ("as models work", 4), ("the shortest run", 1))
"""What the model says, and for how many raw datasets: what starts and ends a run is paid once."""
RULES = (
    ("start of litellm", [("generators/chat/provider", "facts")]),
    ("other imports", [("<frozen importlib", "")]),
    ("calls beyond the latency", [("generators/chat/", "")]),
    ("profile", [("generators/datasets/", "")]),
    ("trial outside code", [("mlesmith_env/trial", ""), ("mlesmith_env/env", "")]),
    ("assertions outside code", [("verification/assertions", "")]),
    ("computed review outside code", [("roles/rules/reviewer", "")]),
    ("sandboxes of roles", [("llm/python_session", ""), ("llm/bench", "")]),
    ("roles and dialogue", [("generators/roles/", "")]),
    ("records and publishing", [("generators/publish", ""), ("generators/rounds", ""), ("generators/crediting", "")]),
    ("the pipeline itself", [("generators/pipeline", ""), ("generators/runs/worker", "")]),
)


def main() -> None:
    from rich.console import Console

    from benchmarks.overhead_script import scripts

    console = Console(width=110)
    for name, datasets in CASES:
        console.print(table(f"{name}, datasets: {datasets}", measure(scripts()[name], datasets)))


@dataclass(frozen=True)
class Measured:
    """Seconds of one run."""

    calls: int
    whole: float
    model: float
    code: float
    layers: Mapping[str, tuple[float, float]]
    """The rest by layer: wall-clock seconds, and CPU seconds of the main thread."""

    @property
    def rest(self) -> float:
        return self.whole - self.model - self.code

    @property
    def share(self) -> float:
        return self.rest / self.whole


def table(name: str, run: Measured) -> Table:
    from rich.table import Table

    verdict = "within" if run.share < BAR else "ABOVE"
    own = f"the pipeline's own share {run.share:.1%} of {run.whole:.1f} s ({verdict} {BAR:.0%})"
    made = Table("seconds", "wall clock", "share", "CPU of it", title=f"{name}; {run.calls} calls; {own}")
    rows = [("model", run.model, None), ("code", run.code, None), ("the pipeline's own", run.rest, None)]
    rows += [
        (f"  {label}", wall, cpu) for label, (wall, cpu) in sorted(run.layers.items(), key=lambda item: -item[1][0])
    ]
    for label, wall, cpu in rows:
        made.add_row(label, f"{wall:.3f}", f"{wall / run.whole:.2%}", "" if cpu is None else f"{cpu:.3f}")
    return made


def measure(said: Script, datasets: int) -> Measured:
    """One run in a process of its own, as `mlesmith generate -m` is."""
    from unittest import mock

    from generators.model_server import ChatRequest, ScriptedModel, ScriptedModelServer
    from generators.model_server.exchange import Exchanges
    from tests.scripted_roles import orders_table

    asked: list[tuple[float, float]] = []
    begun: dict[str, list[str]] = {}

    def play(request: ChatRequest) -> Any:
        head = next(head for head in said if request.system.startswith(head))
        talks = begun.setdefault(head, [])
        if request.conversation not in talks:
            talks.append(request.conversation)
        return said[head][talks.index(request.conversation) % len(said[head])][request.said]

    serve = Exchanges.serve

    def watched(exchanges: Exchanges, *given: Any, **named: Any) -> None:
        started = time.monotonic()
        serve(exchanges, *given, **named)
        asked.append((started, time.monotonic()))

    with (
        mock.patch.object(Exchanges, "serve", watched),
        tempfile.TemporaryDirectory() as scratch,
        ScriptedModelServer(ScriptedModel(play, delay_s=LATENCY_S)) as server,
    ):
        home = Path(scratch)
        for number in range(datasets):
            raw = home / "raw" / f"shop_orders_{number}"
            raw.mkdir(parents=True)
            orders_table().to_csv(raw / "orders.csv", index=False)
        words = [sys.executable, "-m", "benchmarks.pipeline_overhead", str(home), server.url]
        began = time.monotonic()
        ran = subprocess.run(words, env={**os.environ, "OPENAI_API_KEY": "none"}, check=False)
        ended = time.monotonic()
        if ran.returncode or server.problems:
            sys.exit(f"the run failed: {server.problems}")
        told = json.loads((home / "timeline.json").read_text("utf-8"))
        funnel = json.loads((home / "pool" / "funnel.json").read_text("utf-8"))["funnel"]
        if funnel["published"] != funnel["proposals"]:
            sys.exit(json.dumps(funnel, indent=1))
        written = float((home / "timeline.end").read_text("utf-8")) - told["stopped"]
    return split(told, asked, began, ended - written)


def split(
    told: Mapping[str, Any],
    asked: Sequence[tuple[float, float]],
    began: float,
    ended: float,
) -> Measured:
    """What was seen, divided among model, code and layers."""
    model, code = Intervals(asked), Intervals(told["code"])
    spent = {"model": 0.0, "code": 0.0}
    layers: dict[str, list[float]] = {}
    for at, seconds, cpu, layer, waits, _ in told["samples"]:
        part = 0.0
        if layer == "calls beyond the latency":
            spent["model"] += (part := model.shared(at, at + seconds))
        elif waits:
            spent["code"] += (part := code.shared(at, at + seconds))
        own = layers.setdefault(layer, [0.0, 0.0])
        own[0] += seconds - part
        own[1] += cpu
    for label, seconds in (
        ("start of the command and the worker", told["began"] - began),
        ("end of the worker and the command", ended - told["stopped"]),
    ):
        layers[label] = [seconds, 0.0]
    whole = ended - began
    return Measured(len(asked), whole, spent["model"], spent["code"], {name: (w, c) for name, (w, c) in layers.items()})


class Intervals:
    """Intervals of time, those that overlap made one."""

    def __init__(self, given: Sequence[Sequence[float]]) -> None:
        self._begins: list[float] = []
        self._ends: list[float] = []
        for begin, end in sorted(tuple(one) for one in given):
            if self._ends and begin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            elif end > begin:
                self._begins.append(begin)
                self._ends.append(end)

    def shared(self, begin: float, end: float) -> float:
        """Seconds of an interval that lie in these."""
        number, found = max(bisect.bisect_right(self._begins, begin) - 1, 0), 0.0
        while number < len(self._begins) and self._begins[number] < end:
            found += max(0.0, min(end, self._ends[number]) - max(begin, self._begins[number]))
            number += 1
        return found


def generate(home: Path, url: str) -> None:
    """The run itself, as `mlesmith generate -m` does it, with workers that are watched."""
    from generators.runs import crew as crews
    from mlesmith_env.cli import script

    named = crews.crew_name

    def watched(_: str, settings: Mapping[str, Any]) -> str:
        return named(f"{__spec__.name}:{crew.__name__}", {**settings, "timeline": str(home / "timeline.json")})

    crews.crew_name = watched
    asks = ["-m", "openai/scripted", "--api-base", url]
    sys.argv[1:] = ["generate", str(home / "raw"), "--each", "--out", str(home / "pool"), *asks]
    script()


def crew(timeline: str, **settings: Any) -> Any:
    """The crew of a worker that is watched from here on."""
    from benchmarks.timeline import Timeline

    watched = Timeline(RULES)
    watched.start()
    atexit.register(watched.write, Path(timeline))
    from mlesmith_env import model_crew

    return model_crew.crew(**settings)


if __name__ == "__main__":
    generate(Path(sys.argv[1]), sys.argv[2])
