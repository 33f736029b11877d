"""Real raw datasets: each gives at least two packages that stand every assertion, and no known leak gets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.roles.proposal import Proposal
from generators.roles.rules.candidates import candidates
from generators.roles.rules.formulation import formulate
from generators.roles.rules.lookups import choose_lookups

DATA = Path(__file__).parents[3].parent / "shared" / "data"
pytestmark = [pytest.mark.raw_data, pytest.mark.skipif(not DATA.is_dir(), reason="the raw datasets are not here")]


def raw(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not here")
    return DATA / name


def test_costs_do_not_give_away_the_damage_of_a_bird_strike(world) -> None:
    made = world(raw("faa_birdstrikes"))
    for proposal in made.propose(10).proposals:
        if proposal.target.source == "Effect Amount of damage":
            assert not any("Cost" in name for name in proposal.inputs)
        if "Cost" in proposal.target.source:
            assert not any("Cost" in name for name in proposal.inputs)


@pytest.mark.slow  # of one file alone, tests/test_raw_datasets.py tells it by default
def test_votes_do_not_give_away_who_is_inducted(world) -> None:
    made = world(raw("baseball_databank"))
    table = made.profile.table("hall_of_fame")
    (inducted,) = [candidate for candidate in candidates(table)[0] if candidate.target.name == "inducted"]
    lookups = choose_lookups(made.dataset, made.profile, table)
    proposal = formulate(inducted, made.dataset, table, lookups=lookups)
    assert isinstance(proposal, Proposal)
    assert not set(proposal.inputs) & {"votes", "ballots", "needed"}
    assert {"votes", "ballots", "needed"} <= {exclusion.column for exclusion in proposal.excluded}


@pytest.mark.slow  # of one file alone, tests/test_raw_datasets.py tells it by default
def test_somebodys_estimate_of_a_molecules_property_is_no_input(world) -> None:
    for proposal in world(raw("molecules_moleculenet")).propose(10).proposals:
        if proposal.target.source == "measured log solubility in mols per litre":
            assert "ESOL predicted log solubility in mols per litre" not in proposal.inputs
        if proposal.target.source == "expt":
            assert "calc" not in proposal.inputs
        assert not {"mol_id", "num", "Compound ID", "CMPD_CHEMBLID"} & set(proposal.inputs)


def test_ids_of_a_comic_character_are_no_inputs(world) -> None:
    for proposal in world(raw("comic_characters")).propose().proposals:
        assert not {"page_id", "urlslug"} & set(proposal.inputs)
