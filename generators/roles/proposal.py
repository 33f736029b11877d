"""Proposal: one formulation of a competition, grounded in the columns that a raw dataset holds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from generators.competitions.card import AnswerSources, Modality, Objective, SubmissionForm
from generators.competitions.metrics import Metric, get_metric
from generators.competitions.metrics.domain import declared_metric


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Target(_Frozen):
    """What is predicted: a column as it stands, or one derived from columns by a fixed rule."""

    name: str
    """Name of the column in the competition's files."""
    source: str
    """The raw column it is, or is derived from."""
    rule: Literal["as_is", "above", "equals", "in", "bins", "text_value", "planned"] = "as_is"
    """`above`: source > parameters["threshold"]; `equals`: source == parameters["value"]; `in`: source in
    parameters["values"]; `bins`: parameters["edges"] and parameters["labels"]; `text_value`: a number out of text;
    `planned`: as the proposal's `plan` says."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    dropped_classes: tuple[str, ...] = ()
    """Classes too rare to be learned; their rows are left out and the description says so."""


class Exclusion(_Frozen):
    """A column that participants do not get, and why."""

    column: str
    kind: str
    """`leak`, `identifier`, `constant`, `empty`, `duplicate`, `media`."""
    evidence: str


class SplitPlan(_Frozen):
    """How test rows are chosen and why so."""

    kind: Literal["random", "stratified", "grouped", "time"]
    columns: tuple[str, ...] = ()
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    seed: int = 0
    why: str


class PathLabel(_Frozen):
    """The target of a file as the path of the raw file tells it."""

    folder: str = ""
    """Where the files lie, at any depth below; empty for the whole dataset."""
    suffix: str
    """That of the files, such as `.png`."""
    part: Literal["name", "folder"] = "name"
    """The name without its suffix, or that of the folder which holds the file."""
    separator: str = ""
    """What the part is split by; empty takes the whole part."""
    position: int = 0
    """Which piece of it, from 0, or from the end where it is negative."""


class Lookup(_Frozen):
    """Columns that another table adds to each row (many-to-one)."""

    table: str
    column: str
    """Column of the competition's table that holds the key."""
    other_column: str
    """The key in the other table."""
    added: tuple[str, ...]
    """Columns taken over; they are named `<prefix>_<column>` in the competition."""
    prefix: str = ""
    """Head of the added columns' names, the table's name where empty; tells two lookups in one table apart."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the added columns in the competition."""
        return tuple(f"{self.prefix or self.table}_{column}" for column in self.added)


class DomainMetric(_Frozen):
    """A metric that the library does not have; a designer that writes code writes it as declared here."""

    title: str
    definition: str
    """What it measures, its formula and its behaviour at the edges, in words."""
    higher_is_better: bool
    bounds: tuple[float | None, float | None]
    """Lowest and highest score there can be; the better one is reached by a perfect submission and never None."""


class DerivedInput(_Frozen):
    """An input that a plan makes of raw columns."""

    name: str
    sources: tuple[str, ...]
    """Raw columns as `table.column`, and files by their paths."""
    how: str
    """What is made of them, in a sentence."""


class Join(_Frozen):
    """Two raw columns, as `table.column`, whose equal values bring rows of two tables together."""

    column: str
    other_column: str


class Proposal(_Frozen):
    """One formulation."""

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,60}$")
    """Unique among a dataset's proposals; part of the competition's id."""
    title: str
    summary: str
    """One or two sentences: what is predicted from what."""
    table: str
    target: Target
    objective: Objective
    inputs: tuple[str, ...]
    """Columns that participants get, as named in the competition (after lookups)."""
    lookups: tuple[Lookup, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    metric: str
    metric_parameters: dict[str, Any] = Field(default_factory=dict)
    metric_why: str
    form: SubmissionForm
    classes: tuple[str, ...] = ()
    split: SplitPlan
    id_column: str = "row_id"
    """Name of the id made for each row; raw ids are not shown unless they are inputs."""
    drop_duplicates: bool = True
    max_rows: int | None = None
    """Rows kept of a table too large for the budget, chosen by the seed."""
    score: float = 0.0
    """The brainstormer's own ranking, higher is better; of no meaning elsewhere."""
    why: str = ""
    """Why this is worth predicting."""
    modality: Modality = Modality.TABULAR
    file_columns: tuple[str, ...] = ()
    """Those of the inputs whose cells are paths of files that participants get."""
    path_label: PathLabel | None = None
    """How paths of raw files tell the target, where they do."""
    plan: str = ""
    """How rows, inputs and target are made, in words, where the rules above cannot say it; only a designer that writes
    code can follow it. Empty where they say it all."""
    derived: tuple[DerivedInput, ...] = ()
    """Of a plan: the inputs that are no columns of `table`, and what they are made of."""
    joins: tuple[Join, ...] = ()
    """Of a plan: how the tables hang together that it uses."""
    domain_metric: DomainMetric | None = None
    """What `metric` measures, where the library has none of that name."""
    answers: AnswerSources | None = None
    """Of a plan: what the target is made of, and the inputs must not be."""


def metric_of(proposal: Proposal) -> Metric:
    """The metric of a proposal: the library's, or the one that it declares. Raises `ValueError` where there is none."""
    own = proposal.domain_metric
    if own is None:
        return get_metric(proposal.metric)
    return declared_metric(
        proposal.metric,
        title=own.title,
        objective=proposal.objective,
        form=proposal.form,
        higher_is_better=own.higher_is_better,
        bounds=own.bounds,
        definition=own.definition,
    )


class Refusal(_Frozen):
    """A table or column that supports no formulation, and why."""

    subject: str
    """`table` or `table.column`."""
    reason: str


class Proposals(_Frozen):
    """What the brainstormer answers: formulations in order of preference, and what it turned down."""

    proposals: tuple[Proposal, ...]
    refusals: tuple[Refusal, ...] = ()
    reserves: tuple[Proposal, ...] = ()
    """Formulations that would do as well, best first: for the place of a proposal that falls."""
