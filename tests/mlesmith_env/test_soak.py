"""Episodes with random faults leave nothing behind and end with the truth: a short form of `make bench`'s soak."""

from __future__ import annotations

import pytest

from benchmarks import soak
from sandboxes.isolation import probe
from sandboxes.sandbox import IsolationLevel


@pytest.mark.slow
@pytest.mark.skipif(not probe(IsolationLevel.NAMESPACES).ok, reason="its faults are those of level namespaces")
def test_faults_are_told_as_what_they_are_and_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "WARM_UP", 20)
    report = soak.soak(20, seed=1)
    assert report.episodes == 40
    assert set(report.faults) == {*soak.FAULTS, soak.THREAD_KILLED}
    assert report.lies == []
    assert report.left == {}
