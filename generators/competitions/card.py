"""The card of a competition (`competition.json`): everything about it that is data."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from generators.competitions.difficulty import Difficulty

CARD_VERSION: Literal[1] = 1


class Modality(StrEnum):
    """What the inputs are."""

    TABULAR = "tabular"
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    TIME_SERIES = "time series"
    GRAPH = "graph"
    RECOMMENDATION = "recommendation"
    MULTIMODAL = "multimodal"


class Objective(StrEnum):
    """What is predicted."""

    BINARY = "binary classification"
    MULTICLASS = "multiclass classification"
    MULTILABEL = "multilabel classification"
    REGRESSION = "regression"
    RANKING = "ranking"
    FORECASTING = "forecasting"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"
    ANOMALY = "anomaly detection"
    GENERATION = "generation"


class SubmissionForm(StrEnum):
    """What a row of a submission holds besides the id."""

    LABEL = "label"
    """One column named like the target: a predicted class, as written in the training data."""
    PROBABILITY = "probability"
    """One column named like the target: probability (or any increasing score) of the positive class, `classes[1]`."""
    PROBABILITIES = "probabilities"
    """One column per class, named by the class as text; each row sums to 1."""
    VALUE = "value"
    """One column named like the target: a number."""
    VALUES = "values"
    """One column per target, named like it: a number each."""
    SPREAD = "value and spread"
    """A column named like the target, a number, and `<target>_spread`, the standard deviation of its error."""
    LABEL_PROBABILITIES = "label probabilities"
    """One column per target, named like it: the probability (or any increasing score) that the row has this label."""
    LABEL_SET = "label set"
    """One column named like the target: labels in any order, separated by spaces; `-` for none."""
    RANKING = "ranked list"
    """One column named like the target: items separated by spaces, the best first; `-` for none."""
    TEXT = "text"
    """One column named like the target: free text that is not blank."""
    MASK = "mask"
    """One column named like the target: a run-length code `start length ...` of pixels counted from 1 column by column;
    `-` for none."""
    MASKS = "masks"
    """One column named like the target: run-length codes as of `mask`, separated by semicolons; `-` for none."""
    BOXES = "boxes"
    """One column named like the target: `label score x_min y_min x_max y_max` of each box, separated by spaces; `-` for
    none. The answers have the same form."""
    POINTS = "points"
    """One column named like the target: `label x y` of each point, separated by spaces; `-` for none. The answers hold
    boxes as of `boxes`, one around each point to be found."""
    INTERVALS = "intervals"
    """One column named like the target: `start end` of each interval, separated by spaces; `-` for none."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Split(_Frozen):
    """How training and test rows were told apart."""

    kind: Literal["random", "stratified", "grouped", "time"]
    columns: tuple[str, ...] = ()
    """The group or time column; for `stratified` the target."""
    seed: int = 0
    train_rows: int = Field(ge=0)
    test_rows: int = Field(ge=0)


class Parts(_Frozen):
    """The public and the private part of the test answers."""

    public_fraction: float = Field(default=0.4, gt=0, lt=1)
    """Expected share of test rows (of groups, where `unit` is set) in the public part."""
    key: str
    """Key of the hash that assigns an id to a part."""
    unit: str = ""
    """Column of the answers whose value is hashed instead of the id, where the metric is per group."""


class AnswerSources(_Frozen):
    """The raw columns that the answers are made of. No input may depend on them, nor on what has not happened yet."""

    columns: tuple[str, ...] = Field(min_length=1)
    """As `table.column`, by the names that the raw dataset's tables are given."""
    time: str = ""
    """The time column, in the same form and of the table that the columns are of, where the answers lie in the future
    of the inputs; empty where they do not."""
    after: str = ""
    """The last moment that inputs may know of."""


class Budget(_Frozen):
    """What an episode may spend by default."""

    run_s: float = Field(default=120.0, gt=0)
    """Seconds of one run of code."""
    steps: int = Field(default=30, gt=0)


class ReferenceScores(_Frozen):
    """Scores, in the metric's unit, that anchor the reward; on the whole test part."""

    floor: float
    """The best trivial baseline."""
    reference: float
    """The best scripted solution of the trial."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of the reference solution's score over its seeds."""


class Provenance(_Frozen):
    """Where a competition comes from."""

    source: str
    """The raw dataset as the user named it (`builtin:wine`, `birdstrikes.csv`); never a path of a machine."""
    raw_digest: str
    licence: str = ""
    backend: str = "rules"
    """`rules` or `llm`, or the backend of each role where they differ."""
    model: str = ""
    """Strings of the models that took part, with commas; empty where none did."""
    seed: int = 0
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of this package and of the libraries that `prepare.py` and `metric.py` use."""
    tokens: int = 0
    """Input and output tokens of models, its share of what was said about the whole dataset included."""
    cost_usd: float | None = 0.0
    """What these cost; None where a price is not known."""


class Card(_Frozen):
    """One competition as data. Scores are in the metric's unit; a reward is the environment's word."""

    version: Literal[1] = CARD_VERSION
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{1,90}$")
    title: str
    summary: str
    modality: Modality
    objective: Objective
    targets: tuple[str, ...]
    ids: tuple[str, ...]
    classes: tuple[str, ...] = ()
    """Class labels as text in the order of probability columns; for two classes the second is the positive one."""
    file_columns: tuple[str, ...] = ()
    """Input columns whose cells are paths of files (pictures, sounds, series), relative to `public/`."""
    metric: str
    """Name in the registry of `generators.competitions.metrics`, or that of the class in an imported `metric.py`."""
    metric_parameters: dict[str, Any] = Field(default_factory=dict)
    higher_is_better: bool
    bounds: tuple[float | None, float | None] = (None, None)
    """Lowest and highest score the metric can give, None where there is no bound."""
    form: SubmissionForm
    split: Split
    parts: Parts
    budget: Budget = Budget()
    scores: ReferenceScores | None = None
    """None until the trial has been run."""
    difficulty: Difficulty | None = None
    """Measured by the trial; None until it has been run."""
    answer_sources: AnswerSources | None = None
    """None where nobody has said what the answers are made of."""
    provenance: Provenance
    tags: tuple[str, ...] = ()
    tier: str = "full"
    """`full`, or the name of the tier that this is of a larger competition (`generators.competitions.tiers`)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.targets or not self.ids:
            raise ValueError("a card names at least one target column and one id column")
        if self.form is SubmissionForm.PROBABILITIES and len(self.classes) < 2:
            raise ValueError("probabilities are submitted for at least two classes; `classes` names them")
        if self.form is SubmissionForm.SPREAD and len(self.targets) != 1:
            raise ValueError("a value and its spread are submitted for one target")
        return self

    @property
    def best(self) -> float | None:
        """The best score there can be, None where the metric has no such bound."""
        return self.bounds[1] if self.higher_is_better else self.bounds[0]

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """The columns of a submission besides the ids."""
        if self.form is SubmissionForm.SPREAD:
            return (*self.targets, f"{self.targets[0]}_spread")
        return self.classes if self.form is SubmissionForm.PROBABILITIES else self.targets
