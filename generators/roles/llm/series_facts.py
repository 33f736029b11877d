"""Series facts: what a file of one series, or a `.ts` file of many, holds, in a few lines for a model to read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from generators.datasets.series_files import Series, read_series, step_of
from generators.roles.llm.capability import CallRefused

_CHANNELS = 40
_LABELS = 20
_REMARKS = 12
_UNLABELLED = "(none)"


def series_facts(path: Path) -> str:
    """Rows, channels, clock and gaps. Raises `CallRefused` where the file holds no series."""
    if path.suffix.lower() == ".ts":
        return _many(path)
    try:
        series = read_series(path)
    except ValueError as error:
        raise CallRefused("it is no series; look at it with `read_file` or `run_python`:", str(error)) from None
    with np.errstate(over="ignore", invalid="ignore"):  # numbers at the edge of what there is, and infinities
        return _one(series)


def _one(series: Series) -> str:
    lines = [f"{len(series.values)} rows (steps), {len(series.channels)} columns of numbers"]
    clock = series.clock
    if clock is not None:
        times = series.values[:, clock]
        step, even = step_of(times)
        rate = f", {1 / step:.6g} rows for each 1 of it" if step else ""
        gaps = int((np.diff(times) > 1.5 * step).sum()) if step else 0
        lines.append(
            f"clock: {series.channels[clock]!r} rises in every row, from {times[0]:.6g} to {times[-1]:.6g}, usual step "
            f"{step:.6g}{rate}; {even:.1%} of the steps are even, {gaps} gaps"
        )
    else:
        lines.append("no column rises in every row: the order of the rows is all the time there is")
    for place, name in enumerate(series.channels[:_CHANNELS]):
        values = series.values[:, place]
        known = values[np.isfinite(values)]
        facts = f"{1 - len(known) / len(values):.1%} missing"
        if len(known):
            facts += (
                f", from {known.min():.6g} to {known.max():.6g}, mean {known.mean():.6g}, deviation {known.std():.6g}"
            )
        lines.append(f"- {name!r}: {facts}")
    if len(series.channels) > _CHANNELS:
        lines.append(f"- and {len(series.channels) - _CHANNELS} more")
    if series.others:
        lines.append(f"columns without numbers: {', '.join(map(repr, series.others[:_CHANNELS]))}")
    return "\n".join(lines)


def _many(path: Path) -> str:
    """A `.ts` file: its declarations, and how many series of which lengths and labels follow them."""
    declared: list[str] = []
    lengths, labels, dimensions = Counter[int](), Counter[str](), Counter[int]()
    inside = labelled = False
    with path.open(encoding="utf-8", errors="backslashreplace") as lines:
        for line in map(str.strip, lines):
            if inside and line:
                parts = line.split(":")
                if labelled:
                    labels[parts.pop() if len(parts) > 1 else _UNLABELLED] += 1
                dimensions[len(parts)] += 1
                lengths[parts[0].count(",") + 1] += 1
            elif line.startswith("#") and len(declared) < _REMARKS:
                declared.append(line[:300])
            elif line.startswith("@"):
                declared.append(line[:300])
                inside |= line.lower() == "@data"
                labelled |= line.lower().startswith("@classlabel true")
    if not inside:
        raise CallRefused("it is no series: no line `@data` is in it; look at it with `read_file`")
    told = [
        *declared,
        f"{sum(dimensions.values())} series, a line each: dimensions apart by ':', values by ','"
        + (", the label last" if labelled else ""),
        f"dimensions: {_counted(dimensions)}",
        f"steps: {_counted(lengths)}",
    ]
    return "\n".join([*told, f"labels: {_counted(labels)}"] if labelled else told)


def _counted(counts: Counter[int] | Counter[str]) -> str:
    shown = ", ".join(f"{value} ({count}x)" for value, count in counts.most_common(_LABELS))
    return shown if len(counts) <= _LABELS else f"{shown} and {len(counts) - _LABELS} more"
