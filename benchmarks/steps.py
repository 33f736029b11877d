"""What an environment costs beside the agent's own code: reset, a step that prints, a step that is graded.

The overhead of a printing step is its whole time less the time inside the sandbox, taken from the same steps; the bare
round trip of the kernel is measured beside it, in turn with the steps, on a sandbox of its own.
"""

from __future__ import annotations

import statistics
import time

import gymnasium as gym
from rich.console import Console
from rich.table import Table

import mlesmith_env  # noqa: F401 - registers the environment
from sandboxes.local import LocalSandbox

TASK = "builtin:breast-cancer"
PRINTS = 200
RESETS = 10
GRADES = 20
GRADED = """
import pandas as pd
sample = pd.read_csv("public/sample_submission.csv")
sample.iloc[:, 1] = (sample.iloc[:, 1] + {n} / 1000) % 1
sample.to_csv("submission.csv", index=False)
"""


def milliseconds(seconds: list[float]) -> list[str]:
    ordered = sorted(seconds)
    at = [statistics.median(ordered), ordered[0], ordered[int(0.95 * (len(ordered) - 1))]]
    return [f"{1000 * value:.2f}" for value in at]


def main() -> None:
    rows: dict[str, list[float]] = {name: [] for name in ("reset", "of it, sandbox start", "close")}
    env = gym.make("MLESmith-v0", task=TASK, max_steps=PRINTS + 5)
    env.reset(seed=0)
    for n in range(RESETS):
        started = time.perf_counter()
        _, info = env.reset(seed=n)
        rows["reset"].append(time.perf_counter() - started)
        rows["of it, sandbox start"].append(info["timing"]["sandbox_s"])

    bare = LocalSandbox()
    bare.start()
    names = ("bare round trip, print(1)", "step with print(1)", "of it, sandbox", "of it, the environment's own")
    rows.update({name: [] for name in names})
    for n in range(PRINTS):
        started = time.perf_counter()
        bare.execute("print(1)")
        between = time.perf_counter()
        _, _, _, _, info = env.step({"type": "run_code", "code": "print(1)"})
        ended = time.perf_counter()
        if n >= 5:  # the first ones warm up
            rows[names[0]].append(between - started)
            rows[names[1]].append(ended - between)
            rows[names[2]].append(info["timing"]["sandbox_s"])
            rows[names[3]].append(ended - between - info["timing"]["sandbox_s"])
    bare.close()

    rows["step that writes a submission and has it graded"] = []
    rows["of it, grading"] = []
    env.reset(seed=0)
    for n in range(GRADES):  # other values each time: the same bytes are graded once
        started = time.perf_counter()
        _, _, _, _, info = env.step({"type": "run_code", "code": GRADED.format(n=n)})
        rows["step that writes a submission and has it graded"].append(time.perf_counter() - started)
        rows["of it, grading"].append(info["timing"]["grade_s"])
    started = time.perf_counter()
    env.close()
    rows["close"].append(time.perf_counter() - started)

    table = Table("milliseconds", "median", "min", "p95", "n", title=f"Steps of {TASK}")
    for name, values in rows.items():
        table.add_row(name, *milliseconds(values), str(len(values)))
    Console().print(table)
