"""Review of shortcuts: columns, ids, order, copies and files that tell an answer which should be learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from generators.competitions.card import Card
from generators.competitions.package import PUBLIC
from generators.finding import Blame, Finding, Severity
from generators.roles.rules import review_probes
from generators.roles.rules.file_probe import probe_files
from generators.roles.rules.neighbour_probe import neighbours
from generators.roles.rules.review_finding import Figures, finding
from generators.roles.rules.review_probes import Material
from generators.roles.rules.text_copies import text_copies

_MOST_SINGLES = 80
"""Columns that are probed one by one."""


def single_features(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    """A column that alone nearly gives the answer makes everything else idle."""
    skills = {name: review_probes.single_feature(material, name) for name in material.inputs[:_MOST_SINGLES]}
    if not skills:
        return
    strongest = max(skills, key=lambda name: skills[name])
    figures |= {"columns": len(skills), "strongest": strongest, "skill": round(skills[strongest], 6)}
    for name, skill in sorted(skills.items(), key=lambda item: -item[1]):
        evidence = f"skill {skill:.3f} of 1 on the test rows, with a tree on {name} alone"
        if skill >= 0.97:
            message = f"Column {name!r} alone nearly gives {card.targets[0]!r}."
            yield finding("single_feature_probe", Severity.ERROR, message, evidence, Blame.BRAINSTORMER)
        elif skill >= 0.9:
            message = f"Column {name!r} alone tells most of {card.targets[0]!r}."
            yield finding("single_feature_probe", Severity.WARNING, message, evidence, Blame.BRAINSTORMER)


def positions(material: Material, figures: Figures) -> Iterator[Finding]:
    """Neither an id nor the place of a row must tell its answer."""
    skill = review_probes.by_position(material)
    limit = max(0.1, 6 / np.sqrt(len(material.test)))
    figures |= {"skill": round(float(skill), 6), "chance": round(float(limit), 6)}
    if skill > limit:
        yield finding(
            "order_probe",
            Severity.ERROR if skill > 1.5 * limit else Severity.WARNING,
            "The ids or the order of the rows tell the target.",
            f"skill {skill:.3f} of 1 with a tree on the id or the place alone; chance reaches {limit:.3f}",
            Blame.DESIGNER,
        )


def duplicates(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    """A test row that repeats a training row asks for memory alone: equal rows, rows measured again, copied texts."""
    share, same = review_probes.nearest_duplicates(material)
    figures |= {"share": round(float(share), 6), "same_answer": round(float(same), 6)}
    near, copies = neighbours(material), text_copies(material)
    for probed in (near, copies):
        if probed is not None:
            figures |= {name: round(value, 6) for name, value in asdict(probed).items()}
    if share <= 0.05:
        if copies is not None and copies.telling:
            yield finding(
                "nearest_duplicate_probe",
                Severity.ERROR if copies.copied > 0.3 else Severity.WARNING,
                "Texts of test rows nearly repeat texts of training rows.",
                f"{copies.copied:.1%} of the test rows share at least 80 % of their wording with a training row, "
                f"{copies.same_answer:.1%} of these have the same answer, {copies.chance:.1%} of random pairs",
                Blame.DESIGNER,
            )
        if near is not None and near.telling:
            yield finding(
                "nearest_duplicate_probe",
                Severity.ERROR if near.close > 0.3 else Severity.WARNING,
                "Test rows lie on training rows.",
                f"{near.close:.1%} of the test rows lie within 2 % of the usual distance of a training row, "
                f"{near.same:.1%} of these have the same answer, {near.rest:.1%} of the others",
                Blame.DESIGNER,
            )
        return
    prior = float(np.bincount(material.test_truth).max() / len(material.test_truth)) if card.classes else 0.0
    # rows of few and coarse columns meet by chance; only where their answers agree do they give something away
    telling = same > prior + 0.5 * (1 - prior)
    yield finding(
        "nearest_duplicate_probe",
        Severity.ERROR if telling and share > 0.3 else Severity.WARNING if telling else Severity.INFO,
        "Test rows nearly repeat training rows.",
        f"{share:.1%} of the test rows equal a training row but for rounding, case and spaces; "
        f"{same:.1%} of these have the same answer",
        Blame.DESIGNER,
    )


def files(root: Path, material: Material, figures: Figures) -> Iterator[Finding]:
    """What is known of a file without opening it must not tell its answer, nor a copy of it among the others."""
    seen = probe_files(root / PUBLIC, material)
    if seen is None:
        return
    figures |= {
        "column": seen.column,
        "files": seen.files,
        "leaks": {leak.kind: round(leak.strength, 6) for leak in seen.leaks},
        **{name: round(value, 6) for name, value in asdict(seen.copies).items()},
        "shared": round(seen.shared, 6),
    }
    for leak in seen.leaks:
        severity = Severity.ERROR if leak.strength > 0.6 else Severity.WARNING
        message = f"The {leak.column} of a file tells its answer without opening it."
        yield finding("file_probe", severity, message, leak.evidence, Blame.DESIGNER)
    if seen.copies.telling:
        yield finding(
            "file_probe",
            Severity.ERROR if seen.copies.copied > 0.3 else Severity.WARNING,
            "Files of test rows nearly repeat files of training rows.",
            f"{seen.copies.copied:.1%} of the test files, {seen.copies.same_answer:.1%} of these with the same answer",
            Blame.DESIGNER,
        )
    if seen.shared > 0.05:
        message = "Files of one run of names stand in the training and in the test data."
        evidence = f"{seen.groups}; {seen.shared:.1%} of the test rows belong to a run that training rows are of"
        yield finding("file_probe", Severity.WARNING, message, evidence, Blame.BRAINSTORMER)


def drift(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    """Training and test rows that were drawn at random cannot be told apart."""
    group = card.split.columns[0] if card.split.kind == "grouped" and card.split.columns else ""
    area, column = review_probes.adversarial(material, group=group)
    figures |= {"roc_auc": round(float(area), 6), "column": column}
    test, train = len(material.test) / 2, len(material.train) / 2
    # four standard errors of the area under random order (Mann and Whitney 1947), on the half that is judged
    limit = max(0.7, 0.5 + 4 * float(np.sqrt((test + train + 1) / (12 * test * train))))
    figures["chance"] = round(limit, 6)
    if area > limit and card.split.kind in ("random", "stratified"):
        yield finding(
            "adversarial_validation",
            Severity.WARNING,
            "Training and test rows can be told apart.",
            f"ROC AUC {area:.3f}, mostly by {column!r}",
            Blame.DESIGNER,
        )
