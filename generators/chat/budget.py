"""Budgets: what a run may spend on models, checked before each call."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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

    def __init__(self, budget: Budget, paid: Callable[[], Usage], record: Path | None = None) -> None:
        """`paid`: what was paid for so far, by earlier parts of a resumed run too. `record`: the file of all calls,
        where the run has one and can go on."""
        self.budget = budget
        self._paid = paid
        self._record = record
        self._lock = threading.Lock()
        self._under_way = 0

    def check_prices(self) -> None:
        """Raise `ValueError` where a bound in money cannot be kept since what was paid so far has no known price."""
        if self.budget.usd is not None:
            self._cost(self._paid())

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
            raise self._spent("calls", f"{budget.calls} calls", paid)
        share = under_way / paid.calls if paid.calls else 0.0
        tokens = paid.input_tokens + paid.output_tokens
        if budget.tokens is not None and tokens * (1 + share) >= budget.tokens:
            raise self._spent("tokens", f"{budget.tokens} tokens", paid)
        if budget.usd is not None and self._cost(paid) * (1 + share) >= budget.usd:
            raise self._spent("usd", f"{budget.usd:g} USD", paid)

    def _cost(self, paid: Usage) -> float:
        if paid.cost_usd is not None:
            return paid.cost_usd
        where = "" if self._record is None else f" in {self._record}"
        other = "" if self._record is None else ", or begin anew in another folder"
        raise ValueError(
            f"--budget-usd cannot be kept: calls{where} have no known price; "
            f"use --budget-tokens or --budget-calls{other}"
        )

    def _spent(self, option: str, bound: str, paid: Usage) -> BudgetSpent:
        cost = "an unknown sum" if paid.cost_usd is None else f"{paid.cost_usd:.4g} USD"
        more = f"raise --budget-{option}"
        if self._record is not None:
            more = f"what is done is kept: {more} and go on with --resume"
        return BudgetSpent(
            f"the budget of {bound} is spent: {paid.calls} calls took {paid.input_tokens + paid.output_tokens} tokens "
            f"and {cost}; {more}"
        )
