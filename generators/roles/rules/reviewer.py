"""The Reviewer without a language model: computed evidence on shortcuts, metric, description and use of the data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from generators.competitions.forms import ANSWER_CELLS, NUMBER_ANSWERS
from generators.competitions.grade import Grade
from generators.competitions.package import TEST, TRAIN, Competition
from generators.errors import CompetitionError
from generators.finding import CheckResult, Finding, Layer, outcome_of
from generators.roles.rules import review_package, review_shortcuts
from generators.roles.rules.review_finding import Figures
from generators.roles.rules.review_probes import Material, thinned

_PRIOR = 5
"""Place among the results of the check that waits for the grader, and is therefore made last."""


class RulesReviewer:
    """Probes of the review layer, each with the figures that it rests on. Deterministic."""

    def review(self, root: Path) -> Sequence[CheckResult]:
        """Judge the complete package in `root`; the package's own metric runs only in the isolated grader.

        Raises `CompetitionError` where the package cannot be read, `SandboxError` where the grader's machinery fails.
        """
        competition = Competition.load(root)
        train, test = (_read(root / path) for path in (TRAIN, TEST))
        # the grader's process takes about as long as all that is computed here meanwhile
        with ThreadPoolExecutor(1, thread_name_prefix="mlesmith-review") as aside:
            graded = aside.submit(review_package.grade_priors, competition, train)
            return _results(competition, train, _material(competition, train, test), graded)


def _results(
    competition: Competition, train: pd.DataFrame, material: Material, graded: Future[dict[str, Grade]]
) -> tuple[CheckResult, ...]:
    card, root = competition.card, competition.root
    computed = (
        _result("single_feature_probe", lambda figures: review_shortcuts.single_features(material, card, figures)),
        _result("order_probe", lambda figures: review_shortcuts.positions(material, figures)),
        _result("nearest_duplicate_probe", lambda figures: review_shortcuts.duplicates(material, card, figures)),
        _result("file_probe", lambda figures: review_shortcuts.files(root, material, figures)),
        _result("adversarial_validation", lambda figures: review_shortcuts.drift(material, card, figures)),
        _result("metric_fits_balance", lambda figures: review_package.balance(competition, figures)),
        _result("description_complete", lambda figures: review_package.description(competition, train, figures)),
        _result("use_of_data", lambda figures: review_package.data_use(material, card, figures)),
    )
    prior = _result("no_feature_prior", lambda figures: review_package.priors(card, graded.result(), figures))
    return (*computed[:_PRIOR], prior, *computed[_PRIOR:])


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
    classes = card.form not in NUMBER_ANSWERS
    if classes and card.form in ANSWER_CELLS:  # answers that are the same cell are the same class
        codes, _ = pd.factorize(pd.concat([train[target], joined["\0truth"]]).map(str))
        truth = codes[: len(train)], codes[len(train) :]
    elif classes:
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
