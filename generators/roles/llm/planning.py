"""Planned proposals: formulations in words, for what a proposal's rules cannot state. Their sources are checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from generators.competitions.card import Modality, Objective
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.datasets.series_files import COLLECTIONS
from generators.roles.llm.capability import CallRefused
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.domain_metrics import chosen_metric, declared
from generators.roles.llm.ideas import Idea, one_line
from generators.roles.llm.named_paths import found_below
from generators.roles.llm.path_labels import about_path_label, raw_files
from generators.roles.llm.plan_tables import Tables, answer_sources, derived_inputs
from generators.roles.proposal import PathLabel, Proposal, SplitPlan, Target
from generators.roles.rules.candidates import MIN_ROWS

_CLASSES = (Objective.BINARY, Objective.MULTICLASS)
_IN_FILES = (Modality.IMAGE, Modality.AUDIO, Modality.VIDEO)
"""Modalities whose inputs are never cells of a table."""
_SHOWN = 20
_WHOLE = "."
"""The source that is all files of a dataset."""


def planned(
    idea: Idea, dataset: RawDataset, profile: DatasetProfile, *, slug: str, score: float
) -> Proposal | tuple[Objection, ...]:
    """The proposal, or what speaks against the idea: sources that do not exist, a metric that does not suit."""
    files, tables = raw_files(dataset.root), Tables(dataset, profile)
    objections = [*_about_sources(idea, dataset, files), *_about_form(idea), *_about_files(idea, dataset, files)]
    objections += tables.objections(idea)
    metric, wrong = chosen_metric(idea, writable=True)
    objections += wrong
    if metric is not None:
        try:
            metric.arguments(idea.plan_classes, idea.metric_parameters)
        except ValueError as error:
            objections.append(Objection(str(error)))
    if objections or metric is None:
        return tuple(objections)
    plan = idea.split
    columns = (plan.column,) if plan.column else (idea.target.name,) if plan.kind == "stratified" else ()
    return Proposal(
        slug=slug,
        title=one_line(idea.title),
        summary=one_line(idea.summary),
        table=idea.table,
        target=Target(name=idea.target.name, source=idea.target.column, rule="planned"),
        objective=idea.objective,
        inputs=idea.inputs,
        metric=idea.metric,
        metric_parameters=dict(idea.metric_parameters),
        metric_why=one_line(idea.metric_why),
        form=metric.forms[0],
        classes=idea.plan_classes,
        split=SplitPlan(kind=plan.kind, columns=columns, test_fraction=plan.test_fraction, why=one_line(plan.why)),
        score=score,
        why=one_line(idea.why),
        modality=idea.modality,
        file_columns=idea.file_inputs,
        path_label=PathLabel.model_validate(idea.path_label.model_dump()) if idea.path_label else None,
        plan=idea.plan.strip(),
        domain_metric=declared(idea, metric),
        derived=derived_inputs(idea),
        joins=tables.joins(idea),
        answers=answer_sources(idea),
    )


def _about_sources(idea: Idea, dataset: RawDataset, files: Sequence[str]) -> list[Objection]:
    tables = {table.name: table for table in dataset.tables}
    columns = {f"{table.name}.{column}" for table in dataset.tables for column in table.frame.columns}
    found = []
    if idea.table and idea.table not in tables:
        found.append(Objection(f"there is no table {idea.table!r}; there are:", "\n".join(tables) or "(none)"))
    if not idea.plan_sources:
        found.append(Objection("`plan_sources` must name every raw column and file that the plan uses"))
    for name in idea.plan_sources:
        if name in columns or _is_there(dataset.root, name):
            continue
        found.append(
            Objection(
                f"{name!r} is neither a column as table.column nor a file or folder; there are:",
                "\n".join([*sorted(columns), *files[:_SHOWN]]) or "(none)",
            )
        )
    if idea.table in tables and idea.target.column and idea.target.column not in tables[idea.table].frame.columns:
        found.append(
            Objection(
                f"there is no column {idea.target.column!r}; there are:",
                "\n".join(map(str, tables[idea.table].frame.columns)),
            )
        )
    return found


def _is_there(root: Path, name: str) -> bool:
    """Whether it names a file or a folder, or by its own name alone the whole dataset."""
    try:
        path = found_below(root, name)
    except CallRefused:
        return False
    return path is not None and (path != root.resolve() or name == _WHOLE)


def _about_files(idea: Idea, dataset: RawDataset, files: Sequence[str]) -> list[Objection]:
    """Inputs that are files: said so, of a modality that has files, and enough of them."""
    found = [
        Objection(f"{name!r} in `file_inputs` is none of the `inputs`")
        for name in idea.file_inputs
        if name not in idea.inputs
    ]
    if idea.modality in _IN_FILES and not idea.file_inputs:
        told = f"of the modality {idea.modality.value} inputs are files: `file_inputs` names the columns of their paths"
        found.append(Objection(told))
    if idea.file_inputs and idea.modality is Modality.TABULAR:
        found.append(
            Objection("inputs are files: say by `modality` whether pictures, sounds, series or something else")
        )
    if idea.file_inputs and idea.table not in {table.name for table in dataset.tables}:
        named = [name.strip("/") for name in idea.plan_sources]
        used = [file for file in files if any(PurePosixPath(file).is_relative_to(name or ".") for name in named)]
        many = any(PurePosixPath(file).suffix.lower() in COLLECTIONS for file in used)
        if len(used) < MIN_ROWS and not many:
            told = f"the files that `plan_sources` names are {len(used)}; at least {MIN_ROWS} are needed for rows"
            found.append(Objection(told))
    return found + about_path_label(idea, files)


def _about_form(idea: Idea) -> list[Objection]:
    found = []
    if not idea.plan.strip() or idea.target.rule != "planned":
        found.append(Objection("a plan and the target's rule 'planned' belong together: give both or neither"))
    if not idea.target.name.isidentifier():
        found.append(Objection("with a plan the target needs a `name` of letters, digits and underscores"))
    if not idea.inputs:
        found.append(Objection("with a plan `inputs` must name the columns that participants are to get"))
    if idea.target.name in idea.inputs:
        found.append(Objection("the target is no input"))
    if idea.objective in _CLASSES and (
        len(set(idea.plan_classes)) < 2 or (idea.objective is Objective.BINARY) != (len(idea.plan_classes) == 2)
    ):
        found.append(Objection(f"`plan_classes` must name the classes of a {idea.objective.value}"))
    if idea.split.kind in ("grouped", "time") and idea.split.column not in idea.inputs:
        found.append(Objection(f"the column of a {idea.split.kind} split must be among the inputs"))
    return found
