"""Ledger: what models took, by role and task, safe to use from many threads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from generators.chat.messages import Purpose, Usage

Source = Literal["provider", "cache", "record"]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What one role took for one task, by where its replies came from."""

    role: str
    task: str
    source: Source
    usage: Usage
    failed_attempts: int
    """Attempts that the provider refused or that were lost. What it may charge for one whose answer did not arrive
    cannot be known; no tokens are counted for them."""

    def as_json(self) -> dict[str, Any]:
        """As JSON; an unknown cost is null."""
        return {"role": self.role, "task": self.task, "source": self.source, **usage_json(self.usage)} | {
            "failed_attempts": self.failed_attempts
        }


class Ledger:
    """Counts every reply. A reply from a record or a cache counts as what it took when it was paid for, so that a
    resumed or replayed run has the same figures; `usage(source="provider")` is what was paid for now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str, Source], Usage] = {}
        self._failed: Counter[tuple[str, str]] = Counter()

    def add(self, purpose: Purpose, usage: Usage, source: Source) -> None:
        """Count a reply."""
        key = (purpose.role, purpose.task, source)
        with self._lock:
            self._used[key] = self._used.get(key, Usage()) + usage

    def add_failed_attempt(self, purpose: Purpose) -> None:
        """Count an attempt that brought no reply."""
        with self._lock:
            self._failed[purpose.role, purpose.task] += 1

    def usage(self, *, role: str | None = None, task: str | None = None, source: Source | None = None) -> Usage:
        """The sum over all that fits."""
        with self._lock:
            rows = list(self._used.items())
        fitting = (
            usage
            for (its_role, its_task, its_source), usage in rows
            if role in (None, its_role) and task in (None, its_task) and source in (None, its_source)
        )
        return sum(fitting, Usage())

    def failed_attempts(self, *, role: str | None = None, task: str | None = None) -> int:
        """Attempts that brought no reply."""
        with self._lock:
            return sum(
                count
                for (its_role, its_task), count in self._failed.items()
                if role in (None, its_role) and task in (None, its_task)
            )

    def rows(self) -> list[LedgerRow]:
        """All of it, sorted. Failed attempts stand in the provider's row."""
        with self._lock:
            failed = dict(self._failed)
            keys: set[tuple[str, str, Source]] = {(role, task, "provider") for role, task in failed}
            keys |= set(self._used)
            return [
                LedgerRow(
                    role,
                    task,
                    source,
                    self._used.get((role, task, source), Usage()),
                    failed.get((role, task), 0) if source == "provider" else 0,
                )
                for role, task, source in sorted(keys)
            ]


def usage_json(usage: Usage) -> dict[str, Any]:
    """What calls took, as JSON; an unknown cost is null."""
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost_usd": usage.cost_usd,
        "seconds": usage.seconds,
    }


def usage_from_json(value: dict[str, Any]) -> Usage:
    """Raises `KeyError`, `TypeError` or `ValueError` for what is none."""
    cost = value["cost_usd"]
    return Usage(
        int(value["calls"]),
        int(value["input_tokens"]),
        int(value["output_tokens"]),
        int(value["cached_tokens"]),
        None if cost is None else float(cost),
        float(value["seconds"]),
    )
