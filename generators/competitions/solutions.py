"""Reference solutions that a package brings itself: programs that the trial runs where tables alone do not suffice.

They lie in `solutions/`, beside `public/` and never below it, so that no participant gets them. Each is a plain script
that reads `./public/` and writes `./submission.csv`. One whose result hangs on chance states `SEED = 0` on a line of
its own, and is run again with other numbers there.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from generators.competitions.card import Card, SubmissionForm
from generators.errors import CompetitionError
from generators.parsing import parse_module

SOLUTIONS = "solutions"
TRIVIAL = "solutions/trivial.py"
BETTER = "solutions/better.py"
SOLUTION_FILES = (TRIVIAL, BETTER)
"""Both or neither: a floor without anything above it says nothing, and the reverse."""
TABLE_FORMS = frozenset(
    {SubmissionForm.LABEL, SubmissionForm.PROBABILITY, SubmissionForm.PROBABILITIES, SubmissionForm.VALUE}
)
"""Forms of submission that a program can be written for without knowing the competition, from its tables alone."""
_SEED = "SEED"


@dataclass(frozen=True, slots=True)
class Solution:
    """One program."""

    path: str
    """Inside the package."""
    code: str

    @property
    def seeded(self) -> bool:
        """Whether its result hangs on a seed that it states."""
        return _seed_lines(self.code) != []

    def with_seed(self, seed: int) -> str:
        """The program with another seed, where it states one; else as it is."""
        lines = self.code.splitlines(keepends=True)
        for number in _seed_lines(self.code):
            lines[number] = f"{_SEED} = {seed}\n"
        return "".join(lines)


def needs_solutions(card: Card) -> bool:
    """Whether a competition cannot be solved from its tables alone: inputs are files, there are several targets, or the
    submission is none of `TABLE_FORMS`."""
    return bool(card.file_columns) or len(card.targets) != 1 or card.form not in TABLE_FORMS


def has_solutions(root: Path) -> bool:
    """Whether the package in `root` brings solutions."""
    return (root / SOLUTIONS).is_dir()


def read_solution(root: Path, path: str) -> Solution:
    """One of `SOLUTION_FILES`. Raises `CompetitionError` where it is not there, a link, or no UTF-8 text."""
    place = root / path
    if place.is_symlink() or not place.is_file():
        raise CompetitionError(
            f"{path}: no such file; a package that brings solutions has {' and '.join(SOLUTION_FILES)}"
        )
    try:
        return Solution(path, place.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise CompetitionError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _seed_lines(code: str) -> list[int]:
    """Places of the lines `SEED = <whole number>` at the top level; none where the text is no Python."""
    try:
        tree = parse_module(code)
    except (SyntaxError, ValueError):
        return []
    return [
        node.lineno - 1
        for node in tree.body
        if isinstance(node, ast.Assign)
        and node.lineno == node.end_lineno
        and [ast.unparse(target) for target in node.targets] == [_SEED]
        and isinstance(node.value, ast.Constant)
        and type(node.value.value) is int
    ]
