"""Budgets: what a run may spend on models, checked before each call."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from generators.chat.messages import Usage
from generators.errors import BudgetSpent


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bounds on what is paid for; None for no bound. Raises `ValueError` for what cannot be."""

    usd: float | None = None
    tokens: int | None = None
    """Input and output tokens together."""
    calls: int | None = None

    def __post_init__(self) -> None:
        for name in ("usd", "tokens", "calls"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"--budget-{name} must not be negative, got {value!r}")


class Admitted:
    """One call that a budget admitted."""

    def __init__(self, release: Callable[[Callable[[], None]], None]) -> None:
        self._release = release
        self._under_way = True

    def settle(self, enter: Callable[[], None]) -> None:
        """The call has ended: `enter` counts what it took, in the same moment in which it is no longer under way."""
        if self._under_way:
            self._under_way = False
            self._release(enter)


class Spending:
    """Admits calls while a budget lasts. What calls will take that are still under way is taken to be the mean of what
    came before, so that many calls at once do not overshoot by all of them."""

    def __init__(self, budget: Budget, paid: Callable[[], Usage]) -> None:
        """`paid`: what was paid for so far, by earlier parts of a resumed run too."""
        self.budget = budget
        self._paid = paid
        self._lock = threading.Lock()
        self._under_way = 0

    @contextlib.contextmanager
    def call(self) -> Iterator[Admitted]:
        """Around one call, to be settled within. Raises `BudgetSpent` where the budget allows none, and `ValueError`
        where a bound in money cannot be kept since what was paid so far has no known price."""
        with self._lock:
            self._check(self._paid(), self._under_way)
            self._under_way += 1
        admitted = Admitted(self._release)
        try:
            yield admitted
        finally:
            admitted.settle(lambda: None)

    def _release(self, enter: Callable[[], None]) -> None:
        with self._lock:
            self._under_way -= 1
            enter()

    def _check(self, paid: Usage, under_way: int) -> None:
        budget = self.budget
        if budget.calls is not None and paid.calls + under_way >= budget.calls:
            raise BudgetSpent(_spent("calls", f"{budget.calls} calls", paid))
        share = under_way / paid.calls if paid.calls else 0.0
        tokens = paid.input_tokens + paid.output_tokens
        if budget.tokens is not None and tokens * (1 + share) >= budget.tokens:
            raise BudgetSpent(_spent("tokens", f"{budget.tokens} tokens", paid))
        if budget.usd is None:
            return
        if paid.cost_usd is None:
            raise ValueError(
                "--budget-usd cannot be kept: some calls so far have no known price; give the prices of the model, "
                "or use --budget-tokens"
            )
        if paid.cost_usd * (1 + share) >= budget.usd:
            raise BudgetSpent(_spent("usd", f"{budget.usd:g} USD", paid))


def _spent(option: str, bound: str, paid: Usage) -> str:
    cost = "an unknown sum" if paid.cost_usd is None else f"{paid.cost_usd:.4g} USD"
    return (
        f"the budget of {bound} is spent: {paid.calls} calls took {paid.input_tokens + paid.output_tokens} tokens and "
        f"{cost}; what is done is kept: raise --budget-{option} and go on with --resume"
    )
