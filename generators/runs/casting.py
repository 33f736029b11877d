"""Casting: which roles have a model, as plain data that a command can check before anything heavy is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

ROLES = ("brainstormer", "designer", "refactor", "reviewer")
BACKENDS = ("llm", "rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Casting:
    """Who plays which role. Raises `ValueError` for what cannot be, naming the option."""

    brainstormer: str = "llm"
    designer: str = "llm"
    refactor: str = "llm"
    reviewer: str = "llm"
    fallback: str = ""
    """`rules`: they take a role over where the model's provider fails; empty: nobody does."""
    designer_steps: int = 30
    """Replies of a model at most, for one package."""
    steps: int = 15
    """The same for the other roles."""

    def __post_init__(self) -> None:
        for role in ROLES:
            if getattr(self, role) not in BACKENDS:
                raise ValueError(f"--{role} is {' or '.join(BACKENDS)}, not {getattr(self, role)!r}")
        if self.fallback not in ("", "rules"):
            raise ValueError(f"--fallback is rules or left out, not {self.fallback!r}")
        for name in ("steps", "designer_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")

    @property
    def backends(self) -> dict[str, str]:
        """The backend of each role."""
        return {role: getattr(self, role) for role in ROLES}

    def as_json(self) -> dict[str, Any]:
        """JSON values, from which `Casting(**values)` is the same."""
        return asdict(self)
