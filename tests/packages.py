"""A small good competition, written by hand and complete, for tests of every floor.

`write_package` runs the package's own `prepare.py` on raw data made from a seed, so that code and data agree as they
do in a generated package.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from generators.competitions.card import (
    Card,
    Modality,
    Objective,
    Parts,
    Provenance,
    ReferenceScores,
    Split,
    SubmissionForm,
)
from generators.competitions.grade import Part
from generators.competitions.leaderboard import LeaderboardRow, write_leaderboard
from generators.competitions.metrics import Metric, get_metric
from generators.competitions.package import read_answers, write_card
from generators.competitions.parts import part_mask
from generators.competitions.scoring import score
from generators.roles.proposal import Proposal, SplitPlan, Target
from generators.verification.verdict import Verdict

TARGETS = {Objective.BINARY: "healthy", Objective.MULTICLASS: "grade", Objective.REGRESSION: "yield_kg"}
CLASSES = {Objective.BINARY: ("no", "yes"), Objective.MULTICLASS: ("low", "middle", "high"), Objective.REGRESSION: ()}
USUAL_METRIC = {Objective.BINARY: "roc_auc", Objective.MULTICLASS: "macro_f1", Objective.REGRESSION: "rmse"}
TEST_FRACTION = 0.3
PROPOSAL = Proposal(
    slug="healthy",
    title="Trees of an orchard",
    summary="Predict health.",
    table="trees",
    target=Target(name="healthy", source="healthy"),
    objective=Objective.BINARY,
    inputs=("height_m", "girth_cm", "slope", "soil"),
    metric="roc_auc",
    metric_why="ranks",
    form=SubmissionForm.PROBABILITY,
    classes=("no", "yes"),
    split=SplitPlan(kind="random", why="no groups"),
)
"""What the binary package could have been made from."""


def _template(name: str) -> Template:
    """A file of the package with `$` where it depends on objective and metric."""
    return Template((Path(__file__).with_name("package_files") / name).read_text(encoding="utf-8"))


PREPARE = _template("prepare.py.txt")
METRIC = _template("metric.py.txt")

NUMBER_CHECKS = """\
try:
            numbers = submission[PREDICTIONS].to_numpy(dtype=float)
        except (TypeError, ValueError):
            raise InvalidSubmissionError("predictions must be numbers") from None
        if not np.isfinite(numbers).all():
            raise InvalidSubmissionError("predictions must be finite")"""
LABEL_CHECKS = """\
unknown = sorted(set(text(submission[TARGET])) - set(CLASSES))
        if unknown:
            raise InvalidSubmissionError(f"unknown labels: {unknown[:3]}; the classes are {CLASSES}")"""

SAMPLE = {
    SubmissionForm.LABEL: "sample[TARGET] = train[TARGET].mode()[0]",
    SubmissionForm.PROBABILITY: "sample[TARGET] = 0.5",
    SubmissionForm.PROBABILITIES: "sample[CLASSES] = 1 / len(CLASSES)",
    SubmissionForm.VALUE: "sample[TARGET] = train[TARGET].median()",
}
ARRAYS = {
    SubmissionForm.LABEL: "true, guess = text(y_true[TARGET]), text(predicted[TARGET])",
    SubmissionForm.PROBABILITY: (
        "true = (text(y_true[TARGET]) == CLASSES[1]).astype(int)\n"
        "        guess = predicted[TARGET].to_numpy(dtype=float)"
    ),
    SubmissionForm.PROBABILITIES: (
        "true = np.array([CLASSES.index(label) for label in text(y_true[TARGET])])\n"
        "        guess = predicted[CLASSES].to_numpy(dtype=float)"
    ),
    SubmissionForm.VALUE: (
        "true = y_true[TARGET].to_numpy(dtype=float)\n        guess = predicted[TARGET].to_numpy(dtype=float)"
    ),
}
TESTS = _template("test_competition.py.txt")
DESCRIPTION = _template("description.md.txt")


def write_raw(folder: Path, objective: Objective, *, rows: int, seed: int, classes: tuple[str, ...]) -> None:
    """Raw measurements whose target follows from them but for noise; every row is different."""
    random = np.random.default_rng(seed)
    trees = pd.DataFrame(
        {
            "height_m": random.uniform(2, 9, rows).round(3),
            "girth_cm": random.uniform(20, 90, rows).round(2),
            "slope": random.uniform(0, 25, rows).round(2),
            "soil": random.choice(["clay", "loam", "sand"], rows),
        }
    )
    vigour = (
        1.2 * trees["height_m"]
        + 0.05 * trees["girth_cm"]
        - 0.02 * (trees["slope"] - 10) ** 2
        + trees["soil"].map({"clay": 0.0, "loam": 2.0, "sand": -1.5})
        + random.normal(0, 1.2, rows)
    )
    if objective is Objective.REGRESSION:
        target = (3 * vigour + 20).round(2)
    else:
        target = pd.qcut(vigour, len(classes), labels=list(classes)).astype(str)
    trees[TARGETS[objective]] = target
    folder.mkdir(parents=True, exist_ok=True)
    trees.to_csv(folder / "trees.csv", index=False, lineterminator="\n")


def write_package(
    root: Path,
    *,
    objective: Objective = Objective.BINARY,
    metric: str | None = None,
    rows: int = 400,
    seed: int = 0,
    classes: tuple[str, ...] | None = None,
) -> Path:
    """Write a complete competition into `root/orchard-<metric>` and its raw data into `root/raw`; returns the first."""
    chosen = get_metric(metric or USUAL_METRIC[objective])
    labels = CLASSES[objective] if classes is None else classes
    write_raw(root / "raw", objective, rows=rows, seed=seed, classes=labels)
    package = root / f"orchard-{chosen.name}"
    package.mkdir()
    card = _card(package.name, objective, chosen, rows, labels)
    _write(package / "prepare.py", _prepare_text(card))
    _write(package / "metric.py", _metric_text(card, chosen))
    _write(package / "test_competition.py", TESTS.substitute(target=card.targets[0]))
    runpy.run_path(str(package / "prepare.py"))["prepare"](root / "raw", package / "public", package / "private")
    description = _description_text(package, card, chosen)
    _write(package / "description.md", description)
    _write(package / "public" / "description.txt", description)
    _add_reference(package, card, chosen)
    _write(package / "verification.json", Verdict(competition=card.id, results=()).model_dump_json(indent=2) + "\n")
    return package


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _card(name: str, objective: Objective, metric: Metric, rows: int, classes: tuple[str, ...]) -> Card:
    test_rows = round(TEST_FRACTION * rows)
    return Card(
        id=name,
        title="Trees of an orchard",
        summary=f"Predict {TARGETS[objective]} of a tree from measurements.",
        modality=Modality.TABULAR,
        objective=objective,
        targets=(TARGETS[objective],),
        ids=("row_id",),
        classes=classes,
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        bounds=metric.bounds,
        form=metric.forms[0],
        split=Split(kind="random", seed=0, train_rows=rows - test_rows, test_rows=test_rows),
        parts=Parts(key="orchard"),
        provenance=Provenance(source="trees.csv", raw_digest="0" * 64, licence="CC0-1.0"),
    )


def _prepare_text(card: Card) -> str:
    return PREPARE.substitute(
        target=card.targets[0],
        classes=list(card.classes),
        dtype="str" if card.classes else "float",
        fraction=TEST_FRACTION,
        sample=SAMPLE[card.form],
    )


def _metric_text(card: Card, metric: Metric) -> str:
    imports, function = metric.source()
    arguments = {"classes": "CLASSES", "positive": "CLASSES[1]"}
    return METRIC.substitute(
        title=metric.title,
        target=card.targets[0],
        imports="\n".join(dict.fromkeys(["import numpy as np", "import pandas as pd", *imports])),
        classes=list(card.classes),
        predictions=list(card.prediction_columns),
        function=function,
        higher=metric.higher_is_better,
        arrays=ARRAYS[card.form],
        name=metric.name,
        arguments="".join(f", {name}={arguments[name]}" for name in metric.parameters if name in arguments),
        checks=LABEL_CHECKS if card.form is SubmissionForm.LABEL else NUMBER_CHECKS,
    )


def _description_text(package: Path, card: Card, metric: Metric) -> str:
    sample = (package / "public" / "sample_submission.csv").read_text().splitlines()
    return DESCRIPTION.substitute(
        title=card.title,
        target=card.targets[0],
        target_text=f", one of {', '.join(f'`{label}`' for label in card.classes)}"
        if card.classes
        else ", in kilograms",
        train_rows=card.split.train_rows,
        test_rows=card.split.test_rows,
        columns=", ".join(f"`{name}`" for name in (*card.ids, *card.prediction_columns)),
        example="\n".join(sample[:4]),
        metric=metric.title,
        explanation=metric.explanation,
    )


def _add_reference(package: Path, card: Card, metric: Metric) -> None:
    """Leaderboard and reference scores of a constant and of a model, by the library's metric."""
    write_card(package, card)
    answers = read_answers(package, card)
    rows = []
    for name, kind, predictions in _solutions(package, card):
        board = [
            score(answers[mask], predictions[mask], card)
            for mask in (part_mask(answers, card, part) for part in (Part.PUBLIC, Part.PRIVATE, Part.ALL))
        ]
        rows.append(LeaderboardRow(name, kind, *board, seconds=0.1))
    write_leaderboard(package / "leaderboard.csv", rows, higher_is_better=metric.higher_is_better)
    floor, reference = (row.score for row in rows)
    write_card(package, card.model_copy(update={"scores": ReferenceScores(floor=floor, reference=reference)}))


def _solutions(package: Path, card: Card) -> list[tuple[str, str, pd.DataFrame]]:
    """A constant and a forest, as aligned predictions."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    types = {} if card.form is SubmissionForm.VALUE else {card.targets[0]: str}
    train, test, constant = (
        pd.read_csv(package / "public" / name, dtype=types, keep_default_na=False)
        for name in ("train.csv", "test.csv", "sample_submission.csv")
    )
    target = card.targets[0]
    inputs = [column for column in test.columns if column != "row_id"]
    x_train, x_test = pd.get_dummies(train[inputs]), pd.get_dummies(test[inputs])
    learned = test[["row_id"]].copy()
    if card.form is SubmissionForm.VALUE:
        learned[target] = RandomForestRegressor(50, random_state=0).fit(x_train, train[target]).predict(x_test)
    else:
        labels = train[target]
        forest = RandomForestClassifier(50, random_state=0, min_samples_leaf=3).fit(x_train, labels)
        chances = pd.DataFrame(forest.predict_proba(x_test), columns=forest.classes_)[list(card.classes)]
        if card.form is SubmissionForm.LABEL:
            learned[target] = chances.idxmax(axis=1)
        elif card.form is SubmissionForm.PROBABILITY:
            learned[target] = chances[card.classes[1]]
        else:
            learned = pd.concat([learned, chances], axis=1)
    return [("constant", "trivial", constant), ("forest", "scripted", learned)]
