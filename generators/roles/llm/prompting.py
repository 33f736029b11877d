"""Prompting: the prompts are files beside this one; whatever comes out of a dataset enters them through `fenced`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from generators.competitions.card import Objective
from generators.competitions.metrics import metrics_for
from generators.finding import Finding
from generators.roles.llm.fencing import fenced, repeatable


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("generators.roles.llm", "prompts"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - the output is text for a model, no page
    )
    environment.filters["fenced"] = fenced
    return environment


def compile_templates() -> None:
    """Compile them all, so that none has to be waited for later: each takes some 10 ms."""
    for name in _environment().list_templates(extensions=["jinja"]):
        _environment().get_template(name)


def prompt(template: str, **values: Any) -> str:
    """The text of the prompt `template`, which fails where it asks for a value that is not given."""
    return _environment().get_template(f"{template}.jinja").render(**values).strip()


def metric_list(objectives: Iterable[Objective]) -> str:
    """The registry's metrics by objective, a line each."""
    lines = []
    for objective in objectives:
        names = ", ".join(
            f"{metric.name} ({'higher' if metric.higher_is_better else 'lower'} is better)"
            for metric in metrics_for(objective)
        )
        lines.append(f"- {objective.value}: {names or 'none'}")
    return "\n".join(lines)


def finding_list(findings: Sequence[Finding]) -> str:
    """Findings as data: their messages and evidence speak of columns and files of the dataset."""
    lines = (
        f"[{finding.layer.value}/{finding.check}, to be mended by the {finding.blame.value}] {finding.message}"
        + (f"\n  evidence: {finding.evidence}" if finding.evidence else "")
        for finding in findings
    )
    return repeatable("\n".join(lines))
