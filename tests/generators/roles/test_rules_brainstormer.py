"""What the rules propose, and what they turn down."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Objective, SubmissionForm
from generators.finding import Blame, Finding, Layer, Severity
from generators.roles.rules import RulesBrainstormer
from generators.roles.rules.candidates import candidates
from generators.roles.rules.metric_choice import choose_metric
from generators.roles.rules.names import identifier, plain, slug, target_likeness, words
from generators.roles.rules.probe import probe
from generators.roles.rules.targets import nice_threshold, order_classes, round_above


def excluded(proposal):
    return {exclusion.column: exclusion for exclusion in proposal.excluded}


def test_formulations_of_one_dataset_differ_in_target_or_objective_and_in_metric(shop) -> None:
    proposals = shop.propose().proposals
    assert len(proposals) == 3
    for one, other in combinations(proposals, 2):
        assert (one.target.source, one.objective) != (other.target.source, other.objective)
    assert len({p.metric for p in proposals}) == 3
    assert len({p.slug for p in proposals}) == 3
    assert {p.target.source for p in proposals} >= {"status", "price"}


def test_an_id_and_what_is_known_only_after_the_target_are_no_inputs(shop) -> None:
    proposal = shop.proposal("status")
    assert excluded(proposal)["order_id"].kind == "identifier"
    assert excluded(proposal)["days_late_fee"].kind == "leak"
    assert excluded(proposal)["days_late_fee"].evidence
    assert set(proposal.inputs) == {"weight_kg", "distance_km", "carrier", "fragile", "price"}


def test_a_class_too_rare_to_learn_is_dropped_by_name(shop) -> None:
    proposal = shop.proposal("status")
    assert proposal.target.dropped_classes == ("lost",)
    assert "lost" not in proposal.classes


def test_proposals_are_the_same_every_time(shop) -> None:
    assert shop.propose() == shop.propose()


def test_a_table_of_few_rows_is_refused_with_the_reason(world, orders) -> None:
    found = world(orders=orders.head(50)).propose()
    assert not found.proposals
    assert [refusal.reason for refusal in found.refusals if refusal.subject == "orders"] == [
        "50 rows are too few; at least 80 are needed"
    ]


def test_pure_noise_gives_no_formulation_and_says_why(world) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300), "target": rng.choice(["x", "y"], 300)})
    found = world(noise=frame).propose()
    assert not found.proposals
    reasons = {refusal.subject: refusal.reason for refusal in found.refusals}
    assert "no better than guessing" in reasons["noise.target"]
    assert reasons["noise"]


def test_a_target_that_two_columns_fix_is_refused(world) -> None:
    rng = np.random.default_rng(0)
    where = rng.normal(size=(20, 2))
    start, end = rng.integers(0, 20, 3000), rng.integers(0, 20, 3000)
    frame = pd.DataFrame(
        {
            "start": [f"town {n}" for n in start],
            "end": [f"town {n}" for n in end],
            "hour": rng.integers(0, 24, 3000),
            "distance": (np.hypot(*(where[start] - where[end]).T) * 100).round(3),
        }
    )
    reasons = {refusal.subject: refusal.reason for refusal in world(trips=frame).propose().refusals}
    assert reasons["trips.distance"].startswith("start and end together fix it")


def test_rows_of_one_patient_never_stand_on_both_sides(world) -> None:
    rng = np.random.default_rng(0)
    patient = rng.integers(0, 150, 700)
    level = rng.normal(size=150)[patient]
    frame = pd.DataFrame(
        {
            "patient_id": [f"P{n:04d}" for n in patient],
            "pressure": (120 + 10 * level + rng.normal(0, 5, 700)).round(1),
            "sugar": rng.normal(5, 1, 700).round(2),
            "diagnosis": np.where(level + rng.normal(0, 0.5, 700) > 0, "ill", "well"),
        }
    )
    proposal = world(visits=frame).proposal("diagnosis")
    assert proposal.split.kind == "grouped"
    assert proposal.split.columns == ("patient_id",)
    assert "patient_id" in proposal.inputs


def test_a_record_in_time_order_is_split_by_time(world) -> None:
    rng = np.random.default_rng(0)
    load = rng.normal(size=800)
    frame = pd.DataFrame(
        {
            "measured_at": pd.date_range("2020-01-01", periods=800, freq="6h").strftime("%Y-%m-%d %H:%M"),
            "load": load.round(3),
            "wind": rng.normal(size=800).round(3),
            "consumption": (50 + 10 * load + rng.normal(0, 3, 800)).round(2),
        }
    )
    proposal = world(station=frame).proposal("consumption")
    assert proposal.split.kind == "time"
    assert proposal.split.columns == ("measured_at",)


def test_one_label_of_many_is_no_input_for_another_and_unlabelled_rows_are_left_out(world) -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("CNOPS()=#123"), rng.integers(8, 30))) for _ in range(500)]
    sulphur = np.array([text.count("S") for text in texts])
    frame = pd.DataFrame({"formula": texts})
    for name in ("binds_a", "binds_b", "toxic"):
        frame[name] = np.where(rng.random(500) < 0.1, np.nan, sulphur + rng.normal(0, 0.7, 500) > 1.7).astype(float)
    proposal = world(assays=frame).proposal("toxic")
    assert proposal.inputs == ("formula",)
    assert set(excluded(proposal)) == {"binds_a", "binds_b"}
    assert proposal.classes == ("0", "1")


def test_a_table_of_things_adds_its_columns_to_a_table_of_events(world) -> None:
    rng = np.random.default_rng(0)
    size = rng.normal(100, 30, 60).round(1)
    shops = pd.DataFrame({"shop": [f"shop-{n:03d}" for n in range(60)], "floor_size": size})
    shops["region"] = rng.choice(["hills", "coast"], 60)
    at = rng.integers(0, 60, 1200)
    days = pd.DataFrame({"shop": shops["shop"].to_numpy()[at], "rain": rng.normal(size=1200).round(2)})
    days["sales"] = (size[at] * 3 - 10 * days["rain"] + rng.normal(0, 20, 1200)).round(1)
    proposal = world(days=days, shops=shops).proposal("sales")
    assert [lookup.table for lookup in proposal.lookups] == ["shops"]
    assert {"shops_floor_size", "shops_region"} <= set(proposal.inputs)


def test_any_damage_is_asked_where_one_class_says_that_nothing_happened(world) -> None:
    rng = np.random.default_rng(0)
    speed = rng.normal(100, 30, 900).round()
    hit = speed / 30 + rng.normal(0, 0.7, 900)
    damage = np.select([hit > 4.6, hit > 4.0], ["Substantial", "Minor"], "None")
    frame = pd.DataFrame({"speed": speed, "height": rng.normal(500, 100, 900).round(), "damage": damage})
    targets = {p.target.name: p for p in world(strikes=frame).propose(limit=8).proposals}
    assert targets["any_damage"].target.rule == "in"
    assert sorted(targets["any_damage"].target.parameters["values"]) == ["Minor", "Substantial"]
    assert "damage" in excluded(targets["any_damage"])


def test_a_column_that_review_finds_too_telling_is_excluded(shop) -> None:
    proposal = shop.proposal("status")
    finding = Finding(
        layer=Layer.REVIEW,
        check="single_feature_probe",
        severity=Severity.ERROR,
        message="Column 'distance_km' alone nearly gives 'status'.",
        evidence="skill 0.99",
        blame=Blame.BRAINSTORMER,
    )
    revised = RulesBrainstormer().revise(proposal, [finding], shop.dataset, shop.profile)
    assert revised is not None
    assert set(proposal.inputs) - set(revised.inputs) == {"distance_km"}
    assert excluded(revised)["distance_km"].evidence == "single_feature_probe: skill 0.99"


def test_a_metric_that_does_not_fit_is_replaced_and_an_unlearnable_target_given_up(shop) -> None:
    proposal = shop.proposal("price")
    metric = Finding(
        layer=Layer.REVIEW,
        check="metric_fits_balance",
        severity=Severity.ERROR,
        message="It does not fit.",
        blame=Blame.BRAINSTORMER,
    )
    revised = RulesBrainstormer().revise(proposal, [metric], shop.dataset, shop.profile)
    assert revised is not None
    assert revised.metric != proposal.metric
    hopeless = metric.model_copy(update={"check": "beats_floor", "layer": Layer.TRIAL})
    assert RulesBrainstormer().revise(proposal, [hopeless], shop.dataset, shop.profile) is None
    others = metric.model_copy(update={"blame": Blame.DESIGNER})
    assert RulesBrainstormer().revise(proposal, [others], shop.dataset, shop.profile) is None


def test_a_limit_below_one_is_the_callers_mistake(shop) -> None:
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        shop.propose(limit=0)


@pytest.mark.parametrize(
    "name", ["iris", "wine", "diabetes", "breast-cancer", pytest.param("digits", marks=pytest.mark.slow)]
)
def test_every_built_in_dataset_gives_two_formulations(world, name) -> None:
    assert len(world(f"builtin:{name}").propose().proposals) >= 2


def test_names_are_split_into_words_and_say_what_is_a_target() -> None:
    assert words("WSWin") == words("ws_win") == ("ws", "win")
    assert words("playerID") == ("player", "id")
    assert target_likeness("diagnosis") > target_likeness("price") > target_likeness("x7") == 0
    assert target_likeness("predicted price") < 0
    assert target_likeness("player_id") < 0


def test_the_positive_class_is_the_one_that_says_yes_or_is_rarer() -> None:
    assert order_classes(["yes", "no"], [900, 100]) == ("no", "yes")
    assert order_classes(["0", "1"], [5, 95]) == ("0", "1")
    assert order_classes(["benign", "malignant"], [357, 212]) == ("benign", "malignant")
    assert order_classes(["10", "9", "8"], [1, 1, 1]) == ("8", "9", "10")
    assert order_classes(["high", "low", "mid"], [1, 1, 1], ["low", "mid", "high"]) == ("low", "mid", "high")


@pytest.mark.parametrize(
    ("low", "aim", "high", "round_number"), [(131, 140, 160, 150), (0.9, 1.2, 1.6, 1), (7, 7, 7, None)]
)
def test_a_threshold_is_a_round_number_between_its_bounds(low, aim, high, round_number) -> None:
    assert nice_threshold(low, aim, high) == round_number


def test_a_threshold_in_a_long_tail_is_the_next_round_number() -> None:
    assert round_above(12, 7) == 15
    assert round_above(310, 60) == 350
    assert round_above(3, 0) is None


@pytest.mark.parametrize(
    ("objective", "values", "shares", "ordered", "metric"),
    [
        (Objective.BINARY, [], {"0": 0.95, "1": 0.05}, False, "average_precision"),
        (Objective.BINARY, [], {"0": 0.8, "1": 0.2}, False, "roc_auc"),
        (Objective.MULTICLASS, [], {"a": 0.9, "b": 0.05, "c": 0.05}, False, "macro_f1"),
        (Objective.MULTICLASS, [], {"a": 0.34, "b": 0.33, "c": 0.33}, False, "accuracy"),
        (Objective.MULTICLASS, [], {"a": 0.5, "b": 0.3, "c": 0.2}, True, "quadratic_weighted_kappa"),
        (Objective.REGRESSION, [1, 2, 3, 5, 9, 400, 20000], {}, False, "rmsle"),
        (Objective.REGRESSION, [-400, 1, 2, 3, 4, 5, 6, 7, 8, 9], {}, False, "mae"),
        (Objective.REGRESSION, list(range(50)), {}, False, "rmse"),
    ],
)
def test_the_metric_follows_balance_order_and_tail(objective, values, shares, ordered, metric) -> None:
    choice = choose_metric(objective, pd.Series(values, dtype=float), shares, ordered=ordered)
    assert choice.name == metric
    assert choice.why


def test_the_probe_tells_signal_from_noise_and_from_certainty() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=600), "word": rng.choice(["a", "b"], 600)})
    assert not probe(frame, pd.Series(rng.normal(size=600)), classes=False).learnable
    signal = probe(frame, frame["x"] + pd.Series(rng.normal(size=600)), classes=False)
    assert signal.learnable
    assert not signal.perfect
    assert probe(frame, frame["word"], classes=True).perfect


@pytest.mark.parametrize("message", ["Columns 'weight_kg' and 'best' tell it.", 'Column "best" alone nearly gives it.'])
def test_only_columns_that_a_finding_quotes_are_excluded(world, orders, message: str) -> None:
    made = world(orders=orders.assign(best=orders["distance_km"] + 0.5, floor=orders["weight_kg"] * 2))
    proposal = made.proposal("status")
    proposal = proposal.model_copy(update={"inputs": ("weight_kg", "distance_km", "best", "floor")})
    finding = Finding(
        layer=Layer.REVIEW,
        check="single_feature_probe",
        severity=Severity.ERROR,
        message=message.replace('"', "'"),
        evidence="floor 0.5, best 1.0, with a tree on distance_km",
        blame=Blame.BRAINSTORMER,
    )
    revised = RulesBrainstormer().revise(proposal, [finding], made.dataset, made.profile)
    assert revised is not None
    assert {"distance_km", "floor"} <= set(revised.inputs)
    assert "best" not in revised.inputs
    vague = finding.model_copy(update={"message": "The best solution of 'best' is at the floor."})
    assert RulesBrainstormer().revise(proposal, [vague], made.dataset, made.profile) is None


def test_a_dataset_without_a_table_says_so(world, tmp_path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"\x89PNG\r\n")
    proposed = world(tmp_path / "pictures").propose()
    assert not proposed.proposals
    (refusal,) = proposed.refusals
    assert refusal.subject == "pictures"
    assert "no table" in refusal.reason


def test_a_product_of_money_columns_in_text_gives_its_factor_away(world) -> None:
    rng = np.random.default_rng(0)
    pieces, price = rng.integers(1, 9, 600), rng.gamma(4, 20, 600).round(2)
    sales = pd.DataFrame(
        {
            "pieces": pieces,
            "weight": (price / 10 + rng.normal(0, 2, 600)).round(2),
            "total": [f"${value:,.2f}" for value in pieces * price],
            "price": [f"${value:,.2f}" for value in price],
        }
    )
    proposal = world(sales=sales).proposal("price")
    assert proposal.target.rule == "text_value"
    assert "total" in excluded(proposal)
    assert "weight" in proposal.inputs


def test_names_in_other_scripts_keep_their_words_and_give_plain_slugs() -> None:
    assert plain("Größe (cm)") == "größe cm"
    assert plain("naïve 列") == "naïve 列"
    assert slug("Größe der Øre") == "grosse-der-ore"
    assert slug("列") == "x"
    assert identifier("Área (m²)") == "area_m2"


def test_what_can_be_learned_is_found_behind_many_columns_that_cannot(world) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"{chr(97 + at) * 3}": rng.choice(["yes", "no"], 300) for at in range(18)})
    frame.insert(0, "length", rng.normal(size=300).round(4))
    frame.insert(0, "weight", (3 * frame["length"] + rng.normal(size=300)).round(4))
    found = world(survey=frame).propose()
    assert {proposal.target.source for proposal in found.proposals} == {"length", "weight"}


def many_intents(classes: int, *, rows: int = 30) -> pd.DataFrame:
    """Texts of so many intents, one of which is called "no"; each holds a word of its intent's own."""
    rng = np.random.default_rng(4)
    names = ["no", *(f"intent {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(1, classes))]
    chosen = rng.permutation(np.repeat(np.arange(classes), rows))
    fill = np.array(["please", "could", "you", "tell", "me", "about", "this", "today"])
    texts = [
        " ".join(
            [*rng.choice(fill, 4), f"word{n if rng.random() < 0.8 else rng.integers(classes)}", *rng.choice(fill, 2)]
        )
        for n in chosen
    ]
    return pd.DataFrame({"text": texts, "label": np.array(names)[chosen]})


def test_many_classes_are_asked_for_by_label_alone(world) -> None:
    found = world(requests=many_intents(40)).propose()
    proposal = found.proposals[0]
    assert len(proposal.classes) == 40
    assert proposal.form is SubmissionForm.LABEL
    # "no" is one name of many here: not saying that nothing was wanted
    assert not any(p.target.rule == "in" for p in found.proposals)


def test_many_values_with_a_tail_of_rare_ones_are_no_classes(world) -> None:
    table = many_intents(40)
    table.loc[:4, "label"] = [f"seldom {n}" for n in range(5)]
    assert not any(p.target.source == "label" and len(p.classes) > 2 for p in world(requests=table).propose().proposals)


def test_numbers_that_name_files_are_no_target(world) -> None:
    rng = np.random.default_rng(0)
    file = np.repeat(rng.integers(10_000, 90_000, 60), 10)
    size = file / 1e4 + rng.normal(size=600)
    made = world(things=pd.DataFrame({"file": file, "size": size, "rating": size + rng.normal(size=600)}))
    assert all(p.target.source != "file" for p in made.propose().proposals)
    _, refused = candidates(made.profile.table("things"))
    assert ("things.file", "its numbers are names of files") in [(r.subject, r.reason) for r in refused]


def test_answers_of_numbered_persons_are_inputs_for_one_another(world) -> None:
    rng = np.random.default_rng(1)
    able = rng.normal(size=800)
    answers = {f"item {n}": (able + rng.normal(size=800) > rng.normal()).astype(int) for n in range(14)}
    proposal = world(tests=pd.DataFrame({"person_id": np.arange(800), **answers})).propose().proposals[0]
    assert len(proposal.inputs) == 13
