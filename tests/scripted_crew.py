"""Roles with a scripted model for workers of a run, and what that model says about any part of the table of orders."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.model_server import ChatRequest, Fault, FaultKind, FaultRule, ScriptedModel
from generators.runs.casting import Casting
from generators.runs.crew import Crew
from generators.runs.llm_crew import llm_crew
from tests.scripted_roles import DESCRIPTION, PREPARE, call, finish, idea, opinion, orders_table

SAID: dict[str, list[Any]] = {
    "You propose": [call("list_files"), finish(proposals=[idea()])],
    "You write": [
        call("write_file", path="prepare.py", text=PREPARE),
        call("write_file", path="description.md", text=DESCRIPTION),
        finish(how="Orders as they are."),
    ],
}
VAGUE = {
    "axis": "quality",
    "severity": "major",
    "message": "The question does not say what a status is.",
    "source": "description",
    "quote": "Predict the `status` of each order",
    "blame": "refactor",
}
"""What a reviewer holds against a package."""
CALLS = 6
"""Replies that a dataset takes from its beginning to its judgement."""
FAULTS = (
    Fault(kind=FaultKind.STATUS, status=500),
    Fault(kind=FaultKind.STATUS, status=429, retry_after_s=0.02),
    Fault(kind=FaultKind.CUT_BEFORE),
    Fault(kind=FaultKind.CUT_MIDDLE),
    Fault(kind=FaultKind.MALFORMED_BODY),
)
SLOW = Fault(kind=FaultKind.SLOW, seconds=0.5)
ATTEMPTS = 2


def play(request: ChatRequest) -> Any:
    """The replies of each role; every third or so of the packages is not good enough for the reviewer."""
    if request.system.startswith("You judge"):
        drawn = hashlib.sha256(request.conversation.encode()).digest()[0]
        return finish(**(opinion(3.0, VAGUE) if drawn % 3 == 0 else opinion(4.5)))
    return next(said for head, said in SAID.items() if request.system.startswith(head))[request.said]


def faulty(seed: int) -> ScriptedModel:
    """One call in ten fails, in any of five ways, and one in fifty is answered slowly."""
    rules = [FaultRule(rate=0.1 / len(FAULTS), fault=fault) for fault in FAULTS]
    return ScriptedModel(play, faults=[*rules, FaultRule(rate=0.02, fault=SLOW)], seed=seed)


def chat(api_base: str, run: ModelRun) -> ModelChat:
    """A chat that gives up after two attempts, so that both kinds of end are there."""
    options = ChatOptions(api_base=api_base, attempts=ATTEMPTS, first_wait_s=0.01, longest_wait_s=0.02, timeout_s=60)
    return ModelChat("openai/scripted", options, run=run)


def crew(record: str, api_base: str) -> Crew:
    """The crew of a worker, without the trial."""
    return llm_crew(chat(api_base, ModelRun(record=Path(record), mode="resume")), Casting())


def write_orders(folder: Path, datasets: int) -> list[Path]:
    """Raw datasets in folders of their own, no two of the same orders."""
    whole, made = orders_table(), []
    for number in range(datasets):
        made.append(folder / f"shop-{number:02}")
        made[-1].mkdir(parents=True)
        whole.sample(400, random_state=number).to_csv(made[-1] / "orders.csv", index=False)
    return made
