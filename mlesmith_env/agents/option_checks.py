"""Options of agents come from a command line as any JSON: what each takes is told before an episode is played."""

from __future__ import annotations

from numbers import Integral, Real


def check_whole(option: str, value: object, least: int) -> None:
    """Raise `ValueError` where the value is no whole number, or one below `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{option} must be a whole number, got {value!r}")  # noqa: TRY004 - as for any other value
    if int(value) < least:
        raise ValueError(f"{option} must be at least {least}, got {value!r}")


def check_share(option: str, value: object) -> None:
    """Raise `ValueError` where the value is no number between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ValueError(f"{option} must be a number between 0 and 1, got {value!r}")
