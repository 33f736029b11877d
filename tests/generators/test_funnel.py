"""Funnels count and add up."""

from __future__ import annotations

import json

from generators.funnel import Funnel


def test_funnels_of_many_datasets_add_up():
    first = Funnel(datasets=1, proposals=3, drafts=3, published=1, rejections={"no_duplicates_across_split": 2})
    second = Funnel(datasets=1, proposals=1, rejections={"enough_rows": 1, "no_duplicates_across_split": 1})
    total = sum([first, second], Funnel())
    assert (total.datasets, total.proposals, total.drafts, total.published) == (2, 4, 3, 1)
    assert total.rejections == {"enough_rows": 1, "no_duplicates_across_split": 3}


def test_a_funnel_is_json_from_wide_to_narrow():
    assert list(json.loads(json.dumps(Funnel(datasets=1).to_json()))) == [
        "datasets",
        "understood",
        "proposals",
        "drafts",
        "passed_assertions",
        "passed_review",
        "passed_trial",
        "published",
        "rejections",
    ]
