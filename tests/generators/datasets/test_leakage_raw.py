"""The leaks of real raw datasets, by name."""

from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.leakage import find_leaks

RAW = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = [pytest.mark.raw_data, pytest.mark.skipif(not RAW.exists(), reason="the raw datasets are not here")]

STRIKES = "faa_birdstrikes/data/birdstrikes.csv"
TEAMS = "baseball_databank/core/Teams.csv"
HALL = "baseball_databank/core/HallOfFame.csv"
MOLECULES = "molecules_moleculenet/originals"
COMICS = "comic_characters/comic-characters"


def kinds(path, target, objective):
    frame = pd.read_csv(RAW / path, keep_default_na=False, na_values=[""])
    return {leak.column: leak.kind for leak in find_leaks(frame, target, objective=objective)}


def test_costs_give_the_damage_of_a_bird_strike_away():
    found = kinds(STRIKES, "Effect Amount of damage", "multiclass classification")
    assert set(found) == {"Cost Other", "Cost Repair", "Cost Total $"}
    assert set(found.values()) == {"after_the_fact"}


def test_the_parts_and_the_damage_give_the_cost_of_a_bird_strike_away():
    found = kinds(STRIKES, "Cost Total $", "regression")
    assert found == {
        "Cost Other": "arithmetic",
        "Cost Repair": "arithmetic",
        "Effect Amount of damage": "after_the_fact",
    }


def test_the_speed_of_a_bird_strike_has_no_leak():
    assert kinds(STRIKES, "Speed IAS in knots", "regression") == {}


def test_the_count_of_votes_gives_the_hall_of_fame_away():
    found = kinds(HALL, "inducted", "binary classification")
    assert {"votes", "ballots", "needed"} <= set(found)
    assert found["votes"] == "arithmetic"
    assert not {"yearID", "category"} & set(found)


def test_losses_games_and_standings_give_the_wins_of_a_team_away():
    found = kinds(TEAMS, "W", "regression")
    assert {"L", "G", "Rank", "DivWin", "LgWin", "WSWin"} <= set(found)
    assert (found["L"], found["G"]) == ("arithmetic", "arithmetic")
    assert not {"R", "RA", "HR", "ERA", "attendance"} & set(found)


def test_other_titles_give_the_world_series_away():
    found = kinds(TEAMS, "WSWin", "binary classification")
    assert {"LgWin", "DivWin", "WCWin", "W", "L", "Rank"} <= set(found)
    assert not {"R", "ERA", "teamID", "attendance"} & set(found)


def test_a_fan_count_has_no_leak():
    assert kinds(TEAMS, "attendance", "regression") == {}


def test_an_earned_run_average_is_found_in_its_parts():
    assert kinds(TEAMS, "ERA", "regression") == {"ER": "arithmetic", "IPouts": "arithmetic"}


def test_somebodys_estimate_of_a_molecules_property_is_found():
    esol = kinds(f"{MOLECULES}/ESOL_delaney-processed.csv", "measured log solubility in mols per litre", "regression")
    assert esol == {"ESOL predicted log solubility in mols per litre": "prediction"}
    assert kinds(f"{MOLECULES}/FreeSolv_SAMPL.csv", "expt", "regression") == {"calc": "prediction"}


def test_a_row_number_that_follows_the_label_is_found():
    assert kinds(f"{MOLECULES}/BBBP.csv", "p_np", "binary classification") == {"num": "identifier"}


@pytest.mark.parametrize(("name", "year"), [("dc-wikia-data.csv", "YEAR"), ("marvel-wikia-data.csv", "Year")])
def test_a_free_form_date_gives_its_year_away(name, year):
    assert kinds(f"{COMICS}/{name}", year, "regression") == {"FIRST APPEARANCE": "function"}


@pytest.mark.parametrize("target", ["ALIGN", "ALIVE", "SEX"])
def test_what_is_known_of_a_comic_character_has_no_leak(target):
    assert kinds(f"{COMICS}/marvel-wikia-data.csv", target, "multiclass classification") == {}
