"""The card of a proposal whose tables have just been written: all but what chance and trial add later."""

from __future__ import annotations

import importlib.metadata
from functools import cache

from generators.competitions.card import Card, Parts, Provenance, Split
from generators.datasets.raw import RawDataset
from generators.roles.proposal import Proposal, metric_of
from generators.roles.rules.names import slug

_VERSIONS = ("mlesmith-env", "numpy", "pandas", "scikit-learn")


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    return tuple((name, importlib.metadata.version(name)) for name in _VERSIONS)


def first_card(
    proposal: Proposal,
    dataset: RawDataset,
    *,
    classes: tuple[str, ...],
    rows: tuple[int, int],
    split_seed: int,
    seed: int,
    backend: str = "rules",
) -> Card:
    """`rows`: of the training and of the test table. The key of the parts is to be chosen once answers can be read."""
    metric = metric_of(proposal)
    kinds = (proposal.modality.value, proposal.objective.value, proposal.metric, proposal.split.kind)
    return Card(
        id=f"{slug(dataset.name)}-{proposal.slug}"[:80].strip("-"),
        title=proposal.title,
        summary=proposal.summary,
        modality=proposal.modality,
        objective=proposal.objective,
        targets=(proposal.target.name,),
        ids=(proposal.id_column,),
        classes=classes,
        file_columns=proposal.file_columns,
        metric=proposal.metric,
        metric_parameters=proposal.metric_parameters,
        higher_is_better=metric.higher_is_better,
        bounds=metric.bounds_with(proposal.metric_parameters),
        form=proposal.form,
        split=Split(
            kind=proposal.split.kind,
            columns=proposal.split.columns,
            seed=split_seed,
            train_rows=rows[0],
            test_rows=rows[1],
        ),
        parts=Parts(key="to-be-chosen"),
        answer_sources=proposal.answers,
        provenance=Provenance(
            source=dataset.origin,
            raw_digest=dataset.digest,
            licence=dataset.licence,
            backend=backend,
            seed=seed,
            versions=dict(_versions()),
        ),
        tags=tuple(dict.fromkeys(kinds)),
    )
