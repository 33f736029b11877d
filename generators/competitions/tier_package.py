"""The package of a tier: a whole competition made smaller, with its own answers and its own budget."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from generators.competitions.card import Budget, Card
from generators.competitions.grade import Part
from generators.competitions.package import (
    DESCRIPTION,
    METRIC,
    PREPARE,
    PRIVATE,
    PUBLIC,
    TEST,
    TESTS,
    TRAIN,
    Competition,
    put_description,
    read_answers,
    write_card,
)
from generators.competitions.parts import choose_key, part_mask
from generators.competitions.prepare_file import PREPARE_LIMITS, embed_description, prepare_tier
from generators.competitions.solutions import SOLUTIONS, TABLE_FORMS, has_solutions
from generators.competitions.tiers import FULL, TIERS, check_tier, is_within, tier_id
from generators.errors import CompetitionError
from generators.repeatable import repeatable
from sandboxes.script import run_function

MIN_TRAIN_ROWS = 50
MIN_TEST_ROWS = 50
MIN_GROUPS = 5
"""Groups in either part, where the split is by group: fewer are no sample of entities."""

Describe = Callable[[Card, Path], str]
"""Writes the description of the package in a folder, prepared for a card."""


def derive_tier(
    whole: Path, raw: Path, root: Path, tier: str, *, test_rows: int | None = None, describe: Describe | None = None
) -> Card:
    """Write the package of a tier into the empty folder `root` and give its card, which has no scores yet.

    `whole` is the package of the whole competition, `raw` the raw data it was made from. `test_rows` is one of the
    tier's numbers of test rows, the first by default. `describe` writes the description; without it the whole
    competition's is taken, with a note. The same input gives the same bytes.

    Raises `CompetitionError` with the reason where no tier can be made: the competition is as small already, classes
    or groups do not fit into so few rows, or its prepare.py fails. Raises `ValueError` where `root` is not an empty
    folder, `SandboxError` where the machinery fails.
    """
    card = Competition.load(whole).card
    size = TIERS[check_tier(tier)] if tier != FULL else None
    if size is None or is_within(card, tier) or card.tier != FULL:
        raise CompetitionError(
            f"{card.id} has {card.split.train_rows:,} training rows: it is as small as the tier {tier} already"
        )
    if any(root.iterdir()):
        raise ValueError(f"{root} is not empty; a package is written into an empty folder")
    if len(card.targets) != 1:
        raise CompetitionError(f"{card.id} has {len(card.targets)} targets; tiers are made of competitions with one")
    for name in (PREPARE, METRIC, TESTS, DESCRIPTION):
        shutil.copyfile(whole / name, root / name)
    if has_solutions(whole):
        shutil.copytree(whole / SOLUTIONS, root / SOLUTIONS)
    group = card.split.columns[0] if card.split.kind == "grouped" and card.split.columns else ""
    prepare_tier(
        root / PREPARE,
        tier=tier,
        sizes={"train_rows": size.train_rows, "test_rows": test_rows or size.test_rows[0]},
        arguments={
            "ids": list(card.ids),
            "label": card.targets[0] if card.classes and card.form in TABLE_FORMS else "",
            "group": group,
            "seed": card.split.seed,
        },
    )
    _run_prepare(root, raw)
    train, test = (_text_table(root / path) for path in (TRAIN, TEST))
    _check_rows(card, tier, train, test, group)
    made = card.model_copy(
        update={
            "id": tier_id(card.id, tier),
            "tier": tier,
            "split": card.split.model_copy(update={"train_rows": len(train), "test_rows": len(test)}),
            "budget": Budget(run_s=min(size.run_s, card.budget.run_s), steps=card.budget.steps),
            "scores": None,
            "difficulty": None,
        }
    )
    made = made.model_copy(update={"parts": made.parts.model_copy(update={"key": _key(root, made)})})
    write_card(root, made)
    if describe is not None:
        text = describe(made, root)
    else:
        text = _noted(card, made, (whole / DESCRIPTION).read_text(encoding="utf-8"))
    (root / DESCRIPTION).write_text(text, encoding="utf-8", newline="\n")
    put_description(root, text)
    embed_description(root / PREPARE, text)
    return made


def _run_prepare(root: Path, raw: Path) -> None:
    folders = {name: root / name for name in (PUBLIC, PRIVATE)}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    result = run_function(
        root / PREPARE,
        "prepare",
        arguments={"raw": raw, **folders},
        readable=[raw],
        writable=[*folders.values()],
        limits=PREPARE_LIMITS,
    )
    if not result.ok:
        what = f"{result.error_types[0]}: {result.error_message}" if result.error_types else result.status
        raise CompetitionError(repeatable(f"prepare.py of the tier fails: {what}", {root: "", raw: "raw"}))


def _text_table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _check_rows(card: Card, tier: str, train: pd.DataFrame, test: pd.DataFrame, group: str) -> None:
    """Raise `CompetitionError` where too little is left of the competition."""
    for what, rows, least in (("training", len(train), MIN_TRAIN_ROWS), ("test", len(test), MIN_TEST_ROWS)):
        # a part that was never larger is no fault of the tier
        whole = card.split.train_rows if what == "training" else card.split.test_rows
        if rows < min(least, whole):
            raise CompetitionError(f"{card.id}: only {rows} {what} rows fit into the tier {tier}; {least} are needed")
    if group:
        held = min(train[group].nunique(), test[group].nunique())
        if held < MIN_GROUPS:
            raise CompetitionError(
                f"{card.id}: whole groups of {group!r} are so large that only {held} fit into the tier {tier}; "
                f"{MIN_GROUPS} are needed"
            )
    if card.classes and card.form in TABLE_FORMS:
        lacking = len(card.classes) - train[card.targets[0]].nunique()
        if lacking > 0:
            said = f"{lacking} of {len(card.classes)} classes do not fit into the tier {tier}"
            raise CompetitionError(f"{card.id}: {said}")


def _key(root: Path, card: Card) -> str:
    """The whole competition's key, by which a row is in the same part in every tier; another one where that leaves a
    part without a class."""
    answers = read_answers(root, card)
    public = part_mask(answers, card, Part.PUBLIC)
    share = abs(float(public.mean()) - card.parts.public_fraction)
    labels = answers[card.targets[0]] if card.classes else pd.Series(np.zeros(len(answers)))
    if share <= 0.1 and labels[public].nunique() == labels[~public].nunique() == labels.nunique():
        return card.parts.key
    return choose_key(answers, card, seed=card.provenance.seed)


def _noted(whole: Card, made: Card, text: str) -> str:
    """The whole competition's description with the numbers of rows of the tier and a note."""
    for before, after in (
        (whole.split.train_rows, made.split.train_rows),
        (whole.split.test_rows, made.split.test_rows),
    ):
        for shown, name in ((f"{before:,}", f"{after:,}"), (str(before), str(after))):
            text = text.replace(f"| {shown} |", f"| {name} |")
    note = (
        f"This is the tier {made.tier} of a larger competition: {made.split.train_rows:,} of "
        f"{whole.split.train_rows:,} training rows and {made.split.test_rows:,} of {whole.split.test_rows:,} test "
        "rows, in the same columns and judged in the same way. Figures above that describe the data are those of the "
        "whole competition."
    )
    return f"{text.rstrip()}\n\n## Size\n\n{note}\n"
