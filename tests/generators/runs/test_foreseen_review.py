"""A review that is computed before it is asked for is the one of the package as it is when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from generators.errors import CompetitionError
from generators.finding import CheckOutcome, CheckResult, Layer
from generators.runs.foreseen_review import ForeseenReview


class Reader:
    """A reviewer that says what stands in the description, and refuses an empty one."""

    def __init__(self) -> None:
        self.calls = 0
        self.read = threading.Event()

    def review(self, root: Path) -> Sequence[CheckResult]:
        self.calls += 1
        text = (root / "description.md").read_text(encoding="utf-8")
        self.read.set()
        if not text:
            raise CompetitionError("description.md: there is nothing in it")
        return [CheckResult(layer=Layer.REVIEW, check=text, outcome=CheckOutcome.PASSED)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "description.md").write_text("as it was", encoding="utf-8")
    return tmp_path


def test_a_review_that_was_begun_is_not_made_again(root: Path) -> None:
    reader = Reader()
    foreseen = ForeseenReview(reader)
    foreseen.begin(root)
    foreseen.begin(root)
    assert [result.check for result in foreseen.review(root)] == ["as it was"]
    assert [result.check for result in foreseen.review(root)] == ["as it was"]
    assert reader.calls == 1


def test_what_was_begun_before_a_file_changed_does_not_count(root: Path) -> None:
    reader = Reader()
    foreseen = ForeseenReview(reader)
    foreseen.begin(root)
    assert reader.read.wait(30)
    (root / "description.md").write_text("as it is now", encoding="utf-8")
    assert [result.check for result in foreseen.review(root)] == ["as it is now"]


def test_a_package_that_was_never_begun_is_reviewed_when_it_is_asked_for(root: Path) -> None:
    reader = Reader()
    assert [result.check for result in ForeseenReview(reader).review(root)] == ["as it was"]


def test_a_package_that_cannot_be_reviewed_says_so_when_it_is_asked_for(root: Path) -> None:
    (root / "description.md").write_text("", encoding="utf-8")
    foreseen = ForeseenReview(Reader())
    foreseen.begin(root)
    with pytest.raises(CompetitionError, match="nothing in it"):
        foreseen.review(root)
