"""What a profile says of columns that depend on each other and tables that point to each other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.datasets.links import find_links
from generators.datasets.profiling import profile_dataset, profile_frame, profile_table
from generators.datasets.raw import RawDataset, ReadSpec, Table

RAW = Path(__file__).resolve().parents[4] / "shared" / "data"


def relations(frame):
    return {(d.kind, d.determinants, d.dependent) for d in profile_frame(frame).dependencies}


def table(name, frame):
    return Table(name, ReadSpec(path=f"{name}.csv", format="csv"), frame)


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {"a": rng.integers(1, 900, 600), "b": rng.integers(1, 900, 600), "c": rng.choice(list("uvw"), 600)}
    )


def test_independent_columns_have_no_relation(frame):
    assert relations(frame) == set()


def test_a_copy_is_found(frame):
    assert ("copy", ("a",), "z") in relations(frame.assign(z=frame["a"].astype(float)))


def test_a_recoding_is_found(frame):
    assert ("recoding", ("c",), "z") in relations(frame.assign(z=frame["c"].map({"u": 4, "v": 9, "w": 7})))


def test_a_function_is_found_in_its_direction_only(frame):
    rng = np.random.default_rng(2)
    city = rng.choice([f"city{n}" for n in range(20)], 600)
    found = relations(frame.assign(city=city, state=[f"s{int(name[4:]) % 4}" for name in city]))
    assert ("function", ("city",), "state") in found
    assert ("function", ("state",), "city") not in found


@pytest.mark.parametrize(
    ("kind", "make"),
    [("sum", lambda f: f["a"] + f["b"]), ("product", lambda f: f["a"] * f["b"]), ("ratio", lambda f: f["a"] / f["b"])],
)
def test_arithmetic_of_two_columns_is_told_once(frame, kind, make):
    arithmetic = [d for d in profile_frame(frame.assign(z=make(frame))).dependencies if len(d.determinants) == 2]
    assert len(arithmetic) == 1
    assert {*arithmetic[0].determinants, arithmetic[0].dependent} == {"a", "b", "z"}
    assert "100.0%" in arithmetic[0].evidence
    if kind == "sum":
        assert arithmetic[0].kind == "sum"


def test_a_sum_of_three_columns_is_found(frame):
    rng = np.random.default_rng(3)
    frame = frame.assign(d=rng.integers(1, 900, 600))
    found = relations(frame.assign(z=frame["a"] + frame["b"] + frame["d"]))
    assert ("sum", ("a", "b", "d"), "z") in found


def test_a_rounded_ratio_with_a_constant_is_found(frame):
    found = relations(frame.assign(z=(27 * frame["a"] / frame["b"]).round(2)))
    assert ("ratio", ("a", "b"), "z") in found


def test_linear_and_monotone_relations_are_found(frame):
    found = relations(frame.assign(f=32 + 1.8 * frame["a"], g=np.exp(frame["b"] / 90)))
    assert ("linear", ("a",), "f") in found
    assert ("rank", ("b",), "g") in found


def test_a_unique_column_is_no_function_of_everything(frame):
    frame = frame.assign(key=[f"k{n:04d}x" for n in range(600)])
    assert not any(d.determinants == ("key",) for d in profile_frame(frame).dependencies)


def test_a_foreign_key_is_linked_with_its_coverage():
    rng = np.random.default_rng(4)
    users = pd.DataFrame({"id": np.arange(1, 201), "age": rng.integers(18, 80, 200)})
    orders = pd.DataFrame({"user_id": np.append(rng.integers(1, 201, 990), [900] * 10), "sum": rng.normal(size=1000)})
    tables = [table("users", users), table("orders", orders)]
    (link,) = find_links(tables, [profile_table(t) for t in tables])
    assert (link.table, link.column, link.other_table, link.other_column) == ("orders", "user_id", "users", "id")
    assert link.coverage == pytest.approx(0.99)
    assert link.unique


def test_row_numbers_of_two_tables_are_not_linked():
    rng = np.random.default_rng(5)
    tables = [table(name, pd.DataFrame({"id": np.arange(300), "x": rng.normal(size=300)})) for name in ("one", "two")]
    assert find_links(tables, [profile_table(t) for t in tables]) == ()


def test_text_values_found_in_a_key_link_without_a_name():
    rng = np.random.default_rng(6)
    codes = [f"{a}{b}{c}" for a in "ABCDE" for b in "FGHI" for c in "JKL"]
    airports = pd.DataFrame({"iata": codes, "height": rng.normal(size=len(codes))})
    flights = pd.DataFrame({"origin": rng.choice(codes[:40], 500), "delay": rng.normal(size=500)})
    tables = (table("airports", airports), table("flights", flights))
    dataset = RawDataset("air", Path(), "air", "", tables)
    assert [(link.column, link.other_column) for link in profile_dataset(dataset).links] == [("origin", "iata")]


@pytest.mark.raw_data
@pytest.mark.skipif(not RAW.exists(), reason="the raw datasets are not here")
def test_the_tables_of_a_real_database_are_linked():
    core = RAW / "baseball_databank" / "core"
    names = ("People", "HallOfFame", "Teams", "TeamsFranchises")
    tables = [table(name.lower(), pd.read_csv(core / f"{name}.csv")) for name in names]
    profiles = [profile_table(t) for t in tables]
    found = {(link.table, link.column, link.other_table, link.other_column) for link in find_links(tables, profiles)}
    assert ("halloffame", "playerID", "people", "playerID") in found
    assert ("teams", "franchID", "teamsfranchises", "franchID") in found
    assert profiles[1].keys == (("playerID", "yearID", "votedBy"),)
    assert profiles[1].groups[0].column == "playerID"


@pytest.mark.raw_data
@pytest.mark.skipif(not RAW.exists(), reason="the raw datasets are not here")
def test_dates_in_free_form_determine_the_year_beside_them():
    path = RAW / "comic_characters" / "comic-characters"
    for name, year in (("dc-wikia-data.csv", "YEAR"), ("marvel-wikia-data.csv", "Year")):
        profile = profile_frame(pd.read_csv(path / name))
        assert profile.column("FIRST APPEARANCE").type == "datetime"
        assert ("FIRST APPEARANCE",) in {d.determinants for d in profile.dependencies if d.dependent == year}
