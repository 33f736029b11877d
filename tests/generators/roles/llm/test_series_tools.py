"""What the tools for folders of series tell a model, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import open_source
from generators.roles.llm.capability import CallRefused
from generators.roles.llm.exploring import Explorer, FilePatterns, SeriesFacts
from tests.scripted_sensors import write_recordings

TS = """# Four people wore a watch.
@problemName Motions
@dimensions 2
@classLabel true rest run
@data
1,2,3:4,5,6:rest
1,2,4:4,5,7:run
1,2,4,5:4,5,7,8:run
"""


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    folder = write_recordings(tmp_path_factory.mktemp("raw") / "motions", subjects=2)
    (folder / "motions.ts").write_text(TS)
    np.save(folder / "one.npy", np.arange(40.0).reshape(20, 2) ** 2)
    (folder / "notes.md").write_text("As it came.")
    with open_source(folder) as dataset:
        yield Explorer(dataset, profile_dataset(dataset))


def test_files_are_told_by_pattern(explorer: Explorer) -> None:
    text = explorer.file_patterns(FilePatterns()).text()
    assert "14 files; `#` stands for a number" in text
    assert "10 x series/r#.csv, each of " in text
    assert "10 x series/r#.csv" in explorer.file_patterns(FilePatterns(folder="series")).text()
    with pytest.raises(CallRefused, match="no such folder"):
        explorer.file_patterns(FilePatterns(folder="signals"))
    with pytest.raises(CallRefused, match="out of the dataset"):
        explorer.file_patterns(FilePatterns(folder="../.."))


def test_a_series_is_told_with_its_clock_rate_and_gaps(explorer: Explorer) -> None:
    text = explorer.series_facts(SeriesFacts(path="series/r003.csv")).text()
    assert "50 rows (steps), 4 columns of numbers" in text
    assert "clock: 't' rises in every row, from 0 to 4.9, usual step 0.1, 10 rows for each 1 of it" in text
    assert "100.0% of the steps are even, 0 gaps" in text
    assert "- 'ax': 0.0% missing, from " in text
    assert "- 'channel_1'" in explorer.series_facts(SeriesFacts(path="one.npy")).text()


def test_a_file_of_many_series_is_told_by_what_it_declares(explorer: Explorer) -> None:
    text = explorer.series_facts(SeriesFacts(path="motions.ts")).text()
    for said in ("# Four people", "@problemName Motions", "3 series, a line each", "dimensions: 2 (3x)"):
        assert said in text
    assert "steps: 3 (2x), 4 (1x)" in text
    assert "labels: run (2x), rest (1x)" in text


def test_a_line_of_a_file_of_many_may_lack_its_label(explorer: Explorer) -> None:
    (explorer.dataset.root / "half.ts").write_text("@classLabel true a b\n@data\n1,2,3:a\n1,2\n:\n")
    text = explorer.series_facts(SeriesFacts(path="half.ts")).text()
    assert "3 series, a line each" in text
    assert "labels: a (1x), (none) (1x), (1x)" in " ".join(text.split())


def test_what_is_no_series_is_refused_and_its_name_stays_data(explorer: Explorer, tmp_path: Path) -> None:
    with pytest.raises(CallRefused, match="it is no series") as refused:
        explorer.series_facts(SeriesFacts(path="notes.md"))
    assert "notes.md" not in str(refused.value)
    assert "notes.md" in refused.value.data
