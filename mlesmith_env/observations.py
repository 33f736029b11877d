"""Building what the agent reads: bounded text in which nothing depends on the clock or the machine."""

from __future__ import annotations

from collections.abc import Sequence

from sandboxes.sandbox import ExecutionResult, ExecutionStatus

MIN_CHARS = 500
"""Smallest bound on an observation that still leaves room for a reason and an advice."""


def clip(text: str, limit: int, *, head: float = 0.5) -> str:
    """`text` within `limit` characters: its head and tail kept, and a line that says how much was cut.

    `head` is the share of the kept characters that come from the beginning.
    """
    if len(text) <= limit:
        return text
    cut = len(text) - limit
    for _ in range(2):  # the notice's own length depends on the number in it, which settles at the second try
        notice = f"\n[... {cut:,} characters cut here ...]\n"
        keep = max(limit - len(notice), 0)
        cut = len(text) - keep
    first = int(keep * head)
    return (text[:first] + notice + text[len(text) - (keep - first) :])[:limit]


def join(sections: Sequence[str]) -> str:
    """The sections that hold something, set apart by a blank line."""
    return "\n\n".join(section.strip("\n") for section in sections if section.strip())


def describe_execution(result: ExecutionResult, *, timeout_s: float) -> str:
    """One sentence: how the run ended."""
    lost = " Variables defined earlier are gone, files are not." if result.state_lost else ""
    reason = f" {result.reason}" if result.reason else ""
    if result.status is ExecutionStatus.OK:
        return f"The code ran to its end.{lost}"
    if result.status is ExecutionStatus.ERROR:
        return f"The code stopped with {result.error_name or 'an error'}.{lost}"
    if result.status is ExecutionStatus.TIMEOUT:
        return f"The code was stopped: it ran longer than {timeout_s:g} s.{reason}{lost}"
    return f"The session died while the code ran.{reason}{lost}"


def output_of(result: ExecutionResult, pictures: Sequence[str] = ()) -> str:
    """Everything a run said, whole, in the order in which a person looks for it."""
    sections = [result.stdout, result.result]
    if result.stderr.strip():
        sections.append(f"stderr:\n{result.stderr}")
    if pictures:
        sections.append("Shown and kept in the record: " + ", ".join(pictures))
    if result.status is ExecutionStatus.ERROR:
        sections.append(result.traceback or f"{result.error_name}: {result.error_message}")
    if result.dropped_chars:
        sections.append(f"[{result.dropped_chars:,} more characters of output were not kept]")
    return join(sections)


def number(value: float) -> str:
    """A score as text, short and exact enough to tell two solutions apart."""
    return f"{value:.6g}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns; the first row is the heading."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
