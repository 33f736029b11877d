"""`mlesmith metrics`: the metric library."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def metrics(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A metric, to be explained; by default all are listed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the metrics that a competition can be scored by, or explain one."""
    from generators.competitions.metrics import METRICS, get_metric
    from mlesmith_env.cli import output

    chosen = [get_metric(name)] if name is not None else list(METRICS.values())
    facts: list[dict[str, Any]] = [
        {
            "name": metric.name,
            "title": metric.title,
            "higher_is_better": metric.higher_is_better,
            "bounds": list(metric.bounds),
            "forms": [form.value for form in metric.forms],
            "objectives": [objective.value for objective in metric.objectives],
            "parameters": list(metric.parameters),
            "explanation": metric.explanation,
        }
        for metric in chosen
    ]
    if as_json:
        output.print_json(facts)
        return
    out = output.stdout()
    if name is not None:
        out.print(chosen[0].explanation, markup=False, highlight=False, soft_wrap=True)
        return
    rows = [
        [
            metric.name,
            "higher" if metric.higher_is_better else "lower",
            " to ".join("" if bound is None else f"{bound:.6g}" for bound in metric.bounds).strip(),
            ", ".join(form.value for form in metric.forms),
            metric.title,
        ]
        for metric in chosen
    ]
    out.print(output.table(["metric", "better", "bounds", "submitted as", "title"], rows))
    out.print(f"{len(rows)} metrics; `mlesmith metrics NAME` explains one.")
