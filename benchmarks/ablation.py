"""What verification lets through when a layer, or the check meant for a defect, is switched off.

Every seeded defect is judged by all three layers first. Then the layer that caught it is left out, and then each check
that did, and the others are asked. The evidence of a package is gathered once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.seeded import Defect, catalogue, seeded
from generators.errors import CompetitionError
from generators.finding import CheckOutcome, CheckResult, Layer
from generators.roles.rules import RulesReviewer
from generators.verification.assertions import ASSERTIONS
from generators.verification.check import run_checks
from generators.verification.evidence import Evidence
from mlesmith_env.trial import ScriptedTrial


@dataclass
class Case:
    """A package with a defect, and what the layers say of it; the later ones are asked where it matters."""

    defect: Defect
    package: Path
    said: dict[Layer, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        raw = self.package.parent / "raw" if self.defect.raw else None
        self._evidence = Evidence(self.package.resolve(), raw)

    def caught(self, *, layer: Layer | None = None, checks: Collection[str] = ()) -> tuple[str, ...]:
        """The checks that stop this package with a layer and some checks switched off: those of the first layer that
        stops it, none where it slips through."""
        for one, judge in self._judges(checks).items():
            if one is not layer and (failed := judge()):
                return failed
        return ()

    def _judges(self, without: Collection[str]) -> dict[Layer, Callable[[], tuple[str, ...]]]:
        return {
            Layer.ASSERTION: lambda: _failed(lambda: run_checks(ASSERTIONS, self._evidence, without=without)),
            Layer.REVIEW: lambda: self._once(Layer.REVIEW, RulesReviewer().review, without),
            Layer.TRIAL: lambda: self._once(Layer.TRIAL, lambda root: ScriptedTrial(seeds=2)(root).checks, without),
        }

    def _once(
        self, layer: Layer, judge: Callable[[Path], Collection[CheckResult]], without: Collection[str]
    ) -> tuple[str, ...]:
        if layer not in self.said:
            self.said[layer] = _failed(lambda: judge(self.package))
        return tuple(name for name in self.said[layer] if name not in without)


def _failed(judge: Callable[[], Collection[CheckResult]]) -> tuple[str, ...]:
    """Names of the checks that failed. What breaks down lets nothing through: with a check switched off, those that
    build on it meet packages that they were never meant to see."""
    try:
        return tuple(result.check for result in judge() if result.outcome is CheckOutcome.FAILED)
    except (CompetitionError, AssertionError, ValueError, LookupError, AttributeError, OSError) as error:
        return (f"breaks down ({type(error).__name__})",)


def judge(defect: Defect) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Who catches the defect when all is on, and who when the layer or check of the key is off."""
    with tempfile.TemporaryDirectory() as folder:
        case = Case(defect, seeded(defect, Path(folder)))
        caught = case.caught()
        ablated = {f"layer {defect.layer.value}": case.caught(layer=defect.layer)}
        ablated |= {name: case.caught(checks=[name]) for name in caught}
    return caught, ablated


def main() -> None:
    defects = catalogue()
    slipped: dict[str, list[str]] = {}
    stopped: dict[str, list[str]] = {}
    table = Table("layer", "defect", "meant", "caught by", title=f"{len(defects)} seeded defects")
    missed = others = 0
    for defect in track(defects, "Judging", console=Console(stderr=True)):
        caught, ablated = judge(defect)
        right = caught == (defect.check,)
        missed += defect.check not in caught
        others += right is False and defect.check in caught
        if not right:
            table.add_row(defect.layer.value, defect.name, defect.check, ", ".join(caught) or "nobody")
        for off, still in ablated.items():
            (stopped if still else slipped).setdefault(off, []).append(defect.name)
    console = Console(width=160)
    alone = len(defects) - missed - others
    console.print(f"{len(defects)} defects: {alone} caught by the check meant for them alone, {others} by others too")
    if missed or others:
        console.print(table)
    ablation = Table("switched off", "caught by others", "slip through", "which", title="Ablation")
    for off in sorted({*slipped, *stopped}, key=lambda name: (not name.startswith("layer"), name)):
        names = slipped.get(off, [])
        ablation.add_row(off, str(len(stopped.get(off, []))), str(len(names)), ", ".join(names))
    console.print(ablation)
