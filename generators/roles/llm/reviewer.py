"""The Reviewer with a model: a judge on five axes, who is given the computed evidence and must prove objections."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from generators.chat.messages import Chat, Purpose
from generators.competitions.card import Card
from generators.competitions.package import (
    DESCRIPTION,
    METRIC,
    PREPARE,
    PUBLIC,
    PUBLIC_DESCRIPTION,
    SAMPLE_SUBMISSION,
    TEST,
    TRAIN,
    read_card,
)
from generators.competitions.solutions import SOLUTION_FILES
from generators.competitions.tiers import FULL
from generators.errors import CompetitionError, ModelError
from generators.finding import CheckOutcome, CheckResult, Layer, outcome_of
from generators.roles.llm.capability import Arguments, CallRefused, Capability, Said
from generators.roles.llm.dialogue import Dialogue
from generators.roles.llm.file_summary import file_lines
from generators.roles.llm.opinion import ADMITTED, CHECK, Opinion, findings_of, unproven
from generators.roles.llm.prompting import prompt
from generators.roles.llm.python_session import PythonSession
from generators.roles.protocols import Reviewer
from generators.roles.rules import RulesReviewer
from generators.roles.transcripts import Transcripts

ROLE = "reviewer"
STEPS = 15
EVIDENCE = "computed evidence"
_SHOWN = 12_000
_COLUMNS = 60
_BYTES = 8000


class ReadMaterial(Arguments):
    """Read more of a material than the task shows."""

    name: str
    start: int = Field(0, ge=0, description="Characters to pass over.")
    size: int = Field(4000, ge=1, le=_BYTES)


class LLMReviewer:
    """Judges a package after the rules have: what they find is an error stays one, and costs no call of a model."""

    def __init__(
        self,
        chat: Chat,
        *,
        evidence: Reviewer | None = None,
        steps: int = STEPS,
        transcripts: Transcripts | None = None,
    ) -> None:
        """`evidence`: computes what the judge is given, and may reject by itself; the rules' reviewer by default."""
        self._chat = chat
        self._evidence = RulesReviewer() if evidence is None else evidence
        self._steps = steps
        self._transcripts = transcripts

    def review(self, root: Path) -> Sequence[CheckResult]:
        """The computed checks, and the judgement on five axes; admitted where the mean is 4.0 or more.

        A tier is judged by the computed checks alone: its words and its question are those of the whole competition,
        which was judged. Raises `ModelError` where the provider fails or the model gives no judgement that holds,
        which is never a verdict; `CompetitionError` where the package cannot be read.
        """
        computed = tuple(self._evidence.review(root))
        card = read_card(root)
        if card.tier != FULL or any(result.outcome is CheckOutcome.FAILED for result in computed):
            return computed
        started = time.perf_counter()
        opinion = self._judge(root, card, computed)
        findings = findings_of(opinion)
        judged = CheckResult(
            layer=Layer.REVIEW,
            check=CHECK,
            outcome=outcome_of(findings),
            findings=findings,
            figures={
                **opinion.scores,
                "mean": opinion.mean,
                "needed": ADMITTED,
                "model": self._chat.model,
                "why": {axis: getattr(opinion, axis).why for axis in opinion.scores},
            },
            seconds=round(time.perf_counter() - started, 6),
        )
        return (*computed, judged)

    def _judge(self, root: Path, card: Card, computed: Sequence[CheckResult]) -> Opinion:
        materials = _materials(root, card, computed)

        def read(asked: ReadMaterial) -> Said:
            text = materials.get(asked.name)
            if text is None:
                raise CallRefused(f"there is no material {asked.name!r}; there are: {', '.join(materials)}")
            part = text[asked.start : asked.start + asked.size]
            return Said(f"{len(part)} of {len(text)} characters, from number {asked.start} on.", part, limit=_BYTES)

        with PythonSession(root / PUBLIC) as session:
            outcome = Dialogue(
                chat=self._chat,
                purpose=Purpose(ROLE, root.name),
                system=prompt("reviewer.system", needed=ADMITTED),
                task=prompt("reviewer.task", materials=materials, shown=_SHOWN, needed=ADMITTED),
                answer=Opinion,
                check=lambda opinion: unproven(opinion, materials),
                capabilities=[
                    Capability("read_material", "Read part of a material.", ReadMaterial, read),
                    session.capability("What participants get"),
                ],
                steps=self._steps,
                transcripts=self._transcripts,
            ).hold()
        if outcome.answer is None:
            raise ModelError(
                f"the reviewer's model {self._chat.model} gave no judgement that holds in {outcome.steps} steps "
                f"({outcome.reason[:500]}); take another model, or --reviewer rules"
            )
        return outcome.answer


def _materials(root: Path, card: Card, computed: Sequence[CheckResult]) -> dict[str, str]:
    """What the judge sees, by the names under which it is quoted. Answers of test rows are not among it."""
    told = card.model_dump(mode="json", include=_CARD)
    evidence = [
        {
            "check": result.check,
            "outcome": result.outcome.value,
            "figures": result.figures,
            "findings": [f"{finding.message} {finding.evidence}".strip() for finding in result.findings],
        }
        for result in computed
    ]
    further = {path: _text(root / path) for path in SOLUTION_FILES if (root / path).is_file()}
    if card.file_columns:
        tables = {root / path for path in (TRAIN, TEST, SAMPLE_SUBMISSION, PUBLIC_DESCRIPTION)}
        rest = sorted(path for path in (root / PUBLIC).rglob("*") if path.is_file() and path not in tables)
        further["further public files"] = "\n".join(
            file_lines([path.relative_to(root / PUBLIC).as_posix() for path in rest])
        )
    return {
        "description": _text(root / DESCRIPTION),
        "prepare.py": _text(root / PREPARE),
        "metric.py": _text(root / METRIC),
        "card": json.dumps(told, ensure_ascii=False, indent=1),
        "train": _table(root / TRAIN),
        "test": _table(root / TEST),
        "sample submission": _table(root / SAMPLE_SUBMISSION),
        **further,
        EVIDENCE: "\n".join(json.dumps(one, ensure_ascii=False, default=str) for one in evidence),
    }


_CARD = {
    "title",
    "summary",
    "modality",
    "objective",
    "targets",
    "ids",
    "classes",
    "metric",
    "metric_parameters",
    "higher_is_better",
    "bounds",
    "form",
    "split",
}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CompetitionError(f"{path.name}: cannot be read: {error}") from None


def _table(path: Path) -> str:
    """Size, columns with their values, and the first rows."""
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    except (OSError, ValueError) as error:
        raise CompetitionError(f"{path.name}: cannot be read as a table: {error}") from None
    lines = [f"{len(frame)} rows, {frame.shape[1]} columns"]
    for name in frame.columns[:_COLUMNS]:
        column = frame[name]
        facts = f"{column.dtype}, {column.nunique()} distinct, {column.isna().mean():.1%} missing"
        if pd.api.types.is_numeric_dtype(column) and column.notna().any():
            facts += f", from {column.min():.6g} to {column.max():.6g}, mean {column.mean():.6g}"
        lines.append(f"- {name!r}: {facts}")
    if frame.shape[1] > _COLUMNS:
        lines.append(f"- and {frame.shape[1] - _COLUMNS} more columns")
    head = frame.iloc[:5, :_COLUMNS].map(lambda cell: cell[:200] if isinstance(cell, str) else cell)
    return "\n".join([*lines, "", head.to_csv(index=False, lineterminator="\n")])
