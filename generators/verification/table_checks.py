"""Checks of what the four tables hold, by themselves and beside one another."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.forms import NUMBER_ANSWERS, SUBMITTED_CELLS, cell_labels, cell_problem
from generators.competitions.grade import Part
from generators.competitions.metrics import METRICS
from generators.competitions.package import ANSWERS, SAMPLE_SUBMISSION, TEST, TRAIN
from generators.competitions.parts import part_mask
from generators.finding import Severity
from generators.verification.check import Defect, Observation, failed, passed, skipped, warned
from generators.verification.evidence import Evidence
from generators.verification.tables import TableFact, cell_numbers, cells, keys, numbers

MIN_TRAIN_ROWS = 50
MIN_TEST_ROWS = 20
MIN_PART_ROWS = 5
WELL_FILLED = 10
"""Test rows from which on a class must be met in both parts; a rarer one may fall into one of them by chance."""


def card_fits_metric(evidence: Evidence) -> Observation:
    """Objective, form, bounds and parameters of the card are ones that its metric knows.

    The direction is compared with metric.py by a check of its own.
    """
    card = evidence.card
    metric = METRICS.get(card.metric)
    if metric is None:
        return skipped(f"{card.metric} is no metric of the library")
    if card.objective not in metric.objectives:
        return failed(f"{metric.title} is not for {card.objective}.", f"it is for {', '.join(metric.objectives)}")
    if card.form not in metric.forms:
        return failed(f"{metric.title} takes no {card.form}.", f"it takes {', '.join(metric.forms)}")
    try:
        metric.arguments(card.classes, card.metric_parameters)
    except ValueError as error:
        return failed("The card's metric parameters do not fit.", str(error))
    bounds = metric.bounds_with(card.metric_parameters)
    if card.higher_is_better == metric.higher_is_better and card.bounds != bounds:
        return failed("The card's bounds are not those of the metric.", f"{card.bounds} instead of {bounds}")
    return passed(metric=card.metric)


def card_fits_objective(evidence: Evidence) -> Observation:
    """Classes, objective and form of the card agree with one another."""
    card = evidence.card
    count = len(card.classes)
    if len(set(card.classes)) != count:
        return failed("The card names a class twice.", ", ".join(card.classes))
    if card.objective is Objective.BINARY and count != 2:
        return failed("Binary classification needs two classes.", f"the card has {count}")
    if card.objective is Objective.MULTICLASS and count < 3:
        return failed("Multiclass classification needs three classes or more.", f"the card has {count}")
    if card.objective is Objective.REGRESSION and (count or card.form is not SubmissionForm.VALUE):
        return failed("Regression has no classes and is submitted as values.", f"{count} classes, form {card.form}")
    return passed(classes=count)


def parsed(evidence: Evidence) -> Observation:
    """Each table is UTF-8 text with a header and as many fields in each row as the header has."""
    problems = [fact.problem for fact in evidence.tables.values() if fact.problem]
    return failed("A table cannot be parsed.", "; ".join(problems)) if problems else passed()


def unique_columns(evidence: Evidence) -> Observation:
    """No table has two columns of the same name, or one without a name."""
    seen = []
    for path, fact in evidence.tables.items():
        seen += [f"{name!r} twice in {path}" for name in fact.repeated]
        seen += [f"a column without a name in {path}" for name in fact.header if not name.strip()]
    return failed("Columns must have names of their own.", "; ".join(seen)) if seen else passed()


def columns(evidence: Evidence) -> Observation:
    """Ids stand in every table, targets in training data and answers, and the answers hold nothing else."""
    card = evidence.card
    wanted = {
        TRAIN: {*card.ids, *card.targets},
        TEST: set(card.ids),
        SAMPLE_SUBMISSION: set(card.ids),
        ANSWERS: {*card.ids, *card.targets, *([card.parts.unit] if card.parts.unit else [])},
    }
    seen = []
    for path, names in wanted.items():
        header = set(evidence.tables[path].header)
        if names - header:
            seen.append(f"{path} lacks {', '.join(sorted(names - header))}")
        if path == ANSWERS and header - names:
            seen.append(f"{path} holds {', '.join(sorted(header - names))} as well")
    return failed("The tables do not hold the columns that the card names.", "; ".join(seen)) if seen else passed()


def sample_columns(evidence: Evidence) -> Observation:
    """The sample submission holds ids and predictions, in this order, and nothing else."""
    expected = (*evidence.card.ids, *evidence.card.prediction_columns)
    if evidence.sample.header != expected:
        seen = f"{', '.join(evidence.sample.header)} instead of {', '.join(expected)}"
        return failed("The sample submission has other columns than a submission.", seen)
    return passed()


def no_target_in_test(evidence: Evidence) -> Observation:
    """The public test table does not hold a target column."""
    held = [name for name in evidence.test.header if name in evidence.card.targets]
    return failed(f"{TEST} holds the target.", ", ".join(held)) if held else passed()


def same_columns(evidence: Evidence) -> Observation:
    """Test columns are the training columns without the targets, in the same order."""
    expected = tuple(name for name in evidence.train.header if name not in evidence.card.targets)
    if evidence.test.header != expected:
        odd = sorted(set(evidence.test.header) ^ set(expected)) or ["the order differs"]
        return failed("Training and test data have different columns.", ", ".join(odd))
    if set(expected) <= set(evidence.card.ids):
        return failed("There is no column to predict from.")
    return passed(inputs=len(expected) - len(evidence.card.ids))


def enough_rows(evidence: Evidence) -> Observation:
    """There is enough to learn from and enough to score."""
    train, test = len(evidence.train.text), len(evidence.test.text)
    if train < MIN_TRAIN_ROWS or test < MIN_TEST_ROWS:
        seen = f"{train} training and {test} test rows; at least {MIN_TRAIN_ROWS} and {MIN_TEST_ROWS}"
        return failed("There are too few rows.", seen, train=train, test=test)
    return passed(train=train, test=test)


def row_counts(evidence: Evidence) -> Observation:
    """Test data, sample submission and answers have as many rows."""
    counts = {path: len(evidence.tables[path].text) for path in (TEST, SAMPLE_SUBMISSION, ANSWERS)}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{path} {count}" for path, count in counts.items())
        return failed("Test data, sample submission and answers differ in rows.", said)
    return passed(rows=counts[TEST])


def rows_conserved(evidence: Evidence) -> Observation:
    """Training and test rows are as many as the card says the split made of the data: none lost, none invented."""
    split = evidence.card.split
    seen = (len(evidence.train.text), len(evidence.answers.text))
    if seen != (split.train_rows, split.test_rows):
        said = f"{seen[0]} and {seen[1]} rows; the card says {split.train_rows} and {split.test_rows}"
        return failed("Rows were lost or added since the split.", said)
    return passed(train=seen[0], test=seen[1])


def unique_ids(evidence: Evidence) -> Observation:
    """No id is missing or occurs twice in a table."""
    seen = []
    for path, fact in evidence.tables.items():
        ids = _keys(evidence, fact)
        repeated = len(ids) - len(set(ids))
        empty = sum(key == "" or (isinstance(key, tuple) and "" in key) for key in ids)
        if repeated or empty:
            seen.append(f"{path}: {repeated} repeated, {empty} empty")
    return failed("Ids must be there and unique.", "; ".join(seen)) if seen else passed()


def same_ids(evidence: Evidence) -> Observation:
    """Test data, sample submission and answers hold the same ids."""
    test = set(_keys(evidence, evidence.test))
    for path in (SAMPLE_SUBMISSION, ANSWERS):
        if test != set(_keys(evidence, evidence.tables[path])):
            odd = _ids(evidence, evidence.test).symmetric_difference(_ids(evidence, evidence.tables[path]))
            said = f"{len(odd)} ids in one only, such as {', '.join(map(str, odd[:3]))}"
            return failed(f"{TEST} and {path} hold different ids.", said)
    return passed()


def disjoint_ids(evidence: Evidence) -> Observation:
    """No id of the test data stands in the training data."""
    if not set(_keys(evidence, evidence.test)).isdisjoint(_keys(evidence, evidence.train)):
        shared = _ids(evidence, evidence.test).intersection(_ids(evidence, evidence.train))
        said = f"{len(shared)} ids, such as {', '.join(map(str, shared[:3]))}"
        return failed("Training and test data share ids.", said)
    return passed()


def complete_targets(evidence: Evidence) -> Observation:
    """Every target has a value, a finite number where values are predicted."""
    seen = []
    for path in (TRAIN, ANSWERS):
        for target in evidence.card.targets:
            column = evidence.tables[path].text[target]
            lacking = column == ""
            if evidence.card.form in NUMBER_ANSWERS:
                values = numbers(column)
                if values is None:
                    seen.append(f"{path}: {target} holds what is no number")
                    continue
                lacking = ~np.isfinite(values)
            if lacking.any():
                seen.append(f"{path}: {int(lacking.sum())} of {target} missing or not finite")
    return failed("Targets must be known for every row.", "; ".join(seen)) if seen else passed()


def known_labels(evidence: Evidence) -> Observation:
    """Every label of the test answers occurs in the training data."""
    if not evidence.card.classes:
        return skipped("there are no classes")
    unseen: set[str] = set()
    for target in evidence.card.targets:
        unseen |= _labels(evidence, evidence.answers, target) - _labels(evidence, evidence.train, target)
    if unseen:
        return failed("The answers hold labels that the training data never shows.", ", ".join(sorted(unseen)[:10]))
    return passed()


def card_classes(evidence: Evidence) -> Observation:
    """The classes of the card are the labels of the training data."""
    if not evidence.card.classes:
        return skipped("there are no classes")
    labels = {label for target in evidence.card.targets for label in _labels(evidence, evidence.train, target)}
    odd = sorted(labels ^ set(evidence.card.classes))
    if odd:
        return failed("The card's classes are not the labels of the training data.", ", ".join(odd[:10]))
    return passed(classes=len(labels))


def usable_parts(evidence: Evidence) -> Observation:
    """The public and the private part of the answers hold enough rows, and every class that is not rare."""
    card = evidence.card
    answers = evidence.answers.text
    public = part_mask(answers, card, Part.PUBLIC)
    rows: dict[str, Any] = {"public": int(public.sum()), "private": int((~public).sum())}
    if min(rows.values()) < MIN_PART_ROWS:
        return failed(f"A part of the answers has fewer than {MIN_PART_ROWS} rows.", str(rows), **rows)
    if not card.classes:
        return passed(**rows)
    named = cell_labels(answers[card.targets[0]].tolist(), card.form)
    total, inside = Counter[str](), Counter[str]()
    for labels, is_public in zip(named, public.tolist(), strict=True):
        total.update(labels)
        inside.update(labels if is_public else ())
    absent = sorted(label for label in total if inside[label] in (0, total[label]))
    if not absent:
        return passed(**rows)
    grave = card.objective is Objective.BINARY or any(total[label] >= WELL_FILLED for label in absent)
    said = ", ".join(f"{label} ({total[label]} rows)" for label in absent[:10])
    severity = Severity.ERROR if grave else Severity.WARNING
    return Observation((Defect("A part of the answers lacks a class.", said, severity=severity),), dict(rows))


def same_kinds(evidence: Evidence) -> Observation:
    """A column that holds numbers in the training data holds numbers in the test data, and is not empty there."""
    seen = []
    for name in evidence.test.header:
        if name in evidence.card.ids:
            continue
        train, test = (cells(fact.text[name]) for fact in (evidence.train, evidence.test))
        filled, told = train[train != ""], test[test != ""]
        if len(filled) >= len(train) / 2 and not len(told):
            seen.append(f"{name} is empty in the test data")
        elif len(filled) and cell_numbers(filled) is not None and cell_numbers(told) is None:
            seen.append(f"{name} is a number in the training data only")
    return failed("Columns mean different things in training and test data.", "; ".join(seen)) if seen else passed()


def sample_values(evidence: Evidence) -> Observation:
    """The sample submission predicts finite numbers, or labels that the card knows."""
    card = evidence.card
    seen = []
    for name in card.prediction_columns:
        column = evidence.sample.text[name]
        if card.form is SubmissionForm.LABEL:
            unknown = sorted(set(cells(column)) - set(card.classes or cells(evidence.train.text[name])))
            seen += [f"{name}: {label!r}" for label in unknown[:5]]
        elif card.form in SUBMITTED_CELLS:
            problem = cell_problem(column.tolist(), SUBMITTED_CELLS[card.form], card.classes)
            seen += [f"{name}, row {problem[0] + 2}: {problem[1]}"] if problem else []
        else:
            values = numbers(column)
            if values is None or not np.isfinite(values).all():
                seen.append(f"{name} holds what is no finite number")
    return failed("The sample submission's predictions cannot be scored.", "; ".join(seen)) if seen else passed()


def varied_target(evidence: Evidence) -> Observation:
    """The test answers are not all the same."""
    counts = {
        target: np.bincount(pd.factorize(cells(evidence.answers.text[target]))[0]) for target in evidence.card.targets
    }
    constant = [target for target, found in counts.items() if len(found) < 2]
    if constant:
        return failed("All test answers are the same.", ", ".join(constant))
    majority = max(float(found.max() / found.sum()) for found in counts.values())
    if majority > 0.99:
        return warned("Nearly all test answers are the same.", f"{majority:.1%}", majority=majority)
    return passed(majority=round(majority, 4))


def _labels(evidence: Evidence, fact: TableFact, target: str) -> set[str]:
    """The labels that a column of targets names."""
    different = list(dict.fromkeys(cells(fact.text[target])))
    return {label for named in cell_labels(different, evidence.card.form) for label in named}


def _keys(evidence: Evidence, fact: TableFact) -> list[Any]:
    return keys(fact.text, evidence.card.ids)


def _ids(evidence: Evidence, fact: TableFact) -> pd.Index:
    return pd.MultiIndex.from_frame(fact.text[list(evidence.card.ids)])
