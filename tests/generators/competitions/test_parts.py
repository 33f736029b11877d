"""The public and the private part of the answers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Card, Modality, Objective, Parts, Provenance, Split, SubmissionForm
from generators.competitions.grade import Part
from generators.competitions.parts import choose_key, part_mask, unit_fractions


def make_card(**changes) -> Card:
    fields = {
        "id": "parts",
        "title": "t",
        "summary": "s",
        "modality": Modality.TABULAR,
        "objective": Objective.REGRESSION,
        "targets": ("y",),
        "ids": ("row_id",),
        "metric": "rmse",
        "higher_is_better": False,
        "form": SubmissionForm.VALUE,
        "split": Split(kind="random", train_rows=1, test_rows=1),
        "parts": Parts(key="k"),
        "provenance": Provenance(source="x", raw_digest="0"),
    }
    return Card.model_validate({**fields, **changes})


def make_answers(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"row_id": [str(number) for number in range(rows)], "y": np.arange(rows, dtype=float)})


def test_public_and_private_part_share_the_rows_in_the_wanted_proportion():
    answers, card = make_answers(20_000), make_card(parts=Parts(key="k", public_fraction=0.3))
    public, private = part_mask(answers, card, Part.PUBLIC), part_mask(answers, card, Part.PRIVATE)
    assert (public ^ private).all()
    assert part_mask(answers, card, Part.ALL).all()
    assert abs(public.mean() - 0.3) < 0.01


def test_a_row_keeps_its_part_whatever_rows_surround_it():
    answers, card = make_answers(500), make_card()
    whole = part_mask(answers, card, Part.PUBLIC)
    subset = answers.sample(200, random_state=0)
    assert (part_mask(subset, card, Part.PUBLIC) == whole[subset.index]).all()


def test_another_key_gives_other_parts():
    answers = make_answers(500)
    one = part_mask(answers, make_card(parts=Parts(key="one")), Part.PUBLIC)
    two = part_mask(answers, make_card(parts=Parts(key="two")), Part.PUBLIC)
    assert 0.2 < (one != two).mean() < 0.8


def test_parts_are_the_same_in_a_process_with_another_hash_seed():
    expected = unit_fractions(["a", "b", "ü"], "key").tolist()
    code = (
        "from generators.competitions.parts import unit_fractions; "
        "print(unit_fractions(['a', 'b', 'ü'], 'key').tolist())"
    )
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONUTF8": "1"},
        )
        assert run.stdout.strip() == str(expected)


def test_rows_of_one_unit_stay_together():
    answers = make_answers(1000).assign(player=[f"p{number % 40}" for number in range(1000)])
    public = part_mask(answers, make_card(parts=Parts(key="k", unit="player")), Part.PUBLIC)
    assert (answers.assign(public=public).groupby("player")["public"].nunique() == 1).all()
    assert 0 < public.mean() < 1


def test_several_id_columns_name_a_row_together():
    answers = pd.DataFrame({"a": ["1", "1", "12"], "b": ["2", "3", "3"], "y": [0.0, 1.0, 2.0]})
    card = make_card(ids=("a", "b"))
    joined = unit_fractions(["1\x1f2", "1\x1f3", "12\x1f3"], "k") < card.parts.public_fraction
    assert (part_mask(answers, card, Part.PUBLIC) == joined).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_chosen_key_gives_both_parts_every_class_and_near_the_wanted_sizes(seed):
    labels = ["a"] * 40 + ["b"] * 6 + ["c"] * 2
    answers = make_answers(len(labels)).assign(y=labels)
    card = make_card(classes=("a", "b", "c"), objective=Objective.MULTICLASS, form=SubmissionForm.LABEL)
    key = choose_key(answers, card, seed=seed)
    chosen = card.model_copy(update={"parts": card.parts.model_copy(update={"key": key})})
    public = part_mask(answers, chosen, Part.PUBLIC)
    assert set(answers["y"][public]) == set(answers["y"][~public]) == {"a", "b", "c"}
    assert abs(public.mean() - 0.4) < 0.03
    assert choose_key(answers, card, seed=seed) == key


def test_a_class_with_a_single_row_does_not_stop_the_choice_of_a_key():
    answers = make_answers(30).assign(y=["a"] * 29 + ["b"])
    card = make_card(classes=("a", "b"), objective=Objective.BINARY, form=SubmissionForm.LABEL)
    assert choose_key(answers, card)
