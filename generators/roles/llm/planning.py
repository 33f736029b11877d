"""Planned proposals: formulations in words, for what a proposal's rules cannot state. Their sources are checked."""

from __future__ import annotations

from generators.competitions.card import Objective
from generators.competitions.metrics import METRICS, metrics_for
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.ideas import Idea, one_line
from generators.roles.llm.plan_tables import Tables, answer_sources, derived_inputs
from generators.roles.proposal import Proposal, SplitPlan, Target

_CLASSES = (Objective.BINARY, Objective.MULTICLASS)


def planned(
    idea: Idea, dataset: RawDataset, profile: DatasetProfile, *, slug: str, score: float
) -> Proposal | tuple[Objection, ...]:
    """The proposal, or what speaks against the idea: sources that do not exist, a metric that does not suit."""
    tables = Tables(dataset, profile)
    objections = [*_about_sources(idea, dataset), *_about_form(idea), *tables.objections(idea)]
    metric = METRICS.get(idea.metric)
    if metric is None or idea.objective not in metric.objectives:
        suiting = ", ".join(one.name for one in metrics_for(idea.objective)) or "none"
        objections.append(
            Objection(f"metric {idea.metric!r} does not suit {idea.objective.value} or does not exist; use: {suiting}")
        )
    else:
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
        plan=idea.plan.strip(),
        derived=derived_inputs(idea),
        joins=tables.joins(idea),
        answers=answer_sources(idea),
    )


def _about_sources(idea: Idea, dataset: RawDataset) -> list[Objection]:
    tables = {table.name: table for table in dataset.tables}
    columns = {f"{table.name}.{column}" for table in dataset.tables for column in table.frame.columns}
    found = []
    if idea.table and idea.table not in tables:
        found.append(Objection(f"there is no table {idea.table!r}; there are:", "\n".join(tables) or "(none)"))
    if not idea.plan_sources:
        found.append(Objection("`plan_sources` must name every raw column and file that the plan uses"))
    root = dataset.root.resolve()
    for name in idea.plan_sources:
        if name in columns:
            continue
        path = (root / name.lstrip("/")).resolve()
        if path != root and path.is_relative_to(root) and path.exists():
            continue
        found.append(
            Objection(
                f"{name!r} is neither a column as table.column nor a file; there are the columns:",
                "\n".join(sorted(columns)) or "(none)",
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
