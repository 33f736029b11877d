"""Evidence: everything the assertions look at, gathered once for a package.

Facts are gathered when a check first asks for them and kept: a package whose files are missing costs nothing more,
and foreign code runs only after its text has passed. What takes a process can be begun before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from generators.competitions.card import Card
from generators.competitions.package import (
    ANSWERS,
    DESCRIPTION,
    METRIC,
    PREPARE,
    PUBLIC,
    SAMPLE_SUBMISSION,
    TEST,
    TRAIN,
    read_card,
)
from generators.datasets.named_series import NamedSeries, named_series
from generators.errors import CompetitionError
from generators.verification.layout import FileFact, file_digests, list_files
from generators.verification.package_runs import Exercise, OwnTests, exercise_metric, run_own_tests
from generators.verification.preparation import PrepareRun, run_prepare
from generators.verification.source_code import Source, parse_source
from generators.verification.tables import TableFact, cells, keys, places, read_table

_BACKGROUND = ThreadPoolExecutor(thread_name_prefix="mlesmith-verify")
TABLES = (TRAIN, TEST, SAMPLE_SUBMISSION, ANSWERS)


@dataclass
class Evidence:
    """The package in `root`, and the raw data it was made from where that is at hand."""

    root: Path
    raw: Path | None = None
    _begun: dict[str, Future[Any]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def files(self) -> dict[str, FileFact]:
        """Every file of the package."""
        return list_files(self.root)

    @cached_property
    def public_digests(self) -> dict[str, str]:
        """SHA-256 of every public file, by its path below public/."""
        return file_digests(self.root / PUBLIC)

    @cached_property
    def card_error(self) -> str:
        """Why the card cannot be used, empty where it can."""
        return self._card_or_error if isinstance(self._card_or_error, str) else ""

    @property
    def card(self) -> Card:
        """The card. Only for checks that need `card_is_valid`."""
        assert isinstance(self._card_or_error, Card), "checks of the card's content need `card_is_valid`"
        return self._card_or_error

    @cached_property
    def _card_or_error(self) -> Card | str:
        try:
            return read_card(self.root)
        except CompetitionError as error:
            return str(error).replace(f"{self.root}/", "")

    @cached_property
    def prepare_code(self) -> Source:
        """The text of prepare.py."""
        return parse_source(self.root / PREPARE)

    @cached_property
    def metric_code(self) -> Source:
        """The text of metric.py."""
        return parse_source(self.root / METRIC)

    @cached_property
    def description(self) -> str:
        """The text of description.md."""
        return (self.root / DESCRIPTION).read_text("utf-8", errors="replace")

    @cached_property
    def tables(self) -> dict[str, TableFact]:
        """The four tables by relative path."""
        return {path: read_table(self.root / path) for path in TABLES}

    @property
    def train(self) -> TableFact:
        """public/train.csv."""
        return self.tables[TRAIN]

    @property
    def test(self) -> TableFact:
        """public/test.csv."""
        return self.tables[TEST]

    @property
    def sample(self) -> TableFact:
        """public/sample_submission.csv."""
        return self.tables[SAMPLE_SUBMISSION]

    @property
    def answers(self) -> TableFact:
        """private/test_answer.csv."""
        return self.tables[ANSWERS]

    def answers_to(self, wanted: Sequence[Any]) -> dict[str, np.ndarray]:
        """The texts of each target for rows with these keys (see `keys`), all of which are among the answers."""
        rows = places(wanted, keys(self.answers.text, self.card.ids))
        return {target: cells(self.answers.text[target])[rows] for target in self.card.targets}

    @property
    def test_answers(self) -> dict[str, np.ndarray]:
        """As `answers_to`, for the rows of public/test.csv."""
        return self.answers_to(keys(self.test.text, self.card.ids))

    @cached_property
    def named_series(self) -> NamedSeries | None:
        """The series files that rows of the training and the test table name; None where no column names any."""
        present = {
            path.removeprefix("public/")
            for path, fact in self.files.items()
            if path.startswith("public/") and fact.kind == "file"
        }
        return named_series(self.root / "public", present, self.train.text, self.test.text, self.card.ids)

    def begin_prepare(self) -> None:
        """Let prepare.py run in the background, and where that goes well a second time."""
        raw = self.raw
        if raw is not None:
            self._begin("first run", lambda: self._prepared(raw))

    def begin_exercise(self) -> None:
        """Let the metric be put through its paces in the background."""
        self._begin("exercise", lambda: exercise_metric(self.root))

    def begin_own_tests(self) -> None:
        """Let the package's own tests run in the background."""
        self._begin("own tests", lambda: run_own_tests(self.root))

    def wait(self) -> None:
        """Until nothing that was begun still runs, so that the package can be changed or removed."""
        while going_on := [run for run in list(self._begun.values()) if not run.done()]:  # one may begin another
            wait(going_on)

    @cached_property
    def first_run(self) -> PrepareRun | None:
        """What prepare.py did; None where the raw data is not at hand."""
        self.begin_prepare()
        begun = self._begun.get("first run")
        return None if begun is None else begun.result()

    @cached_property
    def second_run(self) -> PrepareRun | None:
        """What prepare.py did in another interpreter; None where it failed before, or the raw data is not at hand."""
        begun = self._begun.get("second run") if self.first_run is not None else None
        return None if begun is None else begun.result()

    @cached_property
    def exercise(self) -> Exercise:
        """What the metric said to a battery of submissions."""
        self.begin_exercise()
        found: Exercise = self._begun["exercise"].result()
        return found

    @cached_property
    def own_tests(self) -> OwnTests:
        """How the package's own tests went."""
        self.begin_own_tests()
        found: OwnTests = self._begun["own tests"].result()
        return found

    def _prepared(self, raw: Path) -> PrepareRun:
        run = run_prepare(self.root / PREPARE, raw)
        if run.result.ok:
            self._begin("second run", lambda: run_prepare(self.root / PREPARE, raw, afresh=True))
        return run

    def _begin(self, what: str, run: Callable[[], Any]) -> None:
        if what not in self._begun:
            self._begun[what] = _BACKGROUND.submit(run)
