"""The attack suite at the command line: which sandboxes are attacked, and what is printed of it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.text import Text

from sandboxes.attacks import AttackResult, Group, Outcome, Target, run_attacks
from sandboxes.attacks.ordinary_user import run_as_ordinary_user

_EVERYWHERE_S = 600.0
_METRIC = """
class InvalidSubmissionError(ValueError): ...


class AccuracyMetric:
    higher_is_better = True

    def evaluate(self, y_true, y_pred):
        return float((y_true["y"].to_numpy() == y_pred["y"].to_numpy()).mean())

    def validate_submission(self, submission, ground_truth):
        return "fine"
"""


@dataclass(frozen=True, slots=True)
class Attacked:
    """One target and what the suite made of it."""

    target: str
    results: tuple[AttackResult, ...] = ()
    skipped: str = ""
    """Why the target was not attacked."""

    @property
    def leaks(self) -> int:
        """Attacks that got through where the level is meant to stop them."""
        return sum(result.leak for result in self.results)


def attack(*, everywhere: bool, on_result: Callable[[str, AttackResult], None] | None = None) -> list[Attacked]:
    """Attack the sandbox that this machine gives by default; `everywhere`: also at every other level that it offers, in
    a container where an engine answers, and all of that once more as an ordinary user where this is root."""
    from generators.competitions.graders import graders

    found = []
    with _grader() as read:
        for target, refusal in _targets(everywhere):
            if refusal:
                found.append(Attacked(target.name, skipped=refusal))
                continue
            graders.close()  # else an idle one ends by itself meanwhile and counts as machinery that was ended
            aimed = Target(target.name, target.factory, read)
            heard = None if on_result is None else partial(on_result, target.name)
            found.append(Attacked(target.name, run_attacks(aimed, on_result=heard)))
    if everywhere and os.geteuid() == 0:
        found += _as_ordinary_user()
    return found


def to_json(attacked: Sequence[Attacked]) -> list[dict[str, Any]]:
    """JSON data; `from_json` reads it."""
    return [{**asdict(one), "leaks": one.leaks} for one in attacked]


def from_json(data: Sequence[dict[str, Any]]) -> list[Attacked]:
    """What `to_json` wrote."""
    return [
        Attacked(
            one["target"],
            tuple(
                AttackResult(**{**found, "group": Group(found["group"]), "outcome": Outcome(found["outcome"])})
                for found in one["results"]
            ),
            one["skipped"],
        )
        for one in data
    ]


def show(attacked: Sequence[Attacked]) -> None:
    """Print one table for each target, group by group; what leaked is red."""
    from mlesmith_env.cli import output

    out = output.stdout()
    for one in attacked:
        out.print(f"\nAttacks on {one.target}", style="bold", markup=False)
        if one.skipped:
            out.print(f"not attacked: {one.skipped}", markup=False)
            continue
        for group in Group:
            rows = [_row(result) for result in one.results if result.group is group]
            if rows:
                out.print(output.table(["", group.value, "evidence"], rows))
        out.print(summary(one), markup=False, style="red" if one.leaks else "green")


def summary(one: Attacked) -> str:
    """One line: how many attacks, how many leaks, what is open by design."""
    known = sum(bool(result.known_open) for result in one.results)
    idle = sum(result.outcome is Outcome.NOT_APPLICABLE for result in one.results)
    parts = [f"{one.leaks} leaks", f"{known} open by design", f"{idle} not applicable"]
    return f"{one.target}: {len(one.results)} attacks, {', '.join(parts)}"


def _row(result: AttackResult) -> list[str | Text]:
    if result.known_open:
        return [Text("open", "yellow"), result.name, f"{result.evidence}; by design: {result.known_open}"]
    style = {Outcome.LEAK: "bold red", Outcome.SHUT: "green", Outcome.NOT_APPLICABLE: "dim"}[result.outcome]
    return [Text(result.outcome.value, style), result.name, result.evidence]


def _targets(everywhere: bool) -> Iterator[tuple[Target, str]]:
    """Targets, each with the reason why it cannot be attacked here, empty where it can."""
    from sandboxes.isolation import host_report, probe
    from sandboxes.local import LocalSandbox
    from sandboxes.sandbox import IsolationLevel

    user = "root" if os.geteuid() == 0 else "an ordinary user"
    offered = {level: probe(level) for level in (IsolationLevel.NAMESPACES, IsolationLevel.LANDLOCK)}
    best = host_report().level
    for level, found in offered.items():
        if everywhere or level is best:
            name = f"local, level {level.value}, as {user}"
            yield Target(name, partial(LocalSandbox, isolation=level.value)), "" if found.ok else found.detail
    if best not in offered and not everywhere:
        yield (
            Target("local", LocalSandbox),
            "this host offers no isolation: there is nothing to attack",
        )
    if everywhere:
        yield _docker(f"docker, as {user}")


def _docker(name: str) -> tuple[Target, str]:
    from sandboxes.errors import SandboxError
    from sandboxes.limits import Limits
    from sandboxes.local import LocalSandbox

    try:
        factory = importlib.import_module("sandboxes.docker").DockerSandbox
        sandbox = factory(public=None, limits=Limits(), seed=0)
    except ImportError as error:
        return Target(name, LocalSandbox), f"not installed: {error}"
    try:
        sandbox.start()
    except SandboxError as error:
        return Target(name, factory), str(error)
    finally:
        sandbox.close()
    return Target(name, factory), ""


def _as_ordinary_user() -> list[Attacked]:
    program = "from mlesmith_env.cli import main\nmain(['doctor', '--attack', '--everywhere', '--json'])"
    try:
        done = run_as_ordinary_user(program, timeout_s=_EVERYWHERE_S)
        return from_json(json.loads(done.stdout)["attacks"])
    except (OSError, ValueError, KeyError) as error:
        return [Attacked("as an ordinary user", skipped=f"it could not be run: {error}")]


@contextlib.contextmanager
def _grader() -> Iterator[Callable[[bytes], str]]:
    """Grading as in an episode, of a competition of three rows."""
    from generators.competitions.card import (
        Card,
        Modality,
        Objective,
        Parts,
        Provenance,
        Split,
        SubmissionForm,
    )
    from generators.competitions.grade import Part
    from generators.competitions.grading import grade
    from generators.competitions.package import ANSWERS, METRIC, SAMPLE_SUBMISSION, write_card

    with tempfile.TemporaryDirectory(prefix="mlesmith-attack-") as folder:
        root = Path(folder)
        for name, text in (
            (METRIC, _METRIC),
            (ANSWERS, "id,y\n1,0\n2,1\n3,0\n"),
            (SAMPLE_SUBMISSION, "id,y\n1,0\n2,0\n3,0\n"),
        ):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        card = Card(
            id="attacked",
            title="A competition to attack",
            summary="Three rows.",
            modality=Modality.TABULAR,
            objective=Objective.BINARY,
            targets=("y",),
            ids=("id",),
            classes=("0", "1"),
            metric="AccuracyMetric",
            higher_is_better=True,
            form=SubmissionForm.LABEL,
            split=Split(kind="random", train_rows=0, test_rows=3),
            parts=Parts(key="attacked"),
            provenance=Provenance(source="none", raw_digest="none"),
        )
        write_card(root, card)

        def read(data: bytes) -> str:
            grades = grade(root, data, part=Part.ALL)
            return f"{grades.outcome.value} {grades.reason}".strip()

        yield read
