"""The text of `prepare.py` for a proposal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from generators.competitions.card import Objective
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.datasets.readers import source
from generators.roles.proposal import Lookup, Proposal, Target
from generators.roles.rules.frames import assemble
from generators.roles.rules.names import identifier, in_docstring
from generators.roles.rules.rendering import literal, render
from generators.roles.rules.targets import NUMBER_IN_TEXT, are_whole

_EVIDENCE_CHARS = 100


def prepare_source(
    proposal: Proposal, dataset: RawDataset, profile: DatasetProfile, *, description: str, seed: int
) -> str:
    """The whole file. `description` is what it writes to `public/description.txt`."""
    read = source(dataset.table(proposal.table).spec)
    lookups = [_lookup(lookup, dataset) for lookup in proposal.lookups]
    codes = [read, *(lookup["code"] for lookup in lookups)]
    kind = proposal.split.kind
    imports = {"import pandas as pd", "from pathlib import Path"}
    for code in codes:
        imports.update(code.imports)
    if proposal.form.value != "probabilities":
        imports.add("import numpy as np")
    if kind in ("random", "stratified"):
        imports.add("from sklearn.model_selection import train_test_split")
    time_format = _time_format(proposal, dataset, profile)
    unambiguous = _unambiguous(time_format)
    return render(
        "prepare.py",
        title=in_docstring(proposal.title),
        own_imports=in_order(line for line in imports if not _is_third_party(line)),
        imports=in_order(line for line in imports if _is_third_party(line)),
        seed=seed,
        test_fraction=proposal.split.test_fraction,
        max_rows=proposal.max_rows,
        id=proposal.id_column,
        target=proposal.target,
        inputs=proposal.inputs,
        classes=proposal.classes,
        form=proposal.form.value,
        split=kind,
        split_column=proposal.split.columns[0] if proposal.split.columns else "",
        time_format="ISO8601" if unambiguous else time_format,
        raw_time_format=time_format,
        unambiguous=unambiguous,
        excluded=[_excluded(e.column, e.kind, e.evidence) for e in proposal.excluded],
        functions=list(dict.fromkeys(code.function.strip() for code in codes if code.function)),
        read=read.expression,
        lookups=lookups,
        target_lines=_target_lines(proposal, dataset),
        dropped_classes=proposal.target.dropped_classes,
        drop_duplicates=proposal.drop_duplicates,
        description=description,
    )


def _lookup(lookup: Lookup, dataset: RawDataset) -> dict[str, Any]:
    code = source(dataset.table(lookup.table).spec)
    prefix = lookup.prefix or lookup.table
    return {
        "code": code,
        "read": code.expression,
        "variable": f"{identifier(lookup.column)}_{lookup.table}" if lookup.prefix else f"of_{lookup.table}",
        "key": lookup.other_column,
        "prefix": f"{prefix}_",
        "column": lookup.column,
    }


def _excluded(column: str, kind: str, evidence: str) -> str:
    column, reason = " ".join(column.split()), " ".join(evidence.split())
    if len(reason) > _EVIDENCE_CHARS - len(column):
        reason = reason[: _EVIDENCE_CHARS - len(column)].rsplit(" ", 1)[0] + " ..."
    return f"- {column}: {kind}; {reason}"


def _time_format(proposal: Proposal, dataset: RawDataset, profile: DatasetProfile) -> str | None:
    """How the split's time column is written, None where it is a number or holds moments already."""
    if proposal.split.kind != "time":
        return None
    name = proposal.split.columns[0]
    frame = dataset.table(proposal.table).frame
    if frame[name].dtype.kind in "iufM":
        return None
    return profile.table(proposal.table).column(name).time_format or "mixed"


def _unambiguous(time_format: str | None) -> str:
    """The ISO 8601 form for days that are not written year first, which readers take for others; else nothing."""
    if time_format is None or time_format.startswith("%Y") or "%z" in time_format or "%Z" in time_format:
        return ""
    if "%d" not in time_format:
        return ""
    clock = "" if not re.search("%[HI]", time_format) else " %H:%M:%S.%f" if "%f" in time_format else " %H:%M:%S"
    return f"%Y-%m-%d{clock}"


def _target_lines(proposal: Proposal, dataset: RawDataset) -> list[str]:
    """Lines that give `rows` the target, after the rows without its source are gone."""
    target = proposal.target
    column = f"rows[{literal(target.source)}]"
    if target.rule == "as_is":
        lines = [] if target.name == target.source else [f"rows = rows.assign(**{{TARGET: {column}}})"]
        values = assemble(dataset, proposal.table, proposal.lookups)[target.source]
        if proposal.objective is not Objective.REGRESSION and values.dtype.kind == "f" and are_whole(values):
            lines.append('rows = rows.assign(**{TARGET: rows[TARGET].astype("int64")})')
        return lines
    if target.rule == "text_value":
        return [
            f'number = {column}.astype("str").str.replace(",", "").str.extract(r"{NUMBER_IN_TEXT}")[0]',
            'rows = rows.assign(**{TARGET: pd.to_numeric(number, errors="coerce")}).dropna(subset=[TARGET])',
        ]
    return [f"rows = rows.assign(**{{TARGET: {_derived(column, target)}}})"]


def _derived(column: str, target: Target) -> str:
    parameters = target.parameters
    if target.rule == "above":
        return f'({column} > {parameters["threshold"]:.10g}).astype("int64")'
    if target.rule == "equals":
        return f'({column} == {literal(parameters["value"])}).astype("int64")'
    if target.rule == "in":
        return f'{column}.isin({literal(parameters["values"], 4)}).astype("int64")'
    return f'pd.cut({column}, {literal(parameters["edges"])}, labels={literal(parameters["labels"])}).astype("str")'


def in_order(imports: Iterable[str]) -> list[str]:
    """Import lines as an import sorter leaves them: `import x` before `from x import`, each by name."""
    return sorted(set(imports), key=lambda line: (line.startswith("from "), line.split()[1].lower(), line))


def _is_third_party(line: str) -> bool:
    return line.split()[1].split(".", maxsplit=1)[0] in {"numpy", "pandas", "scipy", "sklearn", "pyarrow"}
