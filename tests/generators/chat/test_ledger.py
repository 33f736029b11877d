"""What is counted: nothing is lost between threads, unknown prices stay unknown, budgets stop before a call."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from generators.chat.budget import Budget, Spending
from generators.chat.ledger import Ledger, usage_from_json, usage_json
from generators.chat.messages import Purpose, Usage
from generators.errors import BudgetSpent

ONE = Usage(1, 10, 5, 2, 0.5, 1.0)


def test_a_ledger_loses_nothing_between_threads() -> None:
    ledger = Ledger()
    purposes = [Purpose(role, task) for role in ("designer", "reviewer") for task in ("a", "b")]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ledger.add(purposes[number % 4], ONE, "provider"), range(4000)))
        list(pool.map(lambda number: ledger.add_failed_attempt(purposes[number % 4]), range(400)))
    assert ledger.usage() == Usage(4000, 40_000, 20_000, 8_000, 2000.0, 4000.0)
    assert ledger.usage(role="designer", task="a").calls == 1000
    assert ledger.failed_attempts(role="reviewer") == 200
    assert [row.failed_attempts for row in ledger.rows()] == [100] * 4


def test_a_sum_with_an_unknown_price_is_unknown_and_nothing_costs_nothing() -> None:
    ledger = Ledger()
    assert ledger.usage().cost_usd == 0
    ledger.add(Purpose("designer", "a"), ONE, "provider")
    ledger.add(Purpose("reviewer", "a"), Usage(1, 10, 5, 0, None, 1.0), "provider")
    assert ledger.usage(role="designer").cost_usd == 0.5
    assert ledger.usage(task="a").cost_usd is None
    assert usage_from_json(usage_json(ledger.usage())).cost_usd is None


def test_replies_of_a_record_or_a_cache_are_told_from_those_paid_for() -> None:
    ledger = Ledger()
    ledger.add(Purpose("agent"), ONE, "record")
    ledger.add(Purpose("agent"), ONE, "cache")
    assert ledger.usage().calls == 2
    assert ledger.usage(source="provider").calls == 0


@pytest.mark.parametrize(
    ("budget", "word"),
    [(Budget(calls=3), "3 calls"), (Budget(tokens=45), "45 tokens"), (Budget(usd=1.5), "1.5 USD")],
)
def test_a_budget_admits_calls_until_it_is_spent_and_says_how_to_go_on(budget: Budget, word: str) -> None:
    paid = Usage()
    spending = Spending(budget, lambda: paid, Path("calls.jsonl"))
    for _ in range(3):
        with spending.call():
            paid += ONE
    with pytest.raises(BudgetSpent, match=rf"{word} is spent.*--resume"), spending.call():
        pytest.fail("the call was admitted")


def test_a_spent_budget_of_a_run_without_a_record_promises_nothing() -> None:
    spending = Spending(Budget(calls=1), lambda: ONE)
    with pytest.raises(BudgetSpent, match=r"0\.5 USD; raise --budget-calls$"), spending.call():
        pytest.fail("the call was admitted")


def test_a_call_is_under_way_or_counted_and_never_both() -> None:
    paid = [Usage()]
    spending = Spending(Budget(calls=3), lambda: paid[0])

    def enter() -> None:
        paid[0] += ONE

    with spending.call() as first:
        first.settle(enter)
        with spending.call() as second, spending.call() as third:
            second.settle(enter)
            third.settle(enter)
            third.settle(enter)
    assert paid[0].calls == 3
    with pytest.raises(BudgetSpent), spending.call():
        pytest.fail("the call was admitted")


@pytest.mark.parametrize("budget", [Budget(calls=10), Budget(tokens=150), Budget(usd=5.0)])
def test_calls_under_way_count_towards_a_budget(budget: Budget) -> None:
    paid = Usage()
    spending = Spending(budget, lambda: paid)
    with spending.call():
        paid += ONE
    admitted = nested(spending, 0)
    assert admitted == 9


def nested(spending: Spending, depth: int) -> int:
    try:
        with spending.call():
            return nested(spending, depth + 1)
    except BudgetSpent:
        return depth


def test_a_budget_in_money_is_not_kept_blindly() -> None:
    spending = Spending(Budget(usd=1.0), lambda: Usage(1, 1, 1, 0, None, 1.0))
    with pytest.raises(ValueError, match="no known price"), spending.call():
        pytest.fail("the call was admitted")


@pytest.mark.parametrize("make", [lambda: Budget(usd=-1), lambda: Budget(calls=-1), lambda: Budget(tokens=-5)])
def test_a_negative_budget_is_refused(make: Callable[[], Budget]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        make()
