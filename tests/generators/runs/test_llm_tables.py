"""Full runs over several related tables: what is planned is held against them, and a look into the future is found."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from generators.competitions.package import read_card
from generators.finding import Blame
from mlesmith_env.trial import ScriptedTrial
from tests.llm_stage import KEY, Cast, edit, storming, write
from tests.scripted_roles import call, finish, opinion
from tests.scripted_shop import FUTURE, SHOP_DESCRIPTION, SHOP_PREPARE, returning, write_shop

DONE = finish(how="A row for each customer, of the orders by the cutoff.")
UNSEEDED = ("rng = np.random.default_rng(SEED)", "rng = np.random.default_rng()")
BY_ANSWER = ("random_state=SEED).reset_index", 'random_state=SEED).sort_values(TARGET, kind="stable").reset_index')
LEAKING_SPLIT = ("train, test = rows[~is_test], rows[is_test]", "train, test = rows, rows[is_test]")
WRONG_SIGN = ("return roc_auc(", "return -roc_auc(")
DUPLICATES = ("if given.duplicated().any():", "if False:")
MISTAKES: dict[str, Any] = {
    "brainstormer": [
        [
            call("explore_everything"),
            {**call("table_summary", table="orders"), "fault": "malformed_arguments"},
            finish(proposals=[returning(plan_sources=["customers.loyalty", "orders.customer_id"])]),
            {**finish(proposals=[returning()]), "fault": "half_answer"},
            finish(proposals=[returning(plan_inputs=returning()["plan_inputs"][:-1])]),
            finish(proposals=[returning(plan_cutoff=None)]),
            finish(
                proposals=[returning(plan_joins=[{"column": "items.quantity", "other_column": "products.product_id"}])]
            ),
            finish(proposals=[returning(plan_cutoff={"column": "orders.ordered_at", "moment": "2026-01-01"})]),
            finish(proposals=[returning(metric="loyalty")]),
            finish(proposals=[returning()]),
        ]
    ],
    "designer": [
        [
            write("prepare.py", SHOP_PREPARE),
            *(edit("prepare.py", *change) for change in (FUTURE, UNSEEDED, BY_ANSWER, LEAKING_SPLIT)),
            edit("metric.py", *WRONG_SIGN),
            edit("metric.py", *DUPLICATES),
            write("description.md", SHOP_DESCRIPTION),
            DONE,
            edit("metric.py", *reversed(WRONG_SIGN)),
            DONE,
        ],
        [*(edit("prepare.py", *reversed(change)) for change in (UNSEEDED, BY_ANSWER, LEAKING_SPLIT)), DONE],
        [edit("prepare.py", *reversed(FUTURE)), DONE],
    ],
    "refactor": [[DONE, edit("metric.py", *reversed(DUPLICATES)), DONE]],
    "reviewer": [[finish(**opinion(3.5)), finish(**opinion(4.4))]],
}
OBJECTIONS = (
    "There is no tool of that name",
    "cannot be read",
    "'customers.loyalty' is neither a column as table.column nor a file",
    "It was cut off before its end",
    "which are no columns of 'customers': favourite",
    "input 'orders_before' is made of 'orders.customer_id', which the answers are made of",
    "'items.quantity' and 'products.product_id' do not join",
    "no row is later than '2026-01-01'",
    "metric 'loyalty' does not suit binary classification or does not exist",
)


@pytest.mark.slow
def test_mistakes_over_several_tables_are_mended_and_the_competition_can_be_played(stage, tmp_path):
    shop = stage(storming(Cast(**MISTAKES)), write_shop(tmp_path / "shop"))
    made = shop.make(trial=ScriptedTrial(seeds=2))
    assert shop.server.problems == ()
    assert made.rejected == ()
    told = shop.told("brainstormer")
    assert [one for one in OBJECTIONS if one not in told] == []
    turned = "roc_auc is better where it is higher, but metric.py gives the perfect submission -1"
    assert turned in shop.told("designer")
    assert "a major objection must say why, with evidence" in shop.told("reviewer")
    first, second, third = shop.failed("returns")
    assert {"ids_disjoint", "ids_tell_nothing", "prepare_deterministic", "rejects_duplicate_id"} <= set(first)
    assert (second, third) == (["rejects_duplicate_id", "inputs_know_no_answers"], [])
    (published,) = made.published
    card = read_card(published.path)
    assert (card.targets, card.classes, card.form.value) == (("returns",), ("0", "1"), "probability")
    assert card.answer_sources is not None
    assert card.answer_sources.time == "orders.ordered_at"
    counted = shop.server.counts["scripted"]
    assert card.provenance.tokens == counted.prompt_tokens + counted.completion_tokens
    assert not any(KEY.encode() in path.read_bytes() for path in shop.out.rglob("*") if path.is_file())
    env = gym.make("mlesmith_env:MLESmith-v0", task=str(published.path), max_steps=3)
    try:
        env.reset(seed=0)
        *_, info = env.step({"type": "run_code", "code": "import shutil\n" + PLAYED})
        assert (info["outcome"], info["error_type"]) == ("scored", "")
    finally:
        env.close()


PLAYED = 'shutil.copy("public/sample_submission.csv", "submission.csv")'


def test_inputs_that_know_the_future_are_found_and_never_published(stage, tmp_path):
    shop = stage(
        raw=write_shop(tmp_path / "shop"),
        brainstormer=[[finish(proposals=[returning()])], [finish(proposal=None, given_up="Nothing helps.")]],
        designer=[
            [write("prepare.py", SHOP_PREPARE.replace(*FUTURE)), write("description.md", SHOP_DESCRIPTION), DONE],
            ["No."] * 30,
        ],
    )
    (rejected,) = shop.make().rejected
    assert (rejected.check, rejected.blame) == ("inputs_know_no_answers", Blame.DESIGNER)
    assert "have another orders_before" in rejected.reason
    assert not list(shop.out.glob("[!.]*"))
