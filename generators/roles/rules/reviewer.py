"""The Reviewer without a language model: computed evidence on shortcuts, metric, description and use of the data."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.grade import Outcome, Part
from generators.competitions.grading import grade_many
from generators.competitions.metrics import METRICS
from generators.competitions.package import PUBLIC, SAMPLE_SUBMISSION, TEST, TRAIN, Competition
from generators.errors import CompetitionError
from generators.finding import Blame, CheckResult, Finding, Layer, Severity, outcome_of
from generators.roles.rules import review_probes
from generators.roles.rules.file_probe import probe_files
from generators.roles.rules.neighbour_probe import neighbours
from generators.roles.rules.review_probes import Material, thinned
from generators.roles.rules.text_copies import text_copies

_MAX_SINGLES = 80
"""Columns that are probed one by one."""
_PRIVATE = re.compile(r"private/|test_answer", re.IGNORECASE)


class RulesReviewer:
    """Probes of the review layer, each with the figures that it rests on. Deterministic."""

    def review(self, root: Path) -> Sequence[CheckResult]:
        """Judge the complete package in `root`; the package's own metric runs only in the isolated grader.

        Raises `CompetitionError` where the package cannot be read, `SandboxError` where the grader's machinery fails.
        """
        competition = Competition.load(root)
        train, test = (_read(root / path) for path in (TRAIN, TEST))
        material = _material(competition, train, test)
        card = competition.card
        return (
            _result("single_feature_probe", lambda figures: _single_features(material, card, figures)),
            _result("order_probe", lambda figures: _positions(material, figures)),
            _result("nearest_duplicate_probe", lambda figures: _duplicates(material, card, figures)),
            _result("file_probe", lambda figures: _files(root, material, figures)),
            _result("adversarial_validation", lambda figures: _drift(material, card, figures)),
            _result("no_feature_prior", lambda figures: _priors(competition, train, figures)),
            _result("metric_fits_balance", lambda figures: _balance(competition, figures)),
            _result("description_complete", lambda figures: _description(competition, train, figures)),
            _result("use_of_data", lambda figures: _data_use(material, card, figures)),
        )


Figures = dict[str, Any]
"""What a probe measured, filled by it."""


def _result(check: str, probe: Callable[[Figures], Iterable[Finding]]) -> CheckResult:
    started = time.perf_counter()
    figures: Figures = {}
    findings = tuple(probe(figures))
    return CheckResult(
        layer=Layer.REVIEW,
        check=check,
        outcome=outcome_of(findings),
        findings=findings,
        figures=figures,
        seconds=round(time.perf_counter() - started, 6),
    )


def _finding(check: str, severity: Severity, message: str, evidence: str, blame: Blame) -> Finding:
    return Finding(layer=Layer.REVIEW, check=check, severity=severity, message=message, evidence=evidence, blame=blame)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    except (OSError, ValueError) as error:
        raise CompetitionError(f"{path.name}: cannot be read as a table: {error}") from None


def _material(competition: Competition, train: pd.DataFrame, test: pd.DataFrame) -> Material:
    card = competition.card
    ids, target = list(card.ids), card.targets[0]
    keyed = test.assign(**{name: test[name].map(str) for name in ids})
    answers = competition.answers()[[*ids, target]].rename(columns={target: "\0truth"})
    joined = answers.merge(keyed, on=ids)
    if not len(joined) == len(test) == len(answers):
        seen = f"{len(joined)} of {len(test)} test rows match one of {len(answers)} answers"
        raise CompetitionError(f"{TEST} and the answers are of other rows: {seen}")
    joined = joined.iloc[thinned(len(joined))]
    train = train[train[target].notna()]
    train = train.iloc[thinned(len(train))]
    inputs = [name for name in test.columns if name not in ids and name in train.columns]
    classes = card.form is not SubmissionForm.VALUE
    if classes:
        place = {label: number for number, label in enumerate(card.classes)}
        truth = _class_numbers(train[target], place), _class_numbers(joined["\0truth"], place)
    else:
        truth = train[target].to_numpy(dtype=float), joined["\0truth"].to_numpy(dtype=float)
    return Material(
        train=train[inputs].reset_index(drop=True),
        test=joined[inputs].reset_index(drop=True),
        train_truth=truth[0],
        test_truth=truth[1],
        train_ids=train[ids].reset_index(drop=True),
        test_ids=joined[ids].reset_index(drop=True),
        classes=classes,
    )


def _class_numbers(labels: pd.Series, place: dict[str, int]) -> np.ndarray:
    from generators.competitions.labels import match_labels

    return np.array([place.get(label, len(place)) for label in match_labels(labels.map(str), place)], dtype=int)


def _single_features(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    """A column that alone nearly gives the answer makes everything else idle."""
    skills = {name: review_probes.single_feature(material, name) for name in material.inputs[:_MAX_SINGLES]}
    if not skills:
        return
    strongest = max(skills, key=lambda name: skills[name])
    figures |= {"columns": len(skills), "strongest": strongest, "skill": round(skills[strongest], 6)}
    for name, skill in sorted(skills.items(), key=lambda item: -item[1]):
        evidence = f"skill {skill:.3f} of 1 on the test rows, with a tree on {name} alone"
        if skill >= 0.97:
            message = f"Column {name!r} alone nearly gives {card.targets[0]!r}."
            yield _finding("single_feature_probe", Severity.ERROR, message, evidence, Blame.BRAINSTORMER)
        elif skill >= 0.9:
            message = f"Column {name!r} alone tells most of {card.targets[0]!r}."
            yield _finding("single_feature_probe", Severity.WARNING, message, evidence, Blame.BRAINSTORMER)


def _positions(material: Material, figures: Figures) -> Iterator[Finding]:
    skill = review_probes.by_position(material)
    limit = max(0.1, 6 / np.sqrt(len(material.test)))
    figures |= {"skill": round(float(skill), 6), "chance": round(float(limit), 6)}
    if skill > limit:
        yield _finding(
            "order_probe",
            Severity.ERROR if skill > 1.5 * limit else Severity.WARNING,
            "The ids or the order of the rows tell the target.",
            f"skill {skill:.3f} of 1 with a tree on the id or the place alone; chance reaches {limit:.3f}",
            Blame.DESIGNER,
        )


def _duplicates(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    share, same = review_probes.nearest_duplicates(material)
    figures |= {"share": round(float(share), 6), "same_answer": round(float(same), 6)}
    near, copies = neighbours(material), text_copies(material)
    for probed in (near, copies):
        if probed is not None:
            figures |= {name: round(value, 6) for name, value in asdict(probed).items()}
    if share <= 0.05:
        if copies is not None and copies.telling:
            yield _finding(
                "nearest_duplicate_probe",
                Severity.ERROR if copies.copied > 0.3 else Severity.WARNING,
                "Texts of test rows nearly repeat texts of training rows.",
                f"{copies.copied:.1%} of the test rows share at least 80 % of their wording with a training row, "
                f"{copies.same_answer:.1%} of these have the same answer, {copies.chance:.1%} of random pairs",
                Blame.DESIGNER,
            )
        if near is not None and near.telling:
            yield _finding(
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
    yield _finding(
        "nearest_duplicate_probe",
        Severity.ERROR if telling and share > 0.3 else Severity.WARNING if telling else Severity.INFO,
        "Test rows nearly repeat training rows.",
        f"{share:.1%} of the test rows equal a training row but for rounding, case and spaces; "
        f"{same:.1%} of these have the same answer",
        Blame.DESIGNER,
    )


def _files(root: Path, material: Material, figures: Figures) -> Iterator[Finding]:
    """What is known of a file without opening it must not tell its answer, nor a copy of it among the others."""
    seen = probe_files(root / PUBLIC, material)
    if seen is None:
        return
    figures |= {
        "column": seen.column,
        "files": seen.files,
        "leaks": {leak.kind: round(leak.strength, 6) for leak in seen.leaks},
        "copied": round(seen.copied, 6),
        "same_answer": round(seen.same_answer, 6),
        "shared": round(seen.shared, 6),
    }
    for leak in seen.leaks:
        severity = Severity.ERROR if leak.strength > 0.6 else Severity.WARNING
        message = f"The {leak.column} of a file tells its answer without opening it."
        yield _finding("file_probe", severity, message, leak.evidence, Blame.DESIGNER)
    if seen.copied > 0.05 and seen.same_answer > 0.5:
        yield _finding(
            "file_probe",
            Severity.ERROR if seen.copied > 0.3 else Severity.WARNING,
            "Files of test rows nearly repeat files of training rows.",
            f"{seen.copied:.1%} of the test files, {seen.same_answer:.1%} of these with the same answer",
            Blame.DESIGNER,
        )
    if seen.shared > 0.05:
        message = "Files of one run of names stand in the training and in the test data."
        evidence = f"{seen.groups}; {seen.shared:.1%} of the test rows belong to a run that training rows are of"
        yield _finding("file_probe", Severity.WARNING, message, evidence, Blame.BRAINSTORMER)


def _drift(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    group = card.split.columns[0] if card.split.kind == "grouped" and card.split.columns else ""
    area, column = review_probes.adversarial(material, group=group)
    figures |= {"roc_auc": round(float(area), 6), "column": column}
    test, train = len(material.test) / 2, len(material.train) / 2
    # four standard errors of the area under random order (Mann and Whitney 1947), on the half that is judged
    limit = max(0.7, 0.5 + 4 * float(np.sqrt((test + train + 1) / (12 * test * train))))
    figures["chance"] = round(limit, 6)
    if area > limit and card.split.kind in ("random", "stratified"):
        yield _finding(
            "adversarial_validation",
            Severity.WARNING,
            "Training and test rows can be told apart.",
            f"ROC AUC {area:.3f}, mostly by {column!r}",
            Blame.DESIGNER,
        )


def _priors(competition: Competition, train: pd.DataFrame, figures: Figures) -> Iterator[Finding]:
    """Submissions that look at no input, scored by the package's own metric."""
    card = competition.card
    sample = (competition.root / SAMPLE_SUBMISSION).read_bytes()
    grades = grade_many(competition.root, {"sample": sample, "constant": _constant(competition, train)}, Part.ALL)
    for name, grade in grades.items():
        if grade.outcome is not Outcome.SCORED:
            message = f"The {name} submission is not scored: {grade.outcome.value}."
            yield _finding("no_feature_prior", Severity.ERROR, message, grade.reason, Blame.DESIGNER)
            return
    known = {name: grade.score for name, grade in grades.items()}
    figures |= {**known, "best": card.best}
    evidence = f"constant {known['constant']:.5g}, sample {known['sample']:.5g}, best {card.best}"
    if card.best is None:
        return
    gap = abs(card.best - known["constant"])
    if (card.bounds[0] is not None and card.bounds[1] is not None) and gap <= 0.05 * (card.bounds[1] - card.bounds[0]):
        message = f"A constant answer nearly reaches the best {card.metric}: there is hardly anything to gain."
        yield _finding("no_feature_prior", Severity.ERROR, message, evidence, Blame.BRAINSTORMER)
    elif abs(card.best - known["sample"]) < 0.5 * gap:
        message = "The sample submission is far better than a constant answer: it may hold answers."
        yield _finding("no_feature_prior", Severity.ERROR, message, evidence, Blame.DESIGNER)


def _constant(competition: Competition, train: pd.DataFrame) -> bytes:
    card = competition.card
    submission = competition.sample_submission()[list(card.ids)].copy()
    target = train[card.targets[0]].dropna()
    if card.form is SubmissionForm.VALUE:
        submission[card.targets[0]] = float(target.median())
    elif card.form is SubmissionForm.LABEL:
        submission[card.targets[0]] = target.mode().iloc[0]
    else:
        for column in card.prediction_columns:
            submission[column] = 1 / max(2, len(card.classes))
    return submission.to_csv(index=False).encode()


def _balance(competition: Competition, figures: Figures) -> Iterator[Finding]:
    card = competition.card
    if not card.classes or card.metric != "accuracy":
        return
    share = float(competition.answers()[card.targets[0]].value_counts(normalize=True).iloc[0])
    figures["most_frequent"] = round(share, 6)
    if share > 0.8:
        yield _finding(
            "metric_fits_balance",
            Severity.ERROR if share > 0.95 else Severity.WARNING,
            "Accuracy rewards always answering the most frequent class.",
            f"{share:.1%} of the answers are one class",
            Blame.BRAINSTORMER,
        )


def _description(competition: Competition, train: pd.DataFrame, figures: Figures) -> Iterator[Finding]:
    card, text = competition.card, competition.description
    metric = METRICS.get(card.metric)
    figures["characters"] = len(text)
    wanted = {
        "files": ["train.csv", "test.csv", "sample_submission.csv"],
        "target": list(card.targets),
        "ids": list(card.ids),
        "columns of a submission": list(card.prediction_columns),
    }
    for what, names in wanted.items():
        lacking = [name for name in names if name not in text]
        if lacking:
            message = f"The description does not name the {what}."
            yield _finding(
                "description_complete", Severity.ERROR, message, f"missing: {', '.join(lacking[:10])}", Blame.DESIGNER
            )
    said = [word for word in (metric.title if metric else "", card.metric, card.metric.replace("_", " ")) if word]
    if not any(word.casefold() in text.casefold() for word in said):
        message = "The description does not name the metric."
        yield _finding("description_complete", Severity.ERROR, message, f"none of {said} occurs", Blame.DESIGNER)
    unnamed = [str(name) for name in train.columns if not _is_described(str(name), text)]
    if unnamed:
        message = "The description does not tell of some columns."
        evidence = f"{len(unnamed)} of {train.shape[1]}: {', '.join(unnamed[:10])}"
        yield _finding("description_complete", Severity.WARNING, message, evidence, Blame.DESIGNER)
    talk = _PRIVATE.search(text)
    if talk:
        message = "The description speaks of private files."
        yield _finding("description_complete", Severity.ERROR, message, talk.group(0), Blame.REFACTOR)
    if len(text) < 400:
        message = "The description is too short to work from."
        yield _finding("description_complete", Severity.WARNING, message, f"{len(text)} characters", Blame.DESIGNER)


def _is_described(name: str, text: str) -> bool:
    """Named itself, or one of a series whose first and last are named."""
    written = name.replace("\r", "\\r").replace("\n", "\\n").replace("|", "\\|")
    if name in text or written in text:
        return True
    stem = re.sub(r"\d+", "#", name)
    return stem != name and any(re.sub(r"\d+", "#", word) == stem for word in re.findall(r"`([^`]+)`", text))


def _data_use(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    """Columns that hold nothing, too few test rows to tell solutions apart."""
    both = pd.concat([material.train, material.test])
    idle = [name for name in material.inputs if both[name].nunique(dropna=False) < 2 or both[name].isna().mean() > 0.98]
    figures |= {"inputs": len(material.inputs), "idle": len(idle), "test_rows": card.split.test_rows}
    if idle and len(idle) >= 0.2 * len(material.inputs):
        evidence = f"{len(idle)} of {len(material.inputs)}: {', '.join(idle[:10])}"
        yield _finding(
            "use_of_data", Severity.WARNING, "Many input columns hold nothing.", evidence, Blame.BRAINSTORMER
        )
    if card.split.test_rows < 30:
        message = "The test data is too small to tell solutions apart."
        yield _finding("use_of_data", Severity.WARNING, message, f"{card.split.test_rows} rows", Blame.BRAINSTORMER)
    share = card.split.test_rows / max(1, card.split.train_rows + card.split.test_rows)
    if not 0.05 <= share <= 0.5 and card.tier == "full":  # a smaller tier keeps more of its test rows on purpose
        message = "The test data is an unusual share of all rows."
        yield _finding("use_of_data", Severity.WARNING, message, f"{share:.1%}", Blame.DESIGNER)
