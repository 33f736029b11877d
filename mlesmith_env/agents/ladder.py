"""The ladder: programs of growing strength that solve any tabular competition, as a person would write them.

The rungs are rendered from `solutions/` for one competition. They read public files only, run in seconds and give the
same submission for the same seed. The trial climbs them to measure a competition; the scripted agent to play one.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.solutions import TABLE_FORMS
from generators.errors import CompetitionError
from mlesmith_env.agents.aims import Aim, aim_of
from mlesmith_env.agents.columns import Columns, look_at, read_public

if TYPE_CHECKING:
    import jinja2

RUNGS = ("trivial", "linear", "boosted", "tuned")
"""The ladder from the bottom up."""
_MANY_CLASSES = 20
"""Of more classes no trees are boosted: every round would grow one for each."""
_LARGE = 30_000
"""Cells to learn from, beyond which a table is large."""
_LINE = 116
_LISTED = 60
"""Columns of one kind that a program names one by one; of more it says what they are not."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One solution program."""

    name: str
    kind: str
    """`trivial` (never looks at an input) or `scripted`."""
    code: str
    foreign: bool = False
    """Written by whoever made the competition: it starts in a session of its own."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Renders the solution programs for one competition."""

    card: Card
    columns: Columns
    rows: int
    """Rows of the training table."""
    log_target: bool
    """The target is a positive number with a long tail."""
    split_column: str = ""
    """The column that the competition was split by, where the training table holds it."""

    @classmethod
    def of(cls, root: Path, card: Card) -> Ladder:
        """Look at the public tables of the package in `root`.

        Raises `CompetitionError` where they cannot be read or the card asks for what the ladder cannot give.
        """
        if len(card.targets) != 1:
            raise CompetitionError(f"{card.id}: the scripted solutions answer one target, not {len(card.targets)}")
        if card.form not in TABLE_FORMS:
            raise CompetitionError(f"{card.id}: the scripted solutions write no submission of the form {card.form}")
        known = (*card.ids, *card.targets) if card.form is not SubmissionForm.VALUE else card.ids
        try:
            train = read_public(root / "public" / "train.csv", known)
            test = read_public(root / "public" / "test.csv", card.ids)
            target = train[card.targets[0]].dropna()
        except (OSError, ValueError, KeyError) as error:
            raise CompetitionError(f"{card.id}: the public tables cannot be read: {error}") from error
        if card.form is not SubmissionForm.VALUE and (strange := sorted(set(target) - set(card.classes))):
            raise CompetitionError(
                f"{card.id}: public/train.csv holds the class {strange[0]!r}, the card names {', '.join(card.classes)}"
            )
        # a group's number says which rows belong together, and nothing of a group that was never seen
        groups = card.split.columns if card.split.kind == "grouped" else ()
        columns = look_at(train, test, leave_out=(*card.ids, *card.targets, *groups))
        if not columns.inputs:
            raise CompetitionError(f"{card.id}: no column of public/train.csv can be learned from")
        by = next((name for name in card.split.columns if name in train.columns and name not in card.targets), "")
        return cls(
            card=card,
            columns=columns,
            rows=len(train),
            log_target=card.form is SubmissionForm.VALUE
            and bool(target.min() >= 0 and target.mean() > 1.2 * target.median()),
            split_column=by,
        )

    @property
    def large(self) -> bool:
        """Whether there is so much to learn from that scores hardly hang on the seed, and a run takes long."""
        return self.rows * len(self.columns.inputs) > _LARGE

    @property
    def names(self) -> tuple[str, ...]:
        """The rungs of this competition from the bottom up: `RUNGS`, with `forest` for `boosted` among many classes."""
        many = len(self.card.classes) > _MANY_CLASSES
        return tuple("forest" if many and rung == "boosted" else rung for rung in RUNGS)

    def program(self, rung: str, *, seed: int = 0, variant: str = "constant") -> str:
        """The source of one rung. `variant` chooses between trivial ones: `constant` or `random`."""
        if rung not in self.names:
            raise ValueError(f"no rung {rung!r}; there are: {', '.join(self.names)}")
        template = _environment().get_template(f"{rung}.py.jinja")
        return _tidied(template.render(self._facts(seed), variant=variant))

    def again(self, rung: str, *, seeds: int) -> tuple[str, ...]:
        """The programs that show how far a rung's score hangs on chance, beside its first run: `seeds` runs in all."""
        programs = [self.program(rung, seed=seed) for seed in range(seeds)]
        return tuple(programs[1:]) if programs[0] not in programs[1:] else ()  # some leave nothing to chance

    def rungs(self, *, seed: int = 0) -> tuple[Rung, ...]:
        """All programs from the bottom up, the trivial one in both variants."""
        trivial = tuple(
            Rung(name, "trivial", self.program("trivial", seed=seed, variant=variant))
            for name, variant in (("trivial: random draw", "random"), ("trivial: best constant", "constant"))
        )
        return trivial + tuple(Rung(name, "scripted", self.program(name, seed=seed)) for name in self.names[1:])

    def _facts(self, seed: int) -> dict[str, Any]:
        card, columns = self.card, self.columns
        aim: Aim = aim_of(card)
        value = card.form is SubmissionForm.VALUE
        grouped = card.split.kind == "grouped" and self.split_column
        timed = card.split.kind == "time" and self.split_column
        return {
            "seed": seed,
            "rows": self.rows,
            "many": len(card.classes) > _MANY_CLASSES,
            "metric": card.metric.replace("_", " "),
            "higher_is_better": card.higher_is_better,
            "ids": list(card.ids),
            "target": card.targets[0],
            "classes": list(card.classes) if not value else [],
            "form": card.form.value,
            "goal": aim.goal,
            "score": aim.score,
            "score_imports": aim.imports,
            "numbers": list(columns.numbers),
            "categories": list(columns.categories),
            "dates": dict(columns.dates),
            "texts": dict(columns.texts),
            "log_target": self.log_target,
            "split_kind": "grouped" if grouped else "time" if timed else "random",
            "split_column": self.split_column,
            "split_format": columns.dates.get(self.split_column, ""),
            "splitter": "GroupKFold" if grouped else "KFold" if value else "StratifiedKFold",
            "max_rows": 15_000,
            **_effort(self.rows, len(columns.inputs), len(card.classes) if not value else 1, texts=bool(columns.texts)),
        }


def _effort(rows: int, inputs: int, classes: int, *, texts: bool) -> dict[str, Any]:
    """How much work a program may do on a table of this size, so that a rung ends within seconds."""
    outputs = classes if classes > 2 else 1
    small, tiny = rows <= 2_000, rows <= 250
    heavy = rows > 1_500 or rows * inputs * outputs > 30_000
    return {
        "small": small,  # of few rows, large trees learn the noise
        "rounds": 40 if tiny or outputs * inputs > 200 else 60 if small else 100,
        "rate": 0.05 if tiny else 0.08,
        "trees": 25 if tiny else 40,
        "folds": 4 if heavy else 2,
        "one_fold": heavy or (tiny and texts),  # a text is read anew for each fold
    }


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mlesmith_env.agents", "solutions"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - the templates are Python programs; values enter through `literal`
    )
    environment.filters["literal"] = literal
    return environment


def compile_templates() -> None:
    """Compile them all, so that none has to be waited for later: each takes some 10 ms."""
    for name in _environment().list_templates(extensions=["jinja"]):
        _environment().get_template(name)


def literal(value: Any) -> str:
    """A value as a Python literal in double quotes, wrapped where it is long."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        items = [f"{literal(key)}: {literal(item)}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        items = [literal(item) for item in value]
        opening, closing = "[", "]"
    flat = opening + ", ".join(items) + closing
    if len(flat) < _LINE - 20:
        return flat
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= _LINE:
            lines[-1] += f" {item},"
        else:
            lines.append(f"    {item},")
    return "\n".join([opening, *lines, closing])


def _tidied(code: str) -> str:
    """The rendered program without runs of blank lines."""
    lines: list[str] = []
    for line in code.splitlines():
        if not line.strip() and len(lines) >= 2 and not lines[-1] and not lines[-2]:
            continue
        lines.append(line.rstrip())
    return "\n".join(lines).strip() + "\n"
