"""Review of a package as a whole: what no input reaches, metric and balance, description, use of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pandas as pd

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.forms import ANSWER_CELLS, NUMBER_ANSWERS, point_in
from generators.competitions.grade import Grade, Outcome, Part
from generators.competitions.grading import grade_many
from generators.competitions.metrics import METRICS
from generators.competitions.package import SAMPLE_SUBMISSION, Competition
from generators.datasets.named_series import series_column
from generators.datasets.series_files import read_series
from generators.finding import Blame, Finding, Severity
from generators.roles.rules.review_finding import Figures, finding
from generators.roles.rules.review_probes import Material

_CENTRES = (SubmissionForm.VALUE, SubmissionForm.VALUES, SubmissionForm.SPREAD)
_PRIVATE = re.compile(r"private/|test_answer", re.IGNORECASE)


def grade_priors(competition: Competition, train: pd.DataFrame) -> dict[str, Grade]:
    """Submissions that look at no input, scored by the package's own metric. Raises `SandboxError`."""
    sample = (competition.root / SAMPLE_SUBMISSION).read_bytes()
    return grade_many(competition.root, {"sample": sample, "constant": _constant(competition, train)}, Part.ALL)


def priors(card: Card, grades: Mapping[str, Grade], figures: Figures) -> Iterator[Finding]:
    """What looks at no input must neither come near the best score nor, in the sample's place, know the answers."""
    for name, grade in grades.items():
        if grade.outcome is not Outcome.SCORED:
            message = f"The {name} submission is not scored: {grade.outcome.value}."
            yield finding("no_feature_prior", Severity.ERROR, message, grade.reason, Blame.DESIGNER)
            return
    known = {name: grade.score for name, grade in grades.items()}
    figures |= {**known, "best": card.best}
    evidence = f"constant {known['constant']:.5g}, sample {known['sample']:.5g}, best {card.best}"
    if card.best is None:
        return
    gap = abs(card.best - known["constant"])
    if (card.bounds[0] is not None and card.bounds[1] is not None) and gap <= 0.05 * (card.bounds[1] - card.bounds[0]):
        message = f"A constant answer nearly reaches the best {card.metric}: there is hardly anything to gain."
        yield finding("no_feature_prior", Severity.ERROR, message, evidence, Blame.BRAINSTORMER)
    elif abs(card.best - known["sample"]) < 0.5 * gap:
        message = "The sample submission is far better than a constant answer: it may hold answers."
        yield finding("no_feature_prior", Severity.ERROR, message, evidence, Blame.DESIGNER)


def _constant(competition: Competition, train: pd.DataFrame) -> bytes:
    card = competition.card
    submission = competition.sample_submission()[list(card.ids)].copy()
    target = train[card.targets[0]].dropna()
    if card.form in NUMBER_ANSWERS:
        for name in card.targets:
            submission[name] = float(train[name].median() if card.form in _CENTRES else train[name].mean())
        if card.form is SubmissionForm.SPREAD:
            submission[card.prediction_columns[-1]] = float(target.std())
    elif card.form is SubmissionForm.POINTS:
        submission[card.targets[0]] = target.map(point_in).mode().iloc[0]
    elif card.form is SubmissionForm.LABEL or card.form in ANSWER_CELLS:
        submission[card.targets[0]] = target.mode().iloc[0]
    else:
        for column in card.prediction_columns:
            submission[column] = 1 / max(2, len(card.classes))
    return submission.to_csv(index=False).encode()


def balance(competition: Competition, figures: Figures) -> Iterator[Finding]:
    """Accuracy on unequal classes rewards an answer that looks at nothing."""
    card = competition.card
    if not card.classes or card.metric != "accuracy":
        return
    share = float(competition.answers()[card.targets[0]].value_counts(normalize=True).iloc[0])
    figures["most_frequent"] = round(share, 6)
    if share > 0.8:
        yield finding(
            "metric_fits_balance",
            Severity.ERROR if share > 0.95 else Severity.WARNING,
            "Accuracy rewards always answering the most frequent class.",
            f"{share:.1%} of the answers are one class",
            Blame.BRAINSTORMER,
        )


def description(competition: Competition, train: pd.DataFrame, figures: Figures) -> Iterator[Finding]:
    """Whoever solves the task knows nothing but its description."""
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
            yield finding(
                "description_complete", Severity.ERROR, message, f"missing: {', '.join(lacking[:10])}", Blame.DESIGNER
            )
    said = [word for word in (metric.title if metric else "", card.metric, card.metric.replace("_", " ")) if word]
    if not any(word.casefold() in text.casefold() for word in said):
        message = "The description does not name the metric."
        yield finding("description_complete", Severity.ERROR, message, f"none of {said} occurs", Blame.DESIGNER)
    unnamed = [str(name) for name in train.columns if not _is_described(str(name), text)]
    if unnamed:
        message = "The description does not tell of some columns."
        evidence = f"{len(unnamed)} of {train.shape[1]}: {', '.join(unnamed[:10])}"
        yield finding("description_complete", Severity.WARNING, message, evidence, Blame.DESIGNER)
    channels = _channels(competition, train)
    unnamed = [name for name in channels if not (_is_word(name, text) or _is_of_a_row(name, text))]
    if unnamed:
        message = "The description does not tell of some columns of the series files."
        evidence = f"{len(unnamed)} of {len(channels)}: {', '.join(unnamed[:10])}"
        yield finding("description_complete", Severity.WARNING, message, evidence, Blame.DESIGNER)
    talk = _PRIVATE.search(text)
    if talk:
        message = "The description speaks of private files."
        yield finding("description_complete", Severity.ERROR, message, talk.group(0), Blame.REFACTOR)
    if len(text) < 400:
        message = "The description is too short to work from."
        yield finding("description_complete", Severity.WARNING, message, f"{len(text)} characters", Blame.DESIGNER)


def _channels(competition: Competition, train: pd.DataFrame) -> list[str]:
    """Columns of the first series file that a training row names; none where rows name no files with named columns."""
    public = competition.public
    present = {path.relative_to(public).as_posix() for path in public.rglob("*") if path.is_file()}
    inputs = train.drop(columns=list(competition.card.targets))
    column = series_column(present, inputs, inputs, competition.card.ids)
    if not column or str(train[column].iloc[0]).endswith(".npy"):
        return []
    try:
        series = read_series(public / str(train[column].iloc[0]))
    except ValueError:
        return []
    return [*series.channels, *series.others]


def _is_described(name: str, text: str) -> bool:
    """Named itself, or one of a series whose first and last are named."""
    written = name.replace("\r", "\\r").replace("\n", "\\n").replace("|", "\\|")
    return name in text or written in text or _is_of_a_row(name, text)


def _is_word(name: str, text: str) -> bool:
    """Named by itself: channels have names as short as `x`."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _is_of_a_row(name: str, text: str) -> bool:
    """One of a numbered row of columns, of which some is named."""
    stem = re.sub(r"\d+", "#", name)
    return stem != name and any(re.sub(r"\d+", "#", word) == stem for word in re.findall(r"`([^`]+)`", text))


def data_use(material: Material, card: Card, figures: Figures) -> Iterator[Finding]:
    """Columns that hold nothing, too few test rows to tell solutions apart."""
    both = pd.concat([material.train, material.test])
    idle = [name for name in material.inputs if both[name].nunique(dropna=False) < 2 or both[name].isna().mean() > 0.98]
    figures |= {"inputs": len(material.inputs), "idle": len(idle), "test_rows": card.split.test_rows}
    if idle and len(idle) >= 0.2 * len(material.inputs):
        evidence = f"{len(idle)} of {len(material.inputs)}: {', '.join(idle[:10])}"
        yield finding("use_of_data", Severity.WARNING, "Many input columns hold nothing.", evidence, Blame.BRAINSTORMER)
    if card.split.test_rows < 30:
        message = "The test data is too small to tell solutions apart."
        yield finding("use_of_data", Severity.WARNING, message, f"{card.split.test_rows} rows", Blame.BRAINSTORMER)
    share = card.split.test_rows / max(1, card.split.train_rows + card.split.test_rows)
    if not 0.05 <= share <= 0.5 and card.tier == "full":  # a smaller tier keeps more of its test rows on purpose
        message = "The test data is an unusual share of all rows."
        yield finding("use_of_data", Severity.WARNING, message, f"{share:.1%}", Blame.DESIGNER)
