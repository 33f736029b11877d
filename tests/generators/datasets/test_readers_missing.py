"""Which cells are missing and which words are values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.datasets.readers import discover, source


def read_columns(folder: Path, **columns: list[str]) -> pd.DataFrame:
    """The frame that comes from a CSV of these cells, checked against the code that reads it."""
    frame = pd.DataFrame(columns)
    frame.to_csv(folder / "data.csv", index=False)
    [(spec, read)], problems = discover(folder / "data.csv", "data.csv")
    assert not problems
    code = source(spec)
    names: dict[str, object] = {"raw": folder}
    exec("\n".join(code.imports), names)
    pd.testing.assert_frame_equal(eval(code.expression, names), read)
    return read


def some(seed: int, values: list[str], size: int = 300, p: list[float] | None = None) -> list[str]:
    return list(np.random.default_rng(seed).choice(values, size=size, p=p))


@pytest.mark.parametrize(
    "marker", ["", "NA", "N/A", "n/a", "NaN", "null", "NULL", "#N/A", "?", "-", "None", "none", "."]
)
def test_a_usual_marker_among_numbers_is_missing(tmp_path: Path, marker: str) -> None:
    cells = [str(i) for i in range(50)]
    cells[3] = cells[20] = marker
    frame = read_columns(tmp_path, x=cells, y=[str(i) for i in range(50)])
    assert frame["x"].dtype == "float64"
    assert frame["x"].isna().sum() == 2


def test_a_frequent_none_among_words_is_a_class(tmp_path: Path) -> None:
    damage = some(0, ["None", "Minor", "Substantial", "Medium"], p=[0.89, 0.05, 0.03, 0.03])
    frame = read_columns(tmp_path, damage=damage, speed=some(1, ["", "100", "200"]))
    assert (frame["damage"] == "None").sum() == damage.count("None")
    assert frame["damage"].notna().all()
    assert frame["speed"].dtype == "float64"


def test_none_among_words_is_missing_where_none_means_missing_among_numbers(tmp_path: Path) -> None:
    damage = some(0, ["None", "Minor", "Substantial"])
    frame = read_columns(tmp_path, damage=damage, speed=some(1, ["None", "100", "200"]))
    assert frame["damage"].isna().sum() == damage.count("None")
    assert frame["speed"].dtype == "float64"


def test_na_among_two_letter_codes_is_a_code(tmp_path: Path) -> None:
    codes = some(0, ["NA", "DE", "FR", "IT", "ES", "PL", "AT", "CH"])
    frame = read_columns(tmp_path, country=codes, n=[str(i) for i in range(300)])
    assert (frame["country"] == "NA").sum() == codes.count("NA")


def test_a_rare_na_among_two_letter_codes_is_a_code(tmp_path: Path) -> None:
    codes = some(0, ["DE", "FR", "IT", "ES", "PL", "AT", "CH"], size=500)
    codes[77] = "NA"
    frame = read_columns(tmp_path, country=codes, n=[str(i) for i in range(500)])
    assert frame["country"].iloc[77] == "NA"


def test_na_in_whole_rows_is_missing(tmp_path: Path) -> None:
    states = ["AK", "AL", "TX", "CA", "NY"] * 60
    cities = [f"City {i}" for i in range(300)]
    for i in range(0, 300, 30):
        states[i] = cities[i] = "NA"
    frame = read_columns(tmp_path, city=cities, state=states)
    assert frame["state"].isna().sum() == 10
    assert frame["city"].isna().sum() == 10


def test_a_question_mark_among_words_is_missing(tmp_path: Path) -> None:
    work = some(0, ["Private", "State", "?"])
    frame = read_columns(tmp_path, work=work, n=[str(i) for i in range(300)])
    assert frame["work"].isna().sum() == work.count("?")


def test_minus_beside_plus_is_a_value(tmp_path: Path) -> None:
    frame = read_columns(tmp_path, strand=["+", "-", "-", "+"] * 10, gap=["a", "-", "b", "b"] * 10)
    assert frame["strand"].notna().all()
    assert frame["gap"].isna().sum() == 10


def test_a_marker_word_in_a_list_of_words_is_a_word(tmp_path: Path) -> None:
    words = [f"word{i}" for i in range(200)]
    words[17] = "nan"
    frame = read_columns(tmp_path, word=words, n=[str(i) for i in range(200)])
    assert frame["word"].iloc[17] == "nan"


def test_markers_among_dates_and_truth_values_are_missing(tmp_path: Path) -> None:
    days = some(0, ["2020-01-01", "2020-01-02", "None"])
    flags = some(1, ["True", "False", "NA"])
    frame = read_columns(tmp_path, day=days, flag=flags)
    assert frame["day"].isna().sum() == days.count("None")
    assert frame["flag"].isna().sum() == flags.count("NA")


def test_columns_that_disagree_on_a_marker_are_read_each_its_own_way(tmp_path: Path) -> None:
    damage = some(0, ["None", "Minor", "Major"])
    days = some(1, ["2020-01-01", "2020-01-02", "None", ""])
    frame = read_columns(tmp_path, damage=damage, day=days, x=some(2, ["", "1.5"]))
    assert (frame["damage"] == "None").sum() == damage.count("None")
    assert frame["day"].isna().sum() == days.count("None") + days.count("")
    assert frame["x"].dtype == "float64"
