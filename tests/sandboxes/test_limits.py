"""Bounds that mean nothing are the caller's fault, and a small one still leaves the room that it names."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox


@pytest.mark.parametrize(
    "wrong",
    [{"wall_s": 0}, {"wall_s": math.nan}, {"memory_mib": -1}, {"cpus": 0}, {"cpus": math.nan}, {"cpu_s": math.inf}],
    ids=str,
)
def test_a_bound_that_is_no_positive_number_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"Limits.{next(iter(wrong))} must be positive"):
        Limits(**wrong)  # type: ignore[arg-type]


def test_a_small_bound_on_memory_leaves_that_much_to_the_code(make_sandbox: Callable[..., LocalSandbox]) -> None:
    sandbox = make_sandbox(memory_mib=128)
    assert sandbox.execute("x = bytearray(100 << 20); print(len(x) >> 20)").stdout == "100\n"
    assert sandbox.execute("y = bytearray(2 << 30)").error_name == "MemoryError"
