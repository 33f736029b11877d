"""Real raw datasets end to end: each gives at least two verified competitions, and no leak known of it gets through.

What is known of each dataset stands here, in the tests; the program has to find it out from the data.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from _pytest.mark import ParameterSet

import mlesmith_env
from generators.competitions.package import Competition
from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import open_source
from generators.roles.rules import RulesBrainstormer

DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = [
    pytest.mark.raw_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the collection of raw datasets is not beside this checkout"),
]

Pools = Callable[[str], list[Competition]]


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pools:
    """Competitions made of a dataset; made once, though tests of other modules may come between."""
    made: dict[str, list[Competition]] = {}

    def competitions(name: str) -> list[Competition]:
        if name not in made:
            out = tmp_path_factory.mktemp(name) / "pool"
            mlesmith_env.generate(DATA / name, out)
            made[name] = [mlesmith_env.Pool(out).get(competition) for competition in mlesmith_env.Pool(out)]
        return made[name]

    return competitions


def inputs(competition: Competition) -> set[str]:
    header = pd.read_csv(competition.public / "train.csv", nrows=0)
    return set(header.columns) - set(competition.card.targets) - set(competition.card.ids)


def on_one_worker(name: str) -> ParameterSet:
    """All tests of a dataset run in the same process, where its competitions are made once."""
    return pytest.param(name, marks=[pytest.mark.xdist_group(name), pytest.mark.slow])


DATASETS = ("baseball_databank", "comic_characters", "faa_birdstrikes", "us_flights_delay", "molecules_moleculenet")


@pytest.mark.parametrize("name", [on_one_worker(name) for name in DATASETS])
def test_each_gives_at_least_two_verified_competitions(name: str, pool: Pools) -> None:
    competitions = pool(name)
    assert len(competitions) >= 2
    assert all(competition.card.scores for competition in competitions)
    targets = [(competition.card.targets, competition.card.objective) for competition in competitions]
    assert len(set(targets)) == len(targets)


# columns that name a row or an entity and nothing else; codes of recurring settings (a team, an airport) are inputs
IDENTIFIERS = {
    "baseball_databank": {"playerID", "retroID", "bbrefID", "people_retroID", "people_bbrefID", "people_nameLast"},
    "comic_characters": {"page_id", "urlslug", "name"},
    "molecules_moleculenet": {"mol_id", "num", "name", "Compound ID", "CMPD_CHEMBLID"},
}


@pytest.mark.parametrize("name", [on_one_worker(name) for name in IDENTIFIERS])
def test_no_identifier_is_an_input(name: str, pool: Pools) -> None:
    for competition in pool(name):
        shown = inputs(competition) & IDENTIFIERS[name]
        if competition.card.split.kind == "grouped":  # which rows belong together is told by a number of our own
            group = competition.card.split.columns[0]
            numbers = pd.read_csv(competition.public / "train.csv")[group]
            assert numbers.dtype.kind == "i"
            assert numbers.max() < competition.card.split.train_rows + competition.card.split.test_rows
            shown -= {group}
        assert not shown, competition.card.id


# target (a part of its name) -> columns that give it away
LEAKS = {
    "faa_birdstrikes": {
        "damage": {"Cost Total $", "Cost Repair", "Cost Other", "Effect Amount of damage"},
        "cost": {"Cost Total $", "Cost Repair", "Cost Other", "Effect Amount of damage"},
    },
    "baseball_databank": {
        "inducted": {"votes", "ballots", "needed"},
        "wswin": {"LgWin", "WCWin", "Rank"},
        "lgwin": {"WSWin", "Rank"},
        "divwin": {"Rank", "W", "L"},
        "w": {"L", "G", "Rank"},
        "l": {"W", "G", "Rank"},
    },
    "molecules_moleculenet": {
        "measured log solubility": {"ESOL predicted log solubility in mols per litre"},
        "expt": {"calc"},
        "calc": {"expt"},
        "ct_tox": {"FDA_APPROVED"},
        "fda_approved": {"CT_TOX"},
    },
    "comic_characters": {
        "year": {"FIRST APPEARANCE"},
        "first appearance": {"Year", "YEAR"},
    },
    "us_flights_delay": {"delay": {"delay"}},
}


def leaks_of(dataset: str, target: str) -> set[str]:
    """What the table above says of a target: by its whole name where it is short, else by a part of it."""
    lowered = target.lower().replace("_", " ")
    found: set[str] = set()
    for name, columns in LEAKS[dataset].items():
        key = name.replace("_", " ")
        if lowered == key or (len(key) > 3 and key in lowered):
            found |= columns
    return found - {target}


@pytest.mark.parametrize("name", [on_one_worker(name) for name in DATASETS])
def test_no_known_leak_is_an_input(name: str, pool: Pools) -> None:
    shown = {
        competition.card.id: inputs(competition) & leaks_of(name, competition.card.targets[0])
        for competition in pool(name)
    }
    assert not any(shown.values()), shown


def alone(tmp_path: Path, file: str) -> Path:
    """A folder with one file of a dataset."""
    folder = tmp_path / "raw"
    folder.mkdir()
    shutil.copy(DATA / file, folder)
    return folder


def proposed_inputs(tmp_path: Path, file: str, target: str) -> list[set[str]]:
    """Inputs of the formulations, for one file alone, whose target is or is derived from the named column."""
    with open_source(alone(tmp_path, file)) as dataset:
        found = RulesBrainstormer().propose(dataset, profile_dataset(dataset))
    return [set(one.inputs) for one in (*found.proposals, *found.reserves) if one.target.source == target]


# that none of them becomes a competition which shows these is told above, for the whole datasets
def test_votes_do_not_tell_who_is_inducted_into_the_hall_of_fame(tmp_path: Path) -> None:
    for shown in proposed_inputs(tmp_path, "baseball_databank/core/HallOfFame.csv", "inducted"):
        assert not shown & {"votes", "ballots", "needed"}


@pytest.mark.slow
@pytest.mark.xdist_group("faa_birdstrikes")
def test_the_costs_of_a_strike_do_not_tell_its_damage(pool: Pools) -> None:
    found = [one for one in pool("faa_birdstrikes") if "damage" in one.card.targets[0].lower()]
    assert found
    for competition in found:
        assert not inputs(competition) & LEAKS["faa_birdstrikes"]["damage"]


SOLUBILITY = "molecules_moleculenet/originals/ESOL_delaney-processed.csv"


def test_one_real_file_gives_a_verified_competition_without_what_is_known_to_leak(tmp_path: Path) -> None:
    mlesmith_env.generate(alone(tmp_path, SOLUBILITY), tmp_path / "pool", limit=1)
    pool = mlesmith_env.Pool(tmp_path / "pool")
    (competition,) = [pool.get(name) for name in pool]
    assert competition.card.scores
    assert competition.card.targets == ("measured log solubility in mols per litre",)
    assert not inputs(competition) & leaks_of("molecules_moleculenet", competition.card.targets[0])
    assert not inputs(competition) & IDENTIFIERS["molecules_moleculenet"]


def test_somebodys_predicted_solubility_is_no_input(tmp_path: Path) -> None:
    found = proposed_inputs(tmp_path, SOLUBILITY, "measured log solubility in mols per litre")
    assert found
    assert not any("predicted" in name for shown in found for name in shown)


def test_none_is_a_class_of_the_strikes_damage_and_not_a_missing_value(tmp_path: Path) -> None:
    with open_source(DATA / "faa_birdstrikes") as dataset:
        damage = dataset.tables[0].frame["Effect Amount of damage"]
    assert damage.notna().all()
    assert (damage == "None").mean() > 0.8
