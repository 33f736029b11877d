"""Ideas: what a model answers as Brainstormer. Each becomes a proposal only where the data bears it out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from generators.competitions.card import Modality, Objective

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
_Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=120)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IdeaTarget(_Strict):
    """What is to be predicted."""

    column: str = Field("", description="The raw column that it is or is derived from; empty with a plan alone.")
    rule: Literal["as_is", "above", "equals", "in", "bins", "text_value", "planned"] = Field(
        "as_is",
        description="above: column > threshold; equals: column == value; in: column is one of values; bins: edges and "
        "labels; text_value: the number that a text holds; planned: as `plan` says.",
    )
    name: str = Field("", max_length=60, description="Name of the target's column; empty for the column's own.")
    threshold: float | None = None
    value: str | float | None = None
    values: tuple[str | float, ...] = ()
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    positive: str = Field("", description="Of two classes, the one that is looked for; empty leaves the choice.")


class IdeaLookup(_Strict):
    """Columns that another table adds to each row by a key."""

    table: str
    column: str = Field(description="Column of the idea's table that holds the key.")
    other_column: str = Field(description="The key in the other table.")
    added: tuple[str, ...] = Field(min_length=1, description="Columns taken over.")
    prefix: str = Field("", max_length=40, description="They are called <prefix>_<column>; empty: <table>_<column>.")


class IdeaExclusion(_Strict):
    """A column that participants must not get."""

    column: str
    reason: Line


class IdeaSplit(_Strict):
    """How test rows are held out."""

    kind: Literal["random", "stratified", "grouped", "time"]
    column: str = Field("", description="The group or time column.")
    test_fraction: float = Field(0.2, ge=0.05, le=0.5)
    why: Line


class PlannedInput(_Strict):
    """How a planned input is made."""

    name: str
    sources: tuple[str, ...] = Field(min_length=1, description="Raw columns as table.column, and files by their paths.")
    how: Line = Field(description="What is made of them, such as: sum of price times quantity over the order's items.")


class PlannedJoin(_Strict):
    """Two tables that a plan brings together by the values of two columns."""

    column: str = Field(description="As table.column.")
    other_column: str = Field(description="As table.column, of another table.")


class PlannedCutoff(_Strict):
    """Where answers lie in the future: what is known when they are to be predicted."""

    column: str = Field(description="The time column that tells it, as table.column.")
    moment: str = Field(min_length=1, max_length=40, description="Rows after it are the future, as 2024-06-30.")


class IdeaMetric(_Strict):
    """A metric that the library does not have."""

    title: _Title
    definition: str = Field(
        min_length=40, max_length=2000, description="What it measures, its formula, and its value at the edges."
    )
    higher_is_better: bool
    lowest: float | None = Field(None, description="The lowest score there can be; null where there is no bound.")
    highest: float | None = Field(None, description="The highest one. A perfect submission reaches the better of both.")
    form: Literal["label", "probability", "probabilities", "value"] = Field(
        description="What a submission gives for a row: a class, the probability of the positive one, one for each "
        "class, or a number."
    )


class IdeaPathLabel(_Strict):
    """How paths of raw files tell the target."""

    folder: str = Field("", description="Folder that the files lie below; empty for the whole dataset.")
    suffix: str = Field(description="That of the files, such as .png; others are not looked at.")
    part: Literal["name", "folder"] = Field(
        "name", description="name: the file's name without suffix; folder: the name of the folder that holds it."
    )
    separator: str = Field("", max_length=3, description="What the part is split by; empty takes the whole part.")
    position: int = Field(0, ge=-9, le=9, description="Which piece, from 0, or from the end where negative.")


class Idea(_Strict):
    """One formulation of a competition."""

    title: _Title
    summary: Line = Field(description="One or two sentences: what is predicted from what.")
    why: Line = Field(description="Why it is worth predicting, and why it can be learned.")
    table: str
    target: IdeaTarget
    objective: Objective
    inputs: tuple[str, ...] = Field(
        (), description="Columns that participants get, looked-up ones by their new names; empty: all that are safe."
    )
    lookups: tuple[IdeaLookup, ...] = ()
    excluded: tuple[IdeaExclusion, ...] = ()
    metric: str
    metric_parameters: dict[str, Any] = Field(default_factory=dict)
    domain_metric: IdeaMetric | None = Field(
        None, description="Only where no metric of the library measures what matters: what `metric` is."
    )
    metric_why: Line
    split: IdeaSplit
    modality: Modality = Modality.TABULAR
    plan: str = Field("", max_length=4000, description="Only where the rules above do not suffice; see the task.")
    plan_sources: tuple[str, ...] = Field(
        (),
        description="With a plan: every raw column it uses as table.column, and every file or folder by its path, `.` "
        "for all files.",
    )
    plan_classes: tuple[str, ...] = Field((), description="With a plan: the classes that the target can have.")
    plan_inputs: tuple[PlannedInput, ...] = Field(
        (), description="With a plan over several tables: every input that is no column of `table` under its own name."
    )
    plan_joins: tuple[PlannedJoin, ...] = Field(
        (), description="With a plan: how tables hang together, where no link of the overview says it."
    )
    plan_answers: tuple[str, ...] = Field(
        (), description="With a plan over several tables: the columns, as table.column, that the answers are made of."
    )
    plan_cutoff: PlannedCutoff | None = Field(
        None, description="With a plan whose answers lie in the future of its inputs: where that begins."
    )
    file_inputs: tuple[str, ...] = Field(
        (), description="With a plan: those of `inputs` whose cells are paths of files that participants get."
    )
    path_label: IdeaPathLabel | None = Field(
        None, description="With a plan whose target stands in the paths of raw files: where. It is checked."
    )


class TurnedDown(_Strict):
    """A table or column that supports no competition."""

    subject: str = Field(description="`table` or `table.column`.")
    reason: Line


class Ideas(_Strict):
    """The answer: formulations, best first, and what was turned down."""

    proposals: tuple[Idea, ...]
    turned_down: tuple[TurnedDown, ...] = ()


class Revision(_Strict):
    """The answer to findings: the idea as it is to be now, or why there is none."""

    proposal: Idea | None = None
    given_up: str = Field("", max_length=1000, description="Why nothing mends it, where `proposal` is null.")


def one_line(text: str) -> str:
    """A model's words as they may stand in a heading or a sentence: one line, nothing that cannot be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
