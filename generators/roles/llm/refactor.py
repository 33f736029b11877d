"""The Refactor with a model: what the rules cannot bring to the standard a model mends, until every assertion holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from generators.chat.messages import Chat, Purpose
from generators.competitions.package import read_card
from generators.competitions.solutions import SOLUTION_FILES
from generators.errors import CompetitionError, ModelError
from generators.finding import Blame, Finding, Layer
from generators.roles.llm.bench import WRITTEN, Bench
from generators.roles.llm.dialogue import Dialogue, Objection
from generators.roles.llm.ideas import Line
from generators.roles.llm.prompting import finding_list, prompt
from generators.roles.protocols import Draft, Refactor
from generators.roles.rules import RulesRefactor
from generators.roles.transcripts import Transcripts

ROLE = "refactor"
STEPS = 15

Check = Callable[[Path, Path], Sequence[Finding]]
"""The errors that assertions find in the package in the first folder, made of the raw data in the second one."""


class Mended(BaseModel):
    """The answer: the package is mended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: Line = Field(description="What was changed, in a sentence.")


class LLMRefactor:
    """Brings a draft to the standard by rules, and by a model where that does not do. A draft whose code or question
    is at fault stays as it is: that is for others to mend. Raises `ModelError` and `BudgetSpent` as the chat does; at
    the former too the draft is as the rules made it, for another backend to take over."""

    def __init__(
        self,
        chat: Chat,
        *,
        check: Check,
        rules: Refactor | None = None,
        steps: int = STEPS,
        transcripts: Transcripts | None = None,
    ) -> None:
        """`rules`: what needs no model, done first and after each change. `steps`: replies of the model at most."""
        self._chat = chat
        self._check = check
        self._rules = RulesRefactor() if rules is None else rules
        self._steps = steps
        self._transcripts = transcripts

    def refactor(self, draft: Draft, findings: Sequence[Finding] = ()) -> Draft:
        """The draft in its folder, at the standard; without its raw data only as far as the rules bring it.

        Where the model cannot mend it in its steps, it is left as the rules made it, for verification to reject.
        """
        draft = self._rules.refactor(draft, findings)
        if draft.raw is None:
            return draft
        errors = self._check(draft.root, draft.raw)
        if any(error.blame is not Blame.REFACTOR for error in errors):
            return draft
        asked = [*errors, *(finding for finding in findings if finding.layer is not Layer.ASSERTION)]
        return self._mend(draft, draft.raw, asked) if asked else draft

    def _mend(self, draft: Draft, raw: Path, asked: Sequence[Finding]) -> Draft:
        root = draft.root
        before = _written(root)
        bench = Bench(root, raw, before_metric=lambda: "")
        made = [draft]

        def check(_: Mended) -> Sequence[Objection]:
            if before == _written(root):
                return [Objection("nothing has been changed yet")]
            problem, data = bench.prepare()
            if problem:
                return [Objection(problem, data)]
            try:
                made[0] = self._rules.refactor(draft)
            except CompetitionError as error:
                return [Objection("the package cannot be brought to the standard:", bench.described(str(error)))]
            errors = self._check(root, raw)
            return [Objection(f"the check {error.check} fails:", finding_list([error])) for error in errors]

        def put_back() -> Draft:
            for name in _written(root).keys() - before.keys():
                (root / name).unlink()
            for name, data in before.items():
                (root / name).write_bytes(data)
            bench.prepare()
            return self._rules.refactor(draft)

        dialogue = Dialogue(
            chat=self._chat,
            purpose=Purpose(ROLE, root.name),
            system=prompt("refactor.system"),
            task=prompt("refactor.task", findings=finding_list(asked), files=WRITTEN),
            answer=Mended,
            check=check,
            capabilities=bench.capabilities(),
            steps=self._steps,
            transcripts=self._transcripts,
        )
        try:
            outcome = dialogue.hold()
        except ModelError:
            put_back()
            raise
        if outcome.answer is not None:
            return Draft(root=root, card=read_card(root), proposal=draft.proposal, raw=raw)
        return put_back()


def _written(root: Path) -> dict[str, bytes]:
    """What the model can change."""
    return {name: (root / name).read_bytes() for name in (*WRITTEN, *SOLUTION_FILES) if (root / name).is_file()}
