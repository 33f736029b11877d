"""What a profile says of columns, keys, groups, times and duplicates."""

import numpy as np
import pandas as pd
import pytest

from generators.datasets.ordinals import category_order
from generators.datasets.profile import ColumnType
from generators.datasets.profiling import profile_frame
from generators.datasets.times import read_times

ROWS = 400


def type_of(values, name="column"):
    return profile_frame(pd.DataFrame({name: values})).columns[0].type


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("user_id", lambda r: r.integers(0, 90, ROWS), ColumnType.ID),
        ("playerID", lambda r: [f"p{n:03d}" for n in r.integers(0, 99, ROWS)], ColumnType.ID),
        ("anything", lambda r: np.arange(ROWS) + 7, ColumnType.ID),
        ("checksum", lambda r: [f"{n:032x}" for n in range(ROWS)], ColumnType.ID),
        ("lgID", lambda r: r.choice(["AL", "NL"], ROWS), ColumnType.CATEGORICAL),
        ("salary", lambda r: r.permutation(100_000)[:ROWS], ColumnType.NUMERIC),
        ("ratio", lambda r: r.normal(size=ROWS), ColumnType.NUMERIC),
        ("children", lambda r: r.integers(0, 4, ROWS), ColumnType.NUMERIC),
        ("kind", lambda r: r.integers(0, 4, ROWS), ColumnType.CATEGORICAL),
        ("q7", lambda r: r.integers(0, 4, ROWS), ColumnType.CATEGORICAL),
        ("hits", lambda r: r.poisson(0.7, ROWS), ColumnType.NUMERIC),
        ("rating", lambda r: r.integers(1, 6, ROWS), ColumnType.ORDINAL),
        ("month", lambda r: r.integers(1, 13, ROWS), ColumnType.ORDINAL),
        ("size", lambda r: r.choice(["Small", "Medium", "Large"], ROWS), ColumnType.ORDINAL),
        ("flag", lambda r: r.choice(["Y", "N"], ROWS), ColumnType.BOOLEAN),
        ("bit", lambda r: r.integers(0, 2, ROWS), ColumnType.BOOLEAN),
        ("yearID", lambda r: r.integers(1871, 2021, ROWS), ColumnType.DATETIME),
        ("day", lambda r: 20_200_100 + r.integers(1, 29, ROWS), ColumnType.DATETIME),
        ("timestamp", lambda r: r.integers(1_500_000_000, 1_600_000_000, ROWS), ColumnType.DATETIME),
        ("first", lambda r: r.choice(["1987, February", "1990, May", "1962, August"], ROWS), ColumnType.DATETIME),
        ("review", lambda r: [f"the {n}th text says more than a label does" for n in range(ROWS)], ColumnType.TEXT),
        ("file", lambda r: [f"train/{n}.JPG" for n in range(ROWS)], ColumnType.PATH),
        ("latitude", lambda r: r.uniform(-60, 60, ROWS), ColumnType.LOCATION),
        ("zip", lambda r: [f"{n:05d}" for n in r.integers(0, 99_999, ROWS)], ColumnType.LOCATION),
        ("price", lambda r: [f"${n:,.2f}" for n in r.uniform(1, 9999, ROWS)], ColumnType.NUMERIC),
        ("city", lambda r: r.choice(["Rome", "Oslo", "Bern"], ROWS), ColumnType.CATEGORICAL),
        ("nothing", lambda r: [None] * ROWS, ColumnType.EMPTY),
        ("same", lambda r: ["x"] * ROWS, ColumnType.CONSTANT),
        ("nested", lambda r: [[1, int(n)] for n in r.integers(0, 3, ROWS)], ColumnType.CATEGORICAL),
    ],
)
def test_a_column_is_typed_by_what_it_means(name, make, expected, rng):
    assert type_of(make(rng), name) is expected


def test_the_evidence_for_a_type_is_given(rng):
    column = profile_frame(pd.DataFrame({"user_id": rng.integers(0, 90, ROWS)})).column("user_id")
    assert "named as an identifier" in column.why


def test_the_text_none_stays_a_class(rng):
    values = rng.choice(["None", "Minor", "Substantial"], ROWS)
    column = profile_frame(pd.DataFrame({"damage": values})).column("damage")
    assert column.missing == 0
    assert column.order == ("None", "Minor", "Substantial")


def test_rare_labels_without_a_place_are_left_out_of_an_order(rng):
    values = ["Small", "Medium", "Large"] * 133 + ["C"]
    column = profile_frame(pd.DataFrame({"size": values})).column("size")
    assert column.type is ColumnType.ORDINAL
    assert column.order == ("Small", "Medium", "Large")


def test_columns_of_one_family_are_numeric_together(rng):
    frame = pd.DataFrame({f"pixel_{n}": rng.integers(0, 17, ROWS) for n in range(6)})
    frame["pixel_6"] = rng.integers(0, 2, ROWS)
    assert profile_frame(frame).column("pixel_6").type is ColumnType.NUMERIC


@pytest.mark.parametrize(
    ("texts", "form", "first"),
    [
        (["2001/01/01 00:47", "2001/02/03 13:00"], "%Y/%m/%d %H:%M", "2001-01-01T00:47:00"),
        (["31/01/2020", "02/03/2021"], "%d/%m/%Y", "2020-01-31T00:00:00"),
        (["01/31/2020", "02/03/2021"], "%m/%d/%Y", "2020-01-31T00:00:00"),
        # two numbers may be the year: that which gives the fewest years
        (["09.03.30", "10.11.04", "11.12.31"], "%y.%m.%d", "2009-03-30T00:00:00"),
        (["30.03.09", "04.11.10", "31.12.11"], "%d.%m.%y", "2009-03-30T00:00:00"),
        (["1987, February", "1990"], "mixed", "1987-02-01T00:00:00"),
        (["2020-01-05T10:00:00Z", "2020-01-06T10:00:00Z"], "ISO8601", "2020-01-05T10:00:00"),
        (["5 May 2012 10:30 AM", "7 May 2012 01:30 PM"], "%d %b %Y %I:%M %p", "2012-05-05T10:30:00"),
    ],
)
def test_dates_are_read_whatever_their_form(texts, form, first):
    times = read_times(pd.Series(texts))
    assert times is not None
    assert times.format == form
    assert times.moments.iloc[0].isoformat() == first


def test_two_digit_years_lie_together():
    """`Aug-39` beside `Feb-13` is 1939, which strptime reads as 2039."""
    times = read_times(pd.Series(["Aug-39", "Aug-62", "Feb-13"]))
    assert times is not None
    assert [moment.year for moment in times.moments] == [1939, 1962, 2013]


@pytest.mark.parametrize("texts", [["18-25", "26-35"], ["3-1", "2-0"], ["1.5-2", "3.1-4"], ["10/15", "12/40"]])
def test_ranges_and_scores_are_no_dates(texts):
    assert read_times(pd.Series(texts)) is None


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (["high", "low", "medium"], ("low", "medium", "high")),
        (["65+", "<18", "18-25", "26-64"], ("<18", "18-25", "26-64", "65+")),
        (["grade 10", "grade 2"], ("grade 2", "grade 10")),
        (["Mar", "Jan", "Feb"], ("Jan", "Feb", "Mar")),
        (["PhD", "High School", "Bachelors"], ("High School", "Bachelors", "PhD")),
        (["red", "blue"], ()),
        (["yes", "no"], ()),
        (["A1", "B2", "C3"], ()),
    ],
)
def test_order_comes_from_words_and_numbers(labels, order):
    assert category_order(labels) == order


def test_a_table_without_a_key_column_gets_a_composite_one(rng):
    frame = pd.DataFrame({"team": np.repeat(["A", "B", "C", "D"], 25), "year": np.tile(np.arange(1990, 2015), 4)})
    frame["score"] = rng.normal(size=100)
    assert profile_frame(frame).keys == (("year", "team"),)


def test_a_unique_measure_is_no_key(rng):
    assert profile_frame(pd.DataFrame({"x": rng.normal(size=100), "y": rng.normal(size=100)})).keys == ()


def test_repeated_identifiers_group_the_rows(rng):
    frame = pd.DataFrame({"patient_id": np.repeat(np.arange(1000, 1080), 5), "value": rng.normal(size=400)})
    group = profile_frame(frame).groups[0]
    assert (group.column, group.groups, group.rows_per_group) == ("patient_id", 80, 5.0)
    assert "names a patient" in group.why


def test_birthdays_do_not_order_the_rows(rng):
    days = pd.Series(pd.date_range("2000-01-01", periods=ROWS))
    frame = pd.DataFrame({"birth_date": days, "order_date": days[::-1].to_numpy()})
    assert profile_frame(frame).time_columns == ("order_date",)


def test_exact_and_near_duplicates_are_counted_apart(rng):
    frame = pd.DataFrame(rng.normal(size=(300, 6)), columns=list("abcdef"))
    exact = frame.iloc[:7]
    near = frame.iloc[7:12] * (1 + 1e-7)
    profile = profile_frame(pd.concat([frame, exact, near], ignore_index=True))
    assert profile.duplicate_rows == 7
    assert profile.near_duplicate_rows == 5


def test_rows_that_are_equal_by_chance_are_no_near_duplicates(rng):
    frame = pd.DataFrame({"a": rng.integers(0, 3, 500), "b": rng.integers(0, 3, 500), "id": np.arange(500)})
    assert profile_frame(frame).near_duplicate_rows == 0


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame({"a": [1]}), pd.DataFrame({0: [1, 2], "0": [3, 4]})]
)
def test_degenerate_tables_have_a_profile(frame):
    assert profile_frame(frame).rows == len(frame)


def test_the_same_table_gives_the_same_profile(rng):
    frame = pd.DataFrame({"a": rng.normal(size=30_000), "b": rng.choice(list("xyz"), 30_000)})
    assert profile_frame(frame, seed=3).model_dump_json() == profile_frame(frame.copy(), seed=3).model_dump_json()


def test_infinite_numbers_count_as_missing():
    column = profile_frame(pd.DataFrame({"x": [1.5, np.inf, 2.5, -np.inf] * 20})).column("x")
    assert column.missing == 40
    assert column.numeric is not None
    assert column.numeric.maximum == 2.5
