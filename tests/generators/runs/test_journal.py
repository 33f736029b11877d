"""The journal survives a writer that was killed in the middle of a line, and is believed only where it is one."""

from __future__ import annotations

import pytest

from generators.runs.journal import JOURNAL, Journal
from generators.runs.record import Ending, failure

RECORD = failure("a.csv", "a", Ending.FAILED, "it broke")


def test_a_line_without_its_end_is_dropped_and_the_next_one_stands_alone(tmp_path):
    with Journal(tmp_path) as journal:
        journal.write({"made": "one", "record": RECORD.model_dump(mode="json")})
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"made": "two", "rec')
    with Journal(tmp_path) as journal:
        journal.write({"placed": "one", "taken": {}})
    with Journal(tmp_path) as journal:
        assert journal.history.made == {"one": RECORD}
        assert journal.history.placed == {"one": {}}


def test_a_file_that_is_no_journal_is_named_with_its_line_and_left_alone(tmp_path):
    (tmp_path / JOURNAL).write_text('{"ended": "x"}\nhello\n')
    with pytest.raises(ValueError, match=r"journal\.jsonl, line 1"):
        Journal(tmp_path)
    assert "hello" in (tmp_path / JOURNAL).read_text()


def test_a_record_of_before_roles_were_noted_that_rules_took_over_is_read(tmp_path):
    with Journal(tmp_path) as journal:
        journal.write({"made": "one", "record": RECORD.model_dump(mode="json", exclude={"falls"})})
    with Journal(tmp_path) as journal:
        assert journal.history.made == {"one": RECORD}
