"""The Designer with a model: writes a package's code and texts with tools until they run and fit together."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from generators.chat.messages import Chat, Purpose
from generators.competitions.card import Card, Parts
from generators.competitions.forms import cell_labels
from generators.competitions.package import (
    DESCRIPTION,
    METRIC,
    SAMPLE_SUBMISSION,
    TEST,
    TESTS,
    TRAIN,
    put_description,
    read_answers,
    write_card,
)
from generators.competitions.parts import choose_key
from generators.competitions.solutions import needs_solutions
from generators.competitions.tiers import FULL
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.errors import CompetitionError
from generators.finding import Finding
from generators.roles.llm.bench import Bench
from generators.roles.llm.dialogue import Dialogue, Objection
from generators.roles.llm.domain_metrics import about_bounds
from generators.roles.llm.exploring import Explorer
from generators.roles.llm.file_inputs import Rows, about_files
from generators.roles.llm.form_words import FORM_WORDS
from generators.roles.llm.ideas import Line
from generators.roles.llm.prompting import finding_list, prompt
from generators.roles.llm.python_session import PythonSession
from generators.roles.llm.solving import about_solutions
from generators.roles.llm.summary import overview
from generators.roles.proposal import Proposal, metric_of
from generators.roles.protocols import Draft
from generators.roles.rules.first_card import first_card
from generators.roles.rules.measuring import metric_source, own_tests_source
from generators.roles.transcripts import Transcripts

ROLE = "designer"
STEPS = 30
_PER_CLASS = 2
"""Test rows of each class, so that both parts of the answers can hold it."""


class Design(BaseModel):
    """The answer: the package is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: Line = Field(description="What prepare.py makes of the raw data, in a sentence.")
    classes: tuple[str, ...] = Field(
        (), description="Of a planned target: its classes in the order of probability columns, the positive one second."
    )


class LLMDesigner:
    """Writes packages by a model. Raises `ModelError` and `BudgetSpent` as the chat does."""

    def __init__(self, chat: Chat, *, steps: int = STEPS, transcripts: Transcripts | None = None) -> None:
        """`steps`: replies of the model at most."""
        self._chat = chat
        self._steps = steps
        self._transcripts = transcripts

    def design(
        self, proposal: Proposal, dataset: RawDataset, profile: DatasetProfile, root: Path, *, seed: int
    ) -> Draft:
        """A prepared package in the empty folder `root`.

        Raises `CompetitionError` where the model does not bring one about in its steps; `ValueError` where `root` is
        not an empty folder.
        """
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise ValueError(f"{root} is not empty; a package is written into an empty folder")
        work = _Work(proposal, dataset, root, seed)
        work.give_metric()
        task = prompt(
            "designer.task",
            proposal=proposal.model_dump_json(indent=2, exclude={"score", "slug"}),
            overview=overview(profile, dataset.other_files),
            how_read=_how_read(dataset),
            **work.form(),
        )
        return self._write(work, profile, task)

    def repair(
        self, draft: Draft, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile, root: Path
    ) -> Draft | None:
        """A new package in the empty folder `root` in which the model has mended what was found, or None where it
        could not in its steps."""
        work = _Work(draft.proposal, dataset, root, draft.card.provenance.seed)
        for name in work.bench.files:
            if (draft.root / name).is_file():
                (root / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(draft.root / name, root / name)
        task = prompt(
            "designer.repair",
            proposal=draft.proposal.model_dump_json(indent=2, exclude={"score", "slug"}),
            findings=finding_list(findings),
            **work.form(),
        )
        try:
            return self._write(work, profile, task)
        except CompetitionError:
            return None

    def describe(self, draft: Draft, dataset: RawDataset, profile: DatasetProfile) -> str:  # noqa: ARG002 - part of the role's contract
        """The description as it stands in the draft's folder, with the size said anew where it is that of a tier."""
        text = (draft.root / DESCRIPTION).read_text(encoding="utf-8")
        if draft.card.tier == FULL:
            return text
        split = draft.card.split
        note = (
            f"This is the tier {draft.card.tier} of a larger competition: {split.train_rows:,} training rows and "
            f"{split.test_rows:,} test rows, in the same columns and judged in the same way. Figures above that "
            "describe the data are those of the whole competition."
        )
        return f"{text.rstrip()}\n\n## Size\n\n{note}\n"

    def _write(self, work: _Work, profile: DatasetProfile, task: str) -> Draft:
        with PythonSession(work.dataset.root) as session:
            outcome = Dialogue(
                chat=self._chat,
                purpose=Purpose(ROLE, work.root.name),
                system=prompt("designer.system"),
                task=task,
                answer=Design,
                check=work.objections,
                capabilities=[
                    *work.bench.capabilities(),
                    *Explorer(work.dataset, profile).capabilities(),
                    session.capability("The raw data"),
                ],
                steps=self._steps,
                transcripts=self._transcripts,
            ).hold()
        if outcome.answer is None:
            raise CompetitionError(
                f"{work.proposal.slug}: no package came about in {outcome.steps} steps; {outcome.reason}"
            )
        return work.finished()


class _Work:
    """One package in the making, and what its answer is checked by."""

    def __init__(self, proposal: Proposal, dataset: RawDataset, root: Path, seed: int) -> None:
        self.proposal = proposal
        self.dataset = dataset
        self.root = root
        self.seed = seed
        self._classes = proposal.classes
        self._solutions = needs_solutions(self._card(0, 0))
        self.bench = Bench(root, dataset.root, before_metric=self._put_card, solutions=self._solutions)

    def form(self) -> dict[str, object]:
        """What the files must look like, for the prompts."""
        return {**_form(self.proposal, self.seed), "solutions": self._solutions}

    def give_metric(self) -> None:
        """Write metric.py and the package's tests from the library, so that the model need not."""
        card = self._card(0, 0)
        (self.root / METRIC).write_text(metric_source(card, metric_of(self.proposal)), encoding="utf-8", newline="\n")
        tests = own_tests_source(card, drop_duplicates=self.proposal.drop_duplicates)
        (self.root / TESTS).write_text(tests, encoding="utf-8", newline="\n")

    def objections(self, answer: Design) -> list[Objection]:
        """What speaks against the package as it lies there."""
        lacking = [name for name in self.bench.files if not (self.root / name).is_file()]
        if lacking:
            return [Objection(f"{', '.join(lacking)} must be written first")]
        if self.proposal.plan and answer.classes:
            self._classes = answer.classes
        problem, data, scores = self.bench.try_metric()
        if problem:
            return [Objection(problem, data)]
        found = self._about_tables()
        for name, told in scores.items():
            if "error" in told:
                found.append(Objection(f"metric.py does not score the {name} submission:", str(told["error"])))
        if not found:
            found += self._about_direction(float(scores["sample"]["score"]), float(scores["perfect"]["score"]))
        if not found and self._solutions:
            found += about_solutions(self.bench.solved(), higher=metric_of(self.proposal).higher_is_better)
        return found

    def finished(self) -> Draft:
        """The draft, with its card and the description where participants read it."""
        card = self._card(*(len(_read(self.root / name)) for name in (TRAIN, TEST)))
        key = choose_key(read_answers(self.root, card), card, seed=self.seed)
        card = card.model_copy(update={"parts": Parts(key=key)})
        write_card(self.root, card)
        put_description(self.root, (self.root / DESCRIPTION).read_text(encoding="utf-8"))
        return Draft(root=self.root, card=card, proposal=self.proposal)

    def _put_card(self) -> str:
        """Write the card as it stands; what stands in the way of reading the tables by it, or nothing."""
        try:
            card = self._card(*(len(_read(self.root / name)) for name in (TRAIN, TEST)))
            write_card(self.root, card)
            read_answers(self.root, card)
        except (CompetitionError, OSError, ValueError) as error:
            return self.bench.described(str(error))
        return ""

    def _about_tables(self) -> list[Objection]:
        train, test, sample = (_read(self.root / name) for name in (TRAIN, TEST, SAMPLE_SUBMISSION))
        proposal = self.proposal
        name, target = proposal.id_column, proposal.target.name
        found = []
        for path, frame, wanted in (
            (TRAIN, train, [name, *proposal.inputs, target]),
            (TEST, test, [name, *proposal.inputs]),
            (SAMPLE_SUBMISSION, sample, [name, *self._card(0, 0).prediction_columns]),
        ):
            if sorted(map(str, frame.columns)) != sorted(wanted):
                told = f"the columns of {path} must be these, in any order; below are those that it has:"
                found.append(Objection(told, f"wanted: {wanted}\nfound: {list(map(str, frame.columns))}"))
        if found:
            return found
        if proposal.classes or self._classes:
            card = self._card(len(train), len(test))
            named = cell_labels(read_answers(self.root, card)[target].map(str).tolist(), card.form)
            answers = Counter(label for labels in named for label in labels)
            few = [label for label in self._classes if answers.get(label, 0) < _PER_CLASS]
            if few:
                told = f"the test rows hold fewer than {_PER_CLASS} of these classes; split otherwise:"
                found.append(Objection(told, "\n".join(few)))
        if not found and proposal.file_columns:
            truth = read_answers(self.root, self._card(len(train), len(test))).set_index(name)[target]
            ordered = truth.reindex(test[name].map(str))
            found += about_files(self.root, self.dataset.root, proposal, Rows(train, test, ordered))
        return found

    def _about_direction(self, sample: float, perfect: float) -> list[Objection]:
        metric = metric_of(self.proposal)
        higher = metric.higher_is_better
        if (perfect > sample) if higher else (perfect < sample):
            return about_bounds(metric, sample, perfect) if self.proposal.domain_metric is not None else []
        told = (
            f"{self.proposal.metric} is better where it is {'higher' if higher else 'lower'}, but metric.py gives the "
            f"perfect submission {perfect:g} and the sample {sample:g}"
        )
        return [Objection(told)]

    def _card(self, train_rows: int, test_rows: int) -> Card:
        return first_card(
            self.proposal,
            self.dataset,
            classes=self._classes,
            rows=(train_rows, test_rows),
            split_seed=self.proposal.split.seed + self.seed,
            seed=self.seed,
            backend="llm",
        )


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    except (OSError, ValueError) as error:
        raise CompetitionError(f"{path.name}: cannot be read as a table: {error}") from None


def _how_read(dataset: RawDataset) -> str:
    """How each table is read, as code: what encoding, delimiter and missing values were found out to be."""
    from generators.datasets.readers import source

    told = []
    for table in dataset.tables:
        code = source(table.spec)
        told.append("\n".join([f"# {table.name}", *code.imports, code.function or "", f"rows = {code.expression}"]))
    return "\n\n".join(told)


def _form(proposal: Proposal, seed: int) -> dict[str, object]:
    """What the files must look like, for the prompts."""
    return {
        "id": proposal.id_column,
        "target": proposal.target.name,
        "inputs": list(proposal.inputs),
        "split": proposal.split,
        "seed": proposal.split.seed + seed,
        "metric": proposal.metric,
        "higher": metric_of(proposal).higher_is_better,
        "domain_metric": proposal.domain_metric,
        "submission": FORM_WORDS[proposal.form],
        "files": list(proposal.file_columns),
    }
