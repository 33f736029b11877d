"""What the server counts, per model."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from generators.model_server.tokens import TokenUse


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """Calls of one model and what became of them. Tokens are those of the calls that were answered in full."""

    calls: int = 0
    """Chat requests, whatever became of them."""
    answered: int = 0
    """Those whose answer was sent in full, mistakes of the model among them."""
    refused: int = 0
    """Those that the protocol does not allow, or that the script has no answer to."""
    abandoned: int = 0
    """Those whose caller was gone before the answer was sent."""
    faults: int = 0
    """Those that the script put a fault into, of the provider or of the model."""
    fault_kinds: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """The same by kind; an HTTP status is its number."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


class Tally:
    """Counts from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, ModelCounts] = {}

    @property
    def counts(self) -> dict[str, ModelCounts]:
        """As they stand, by the model's name; an unreadable request's is empty."""
        with self._lock:
            return dict(self._counts)

    def call(self, model: str) -> None:
        """A request has come."""
        self._add(model, calls=1)

    def refused(self, model: str) -> None:
        """It was answered with an error that the script did not ask for."""
        self._add(model, refused=1)

    def abandoned(self, model: str) -> None:
        """Nobody waits for the answer any more."""
        self._add(model, abandoned=1)

    def fault(self, model: str, name: str) -> None:
        """A fault was put into it."""
        with self._lock:
            counts = self._counts.get(model, ModelCounts())
            kinds = MappingProxyType(dict(Counter(counts.fault_kinds) + Counter([name])))
            self._counts[model] = replace(counts, faults=counts.faults + 1, fault_kinds=kinds)

    def answered(self, model: str, use: TokenUse, *, times: int = 1) -> None:
        """It is answered in full; `times=-1` takes that back."""
        self._add(
            model,
            answered=times,
            prompt_tokens=times * use.prompt,
            completion_tokens=times * use.completion,
            cached_tokens=times * use.cached,
        )

    def _add(self, model: str, **numbers: int) -> None:
        with self._lock:
            counts = self._counts.get(model, ModelCounts())
            changes = {name: getattr(counts, name) + number for name, number in numbers.items()}
            self._counts[model] = replace(counts, **changes)
