"""The pipeline with the roles of the rules backend on built-in data, without a trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.competitions.package import Competition, package_digest
from generators.datasets.sources import open_source
from generators.pipeline import Generation, generate
from generators.roles.rules import RulesBrainstormer, RulesDesigner, RulesRefactor, RulesReviewer
from generators.verification.verify import verify


def run(out: Path, source: str = "builtin:wine", **options) -> Generation:
    with open_source(source) as dataset:
        return generate(
            dataset,
            out,
            brainstormer=RulesBrainstormer(),
            designer=RulesDesigner(),
            refactor=RulesRefactor(),
            reviewer=RulesReviewer(),
            trial=None,
            **options,
        )


MADE_ONCE = pytest.mark.xdist_group("pipeline")
"""For the tests that share a generation."""


@pytest.fixture(scope="module")
def generation(tmp_path_factory) -> Generation:
    return run(tmp_path_factory.mktemp("pool"), limit=2)


@MADE_ONCE
def test_built_in_data_gives_verified_competitions(generation):
    assert len(generation.published) == 2
    assert generation.rejected == ()
    for published in generation.published:
        assert published.verdict.passed
        competition = Competition.load(published.path)
        assert competition.card.id == published.id == published.path.name


@MADE_ONCE
def test_a_competition_stands_on_its_own_once_published(generation):
    assert verify(generation.published[0].path).passed


@MADE_ONCE
def test_the_funnel_counts_what_happened(generation):
    funnel = generation.funnel
    assert (funnel.datasets, funnel.understood, funnel.proposals, funnel.published) == (1, 1, 2, 2)


@MADE_ONCE
def test_the_seconds_of_every_stage_are_known(generation):
    assert list(generation.seconds) == ["profile", "propose", "design", "refactor", "assertion", "review", "publish"]
    assert all(seconds > 0 for seconds in generation.seconds.values())


@MADE_ONCE
def test_the_same_data_gives_the_same_competitions(generation, tmp_path):
    again = run(tmp_path, limit=1)
    (published,) = again.published
    assert published.id == generation.published[0].id
    assert package_digest(published.path) == package_digest(generation.published[0].path)
    for name in ("description.md", "test_competition.py", "competition.json"):
        assert (published.path / name).read_bytes() == (generation.published[0].path / name).read_bytes()
