"""A few of the broken datasets that `python -m benchmarks fuzz` makes by the thousand: none crashes, none hangs."""

from __future__ import annotations

import json

import pytest

from benchmarks import fuzz
from benchmarks.odd_tables import odd_columns

NUMBER = 3


@pytest.fixture(scope="module")
def material():
    """Real files by kind, and odd tables."""
    return fuzz.originals(), odd_columns(30, NUMBER)


# cases that go no further than proposals, 17 with numbers at the edge of floats
@pytest.mark.parametrize("case", [2, 3, 4, 6, 7, 8, 9, 11, 12, pytest.param(17, marks=pytest.mark.slow)])
def test_broken_data_is_refused_or_leads_to_a_proposal(case, material, monkeypatch):
    monkeypatch.delenv("MLESMITH_RAW_DATA", raising=False)
    ended = fuzz.judge(case, NUMBER, *material)
    assert not ended.failure, ended.failure


def test_what_must_not_be_raised_is_told_with_its_traceback(material, monkeypatch):
    def breaks(*_arguments, **_options):
        raise ZeroDivisionError("by a bug")

    monkeypatch.setattr(fuzz, "run", breaks)
    ended = fuzz.judge(2, NUMBER, *material)
    assert "by a bug" in ended.failure


def test_a_run_goes_on_after_the_last_whole_line_of_its_journal(tmp_path):
    journal = tmp_path / "journal.jsonl"
    done = {"number": 0, "end": "proposed", "seconds": 0.1, "failure": ""}
    journal.write_text(json.dumps(done) + '\n{"number": 1, "en')
    assert fuzz.journalled(journal) == [fuzz.Case(**done)]
