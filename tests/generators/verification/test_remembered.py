"""The same files are judged once; whatever is touched is judged anew."""

from __future__ import annotations

import shutil

from generators.finding import CheckOutcome
from generators.verification.remembered import assertions_on


def failed(results):
    return {result.check for result in results if result.outcome is CheckOutcome.FAILED}


def test_a_package_that_nobody_touched_is_judged_once(package):
    first = assertions_on(package, None)
    assert failed(first) == set()
    assert assertions_on(package, None) is first
    assert assertions_on(package, package.parent / "raw") is not first


def test_a_package_that_was_touched_is_judged_anew(package, edit):
    first = assertions_on(package, None)
    edit.text(package / "metric.py", "class InvalidSubmissionError", "class RefusedError")
    assert "metric_names_its_error" in failed(assertions_on(package, None))
    shutil.copytree(package, package.parent / "other")
    assert assertions_on(package.parent / "other", None) is not first


def test_raw_data_that_were_touched_are_prepared_anew(package):
    raw = package.parent / "raw"
    first = assertions_on(package, raw)
    (table,) = raw.iterdir()
    table.write_bytes(table.read_bytes().replace(b"yes", b"no ", 1))
    assert assertions_on(package, raw) is not first
