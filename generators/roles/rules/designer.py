"""The Designer without a language model: writes a package from templates, runs its `prepare.py`, fills the card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from generators.competitions.package import (
    ANSWERS,
    DESCRIPTION,
    METRIC,
    PREPARE,
    PRIVATE,
    PUBLIC,
    SAMPLE_SUBMISSION,
    TEST,
    TESTS,
    TRAIN,
    put_description,
    read_answers,
    write_card,
)
from generators.competitions.parts import choose_key
from generators.competitions.prepare_file import PREPARE_LIMITS
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.errors import CompetitionError
from generators.finding import Blame, Finding
from generators.parsing import parse_module
from generators.repeatable import repeatable
from generators.roles.proposal import Proposal
from generators.roles.protocols import Draft
from generators.roles.rules.describing import Counts, Tables, description
from generators.roles.rules.first_card import first_card
from generators.roles.rules.frames import assemble, with_target
from generators.roles.rules.measuring import metric_source, own_tests_source
from generators.roles.rules.preparing import prepare_source
from generators.roles.rules.targets import class_text, derive
from sandboxes.script import run_function

_SPLIT_TRIES = 5
_MIN_PER_CLASS = 2
"""Test rows of each class, so that both parts can hold it."""
_OF_THE_DRAW = frozenset(
    {
        "classes_as_declared",
        "ids_tell_nothing",
        "labels_known",
        "no_duplicates_across_split",
        "parts_usable",
        "row_order_tells_nothing",
    }
)
"""Findings about how the rows fell, which another seed may mend."""


class RulesDesigner:
    """Writes packages whose code a person could have written. Deterministic for a proposal, raw data and seed."""

    def design(
        self, proposal: Proposal, dataset: RawDataset, profile: DatasetProfile, root: Path, *, seed: int
    ) -> Draft:
        """A prepared package in the empty folder `root`.

        Raises `CompetitionError` where the generated code fails on the raw data, or no split gives every class enough
        test rows, or the proposal holds a plan or a metric in words; `ValueError` where `root` is not an empty folder.
        """
        if proposal.plan:
            raise CompetitionError(
                f"{proposal.slug}: its plan is in words, which templates cannot follow; take a designer with a model"
            )
        if proposal.domain_metric is not None:
            raise CompetitionError(
                f"{proposal.slug}: its metric {proposal.metric} is none of the library, and templates cannot write it; "
                "take a designer with a model"
            )
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise ValueError(f"{root} is not empty; a package is written into an empty folder")
        first = proposal.split.seed + seed
        for attempt in range(_SPLIT_TRIES):
            split_seed = first + 1000 * attempt
            self._prepare(proposal, dataset, profile, root, split_seed)
            tables = _public_tables(root)
            lacking = _lacking_classes(proposal, root, tables)
            if not lacking:
                break
        else:
            raise CompetitionError(
                f"{proposal.slug}: no {proposal.split.kind} split of {_SPLIT_TRIES} gives the test data "
                f"{_MIN_PER_CLASS} rows of class {', '.join(lacking)}"
            )
        rows = len(tables.train), len(tables.test)
        card = first_card(proposal, dataset, classes=proposal.classes, rows=rows, split_seed=split_seed, seed=seed)
        _write(root / METRIC, metric_source(card))
        card = card.model_copy(
            update={
                "parts": card.parts.model_copy(update={"key": choose_key(read_answers(root, card), card, seed=seed)})
            }
        )
        write_card(root, card)
        text = description(card, proposal, profile, tables, _counts(proposal, dataset, tables))
        _write(root / DESCRIPTION, text)
        put_description(root, text)
        _write(root / PREPARE, prepare_source(proposal, dataset, profile, description=text, seed=split_seed))
        _write(root / TESTS, own_tests_source(card, drop_duplicates=proposal.drop_duplicates))
        return Draft(root=root, card=card, proposal=proposal)

    def repair(
        self, draft: Draft, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile, root: Path
    ) -> Draft | None:
        """The package drawn with another seed where that can mend what was found, else None: the templates would only
        write the same again."""
        mine = [finding for finding in findings if finding.blame is Blame.DESIGNER]
        if not mine or not {finding.check for finding in mine} <= _OF_THE_DRAW:
            return None
        return self.design(draft.proposal, dataset, profile, root, seed=draft.card.provenance.seed + 1)

    def describe(self, draft: Draft, dataset: RawDataset, profile: DatasetProfile) -> str:
        """The description of the prepared package in the draft's folder, as its card and its tables now are."""
        tables = _public_tables(draft.root)
        counts = _counts(draft.proposal, dataset, tables)
        return description(draft.card, draft.proposal, profile, tables, counts)

    def _prepare(self, proposal: Proposal, dataset: RawDataset, profile: DatasetProfile, root: Path, seed: int) -> None:
        """Write prepare.py and run it, isolated and offline."""
        code = prepare_source(proposal, dataset, profile, description="to be written\n", seed=seed)
        _write(root / PREPARE, code)
        folders = {name: root / name for name in (PUBLIC, PRIVATE)}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        result = run_function(
            root / PREPARE,
            "prepare",
            arguments={"raw": dataset.root, **folders},
            readable=[dataset.root],
            writable=[*folders.values()],
            limits=PREPARE_LIMITS,
        )
        if not result.ok:
            what = f"{result.error_types[0]}: {result.error_message}" if result.error_types else result.status
            raise CompetitionError(
                repeatable(
                    f"prepare.py of {proposal.slug} fails on {dataset.name!r}: {what}\n{result.traceback}",
                    {root: "", dataset.root: "raw"},
                )
            )


def read_public(path: Path) -> pd.DataFrame:
    """A table of a package as its description says to read it: only an empty cell is missing."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)


def _public_tables(root: Path) -> Tables:
    return Tables(*(read_public(root / path) for path in (TRAIN, TEST, SAMPLE_SUBMISSION)))


def _lacking_classes(proposal: Proposal, root: Path, tables: Tables) -> list[str]:
    """Classes that training or test data hold too few rows of."""
    if not proposal.classes:
        return []
    target = proposal.target.name
    train = class_text(tables.train[target]).value_counts()
    test = class_text(read_public(root / ANSWERS)[target]).value_counts()
    return [c for c in proposal.classes if min(train.get(c, 0), test.get(c, 0)) < _MIN_PER_CLASS]


def _counts(proposal: Proposal, dataset: RawDataset, tables: Tables) -> Counts:
    """Where the raw rows went, step by step as in prepare.py."""
    rows = assemble(dataset, proposal.table, proposal.lookups)
    known = int(derive(rows, proposal.target).notna().sum())
    frame = with_target(rows, proposal.target, proposal.inputs)
    distinct = len(frame.drop_duplicates(list(proposal.inputs))) if proposal.drop_duplicates else len(frame)
    kept = len(tables.train) + len(tables.test)
    return Counts(len(rows), len(rows) - known, known - len(frame), len(frame) - distinct, distinct - kept)


def _write(path: Path, text: str) -> None:
    if path.suffix == ".py":
        parse_module(text, path.name)
    path.write_text(text, encoding="utf-8", newline="\n")
