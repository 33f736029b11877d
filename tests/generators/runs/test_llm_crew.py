"""A full run of the roles with a model over HTTP: it errs at every stage, and what comes out holds all the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from generators.chat.budget import Budget
from generators.chat.model_run import ModelRun
from generators.competitions.package import read_card
from generators.errors import BudgetSpent, ModelError, NotRecordedError
from generators.finding import Blame
from tests.llm_stage import KEY, Cast, storming, write
from tests.scripted_roles import DESCRIPTION, PREPARE, TROUBLE, call, finish, idea, opinion

DONE = finish(how="Orders as they are.")
SOUND = [write("prepare.py", PREPARE), write("description.md", DESCRIPTION), DONE]
LATE_DUPLICATES = "if given.duplicated().any():"
MISTAKES: Mapping[str, Sequence[Sequence[Any]]] = {
    "brainstormer": [
        [
            call("explore_everything"),
            {**call("table_summary", table="orders"), "fault": "malformed_arguments"},
            finish(proposals=[idea(inputs=["weight_kg", "weather"])]),
            {**finish(proposals=[idea()]), "fault": "half_answer"},
            finish(proposals=[idea(inputs=["weight_kg", "days_late_fee"], metric="lateness")]),
            finish(proposals=[idea()]),
        ]
    ],
    "designer": [
        [
            write("prepare.py", PREPARE.replace("default_rng(SEED)", "default_rng()")),
            call("edit_file", path="metric.py", old="return macro_f1(", new="return -macro_f1("),
            call("edit_file", path="metric.py", old=LATE_DUPLICATES, new="if False:"),
            write("description.md", DESCRIPTION.replace("`early`, `in time` or `late`, ", "")),
            DONE,
            call("edit_file", path="metric.py", old="return -macro_f1(", new="return macro_f1("),
            DONE,
        ],
        [call("edit_file", path="prepare.py", old="default_rng()", new="default_rng(SEED)"), DONE],
    ],
    "refactor": [
        [
            DONE,
            call("edit_file", path="metric.py", old="if False:", new=LATE_DUPLICATES),
            DONE,
        ],
        [write("description.md", DESCRIPTION), DONE],
    ],
    "reviewer": [
        [
            finish(**opinion(3.5)),
            finish(
                **opinion(
                    3.5,
                    {
                        "axis": "quality",
                        "severity": "major",
                        "message": "The question does not name the classes.",
                        "source": "description",
                        "quote": "Predict the `status` of each order",
                        "blame": "refactor",
                    },
                )
            ),
        ],
        [finish(**opinion(4.4))],
    ],
}


@pytest.mark.slow
def test_mistakes_of_every_stage_are_mended_and_told_from_one_another(stage):
    shop = stage(storming(Cast(**MISTAKES)))
    made = shop.make()
    assert shop.server.problems == ()
    (published,) = made.published
    assert published.rounds == 2
    home = shop.home("status")
    (proposing,) = (shop.out / ".rounds").glob("*.proposing")
    failed = shop.failed("status")
    assert failed == [["rejects_duplicate_id", "prepare_deterministic"], ["judged_on_axes"], []]
    talk = [sorted(path.name for path in (home / str(n) / "talk").iterdir()) for n in range(3)]
    assert talk == [
        ["1-designer.jsonl"],
        ["1-designer.jsonl", "2-refactor.jsonl", "3-reviewer.jsonl"],
        ["1-refactor.jsonl", "2-reviewer.jsonl"],
    ]
    assert [path.name for path in proposing.iterdir()] == ["1-brainstormer.jsonl"]
    provenance = read_card(published.path).provenance
    counted = shop.server.counts["scripted"]
    assert (provenance.backend, provenance.model) == ("llm", "openai/scripted")
    assert provenance.tokens == counted.prompt_tokens + counted.completion_tokens
    assert provenance.cost_usd is None
    everything = [path for path in shop.out.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in path.read_bytes() for path in everything)


def test_a_leak_that_a_model_puts_into_public_files_is_found_and_never_published(stage):
    place = "    for folder, name, table in ("
    leak = f'    test[[ID, TARGET]].to_csv(public / "hints.csv", index=False)\n{place}'
    leaking = PREPARE.replace(place, leak)
    shop = stage(
        brainstormer=[[finish(proposals=[idea()])], [finish(proposal=None, given_up="Nothing helps.")]],
        designer=[[write("prepare.py", leaking), write("description.md", DESCRIPTION), DONE], ["No."] * 30],
    )
    (rejected,) = shop.make().rejected
    assert rejected.check in ("no_private_file_in_public", "no_answers_in_other_files")
    assert rejected.blame is Blame.DESIGNER
    assert not list(shop.out.glob("[!.]*"))


@pytest.mark.slow
def test_a_label_that_no_rule_can_state_is_made_by_the_designer_as_planned(stage):
    code = (
        PREPARE.replace('TARGET = "status"', 'TARGET = "trouble"')
        .replace('INPUTS = ["weight_kg", ', "INPUTS = [")
        .replace('CLASSES = ["early", "in time", "late"]', "CLASSES = [0, 1]")
        .replace(
            'rows = pd.read_csv(raw / "orders.csv")[[*INPUTS, TARGET]]',
            'rows = pd.read_csv(raw / "orders.csv")\n'
            '    late = (rows["status"] == "late") & (rows["weight_kg"] > 4)\n'
            "    rows = rows.assign(**{TARGET: late.astype(int)})[[*INPUTS, TARGET]]",
        )
        .replace("rng.choice(CLASSES, len(test))", "rng.random(len(test)).round(3)")
    )
    text = DESCRIPTION.replace("`status`", "`trouble`").replace("`early`, `in time` or `late`", "0 or 1")
    text = text.replace("`weight_kg`, ", "").replace("row_id,status\n3,late\n7,early", "row_id,trouble\n3,0.7\n7,0.1")
    evaluation = "Macro F1: the mean of the F1 scores of the three classes, each of the same weight."
    text = text.replace(evaluation, "ROC AUC of the probabilities that the trouble is 1.")
    shop = stage(
        brainstormer=[[finish(proposals=[TROUBLE])]],
        designer=[[write("prepare.py", code), write("description.md", text), DONE]],
        reviewer=[[finish(**opinion(4.2))]],
    )
    made = shop.make()
    assert made.rejected == ()
    card = read_card(made.published[0].path)
    assert (card.targets, card.classes, card.form.value) == (("trouble",), ("0", "1"), "probability")


@pytest.mark.slow
def test_roles_are_mixed_as_asked_and_the_card_says_so(stage):
    shop = stage(brainstormer=[[finish(proposals=[idea()])]], reviewer=[[finish(**opinion(4.5))]])
    (published,) = shop.make(designer="rules", refactor="rules").published
    provenance = read_card(published.path).provenance
    assert provenance.backend == "brainstormer llm, designer rules, refactor rules, reviewer llm"
    assert provenance.model == "openai/scripted"


def test_a_provider_that_fails_stops_a_dataset_and_leaves_nothing_half_made(stage):
    shop = stage(lambda _: {"fault": 401})
    with pytest.raises(ModelError):
        shop.make()
    assert not list(shop.out.glob("[!.]*"))


@pytest.mark.slow
def test_rules_take_over_where_a_provider_fails_and_they_are_asked_to(stage):
    shop = stage(lambda _: {"fault": 401})
    (published,) = shop.make(fallback="rules").published
    provenance = read_card(published.path).provenance
    assert "brainstormer rules (fell back), designer rules (fell back)" in provenance.backend
    assert (provenance.tokens, provenance.cost_usd) == (0, 0.0)


def test_no_rules_take_over_a_proposal_that_only_a_model_can_follow(stage):
    """They could not make it, and the provider's failure would be a verdict on it."""

    def play(request):
        return finish(proposals=[TROUBLE]) if request.system.startswith("You propose") else {"fault": 400}

    with pytest.raises(ModelError):
        stage(play).make(fallback="rules")


def test_a_replay_that_lacks_a_call_ends_and_no_rules_take_over(stage, tmp_path):
    """They would make another run of it, or a verdict, without a word."""
    shop = stage(brainstormer=[[call("list_files"), finish(proposals=[idea()])]])
    record = tmp_path / "calls.jsonl"
    with ModelRun(record=record, budget=Budget(calls=1)) as run, pytest.raises(BudgetSpent):
        shop.make(run, fallback="rules")
    with ModelRun(record=record, mode="replay") as run, pytest.raises(NotRecordedError, match="does not hold this"):
        shop.make(run, fallback="rules")
    assert len(shop.server.requests) == 1
    assert not list(shop.out.glob("[!.]*"))


@pytest.mark.slow
def test_a_run_whose_findings_hold_places_of_it_is_replayed_elsewhere(stage, tmp_path):
    """What the roles are told speaks of temporary folders, of the package's own place and of values in memory."""
    reading = "    rows = pd.read_csv("
    looking = f'    if Path.cwd() == public:\n        raise KeyError(object(), str(public / "x.csv"))\n{reading}'
    odd = f"{LATE_DUPLICATES}\n            raise KeyError(object(), __file__)\n        {LATE_DUPLICATES}"
    unread = call("edit_file", path="prepare.py", old=looking, new=reading)
    shop = stage(
        brainstormer=[[finish(proposals=[idea()])]],
        designer=[
            [
                write("prepare.py", PREPARE.replace(reading, looking)),
                write("description.md", DESCRIPTION),
                call("edit_file", path="metric.py", old=LATE_DUPLICATES, new=odd),
                DONE,
            ],
            [unread, DONE],
        ],
        refactor=[[call("edit_file", path="metric.py", old=odd, new=LATE_DUPLICATES), DONE]] * 2,
        reviewer=[[finish(**opinion(4.5))]],
    )
    record = tmp_path / "calls.jsonl"
    with ModelRun(record=record) as run:
        made = shop.make(run)
    assert shop.failed("status") == [["rejects_duplicate_id", "prepare_deterministic"], []]
    asked = len(shop.server.requests)
    with ModelRun(record=record, mode="replay") as run:
        again = shop.make(run, out=tmp_path / "another" / "pool")
    assert [one.id for one in made.published] == [one.id for one in again.published] == ["shop-orders-status"]
    assert len(shop.server.requests) == asked


def test_a_budget_that_is_spent_stops_before_the_next_call(stage, tmp_path):
    shop = stage(brainstormer=[[call("list_files"), finish(proposals=[idea()])]])
    record = tmp_path / "calls.jsonl"
    with ModelRun(record=record, budget=Budget(calls=1)) as run, pytest.raises(BudgetSpent, match="--resume"):
        shop.make(run)
    assert len(shop.server.requests) == 1
    (talk,) = shop.out.glob(".rounds/*.broken-off/*")
    assert json.loads(talk.read_text("utf-8").splitlines()[0])["ended"] == "broken off"
    with ModelRun(record=record, mode="resume", budget=Budget(calls=2)) as run, pytest.raises(BudgetSpent):
        shop.make(run)
    assert len(shop.server.requests) == 2
    assert not list(shop.out.glob("[!.]*"))


@pytest.mark.slow
def test_a_budget_that_is_spent_stops_and_a_record_goes_on_without_paying_again(stage, tmp_path):
    lists = {
        "brainstormer": [[call("list_files"), finish(proposals=[idea()])]],
        "designer": [SOUND],
        "reviewer": [[finish(**opinion(4.5))]],
    }
    shop = stage(**lists)
    record = tmp_path / "calls.jsonl"
    with ModelRun(record=record, budget=Budget(calls=3)) as run, pytest.raises(BudgetSpent, match="--resume"):
        shop.make(run)
    assert len(shop.server.requests) == 3
    assert not list(shop.out.glob("[!.]*"))
    with ModelRun(record=record, mode="resume") as run:
        (published,) = shop.make(run).published
    assert len(shop.server.requests) == 6
    with ModelRun(record=record, mode="replay") as run:
        (again,) = shop.make(run, out=tmp_path / "again").published
    assert len(shop.server.requests) == 6
    for path in sorted(published.path.rglob("*")):
        if path.is_file() and path.name != "verification.json":
            assert path.read_bytes() == (again.path / path.relative_to(published.path)).read_bytes(), path
