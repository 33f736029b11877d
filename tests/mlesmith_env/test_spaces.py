"""Spaces hold what the environment really says and does, and travel between processes."""

from __future__ import annotations

import copy
import json
import pickle

import gymnasium as gym
import pytest
from gymnasium.vector.utils import batch_space

from mlesmith_env.actions import RunCode, Submit
from mlesmith_env.spaces import ActionSpace, ObservationSpace, UnicodeText

SPACES = [UnicodeText(50), ActionSpace(), ObservationSpace(500)]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_a_space_contains_its_samples_and_brings_them_through_json(space: gym.Space) -> None:
    space.seed(3)
    samples = [space.sample() for _ in range(50)]
    assert all(sample in space for sample in samples)
    assert space.from_jsonable(json.loads(json.dumps(space.to_jsonable(samples)))) == samples


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_a_space_is_equal_to_its_copies_and_they_sample_alike(space: gym.Space) -> None:
    space.seed(5)
    for twin in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert twin == space
        twin.seed(7)
        again = copy.deepcopy(space)
        again.seed(7)
        assert [twin.sample() for _ in range(5)] == [again.sample() for _ in range(5)]


def test_text_may_be_empty_and_in_any_script_but_not_too_long() -> None:
    space = UnicodeText(10)
    assert "" in space
    assert "a b\n数é" in space
    assert "x" * 11 not in space
    assert 3 not in space
    assert UnicodeText(10) != UnicodeText(11)
    with pytest.raises(ValueError, match="at least 1"):
        UnicodeText(0)


def test_actions_are_contained_in_every_form() -> None:
    space = ActionSpace()
    for action in (Submit(), {"type": "submit"}, '{"type": "submit"}', "```python\n1\n```"):
        assert action in space
    for other in ("1", {"type": "shell"}, None, 3):
        assert other not in space
    assert space.to_jsonable([RunCode(code="1")])[0]["code"] == "1"


def test_a_sampled_action_only_asks_for_information() -> None:
    space = ActionSpace(seed=0)
    for _ in range(30):
        action = space.sample(mask=None, probability=None)
        assert action["type"] == "request_info"
        assert action["topic"] != "file"


def test_an_observation_is_a_plain_dict() -> None:
    space = ObservationSpace(100)
    assert {"text": "Größe\n", "step": 0, "steps_left": 3} in space
    assert {"text": "x" * 101, "step": 0, "steps_left": 3} not in space


def test_batches_are_tuples_of_texts() -> None:
    batch = batch_space(ObservationSpace(100), 3)
    assert len(batch["text"]) == 3
    assert len(batch_space(ActionSpace(), 3)) == 3
    assert not ActionSpace().is_np_flattenable
    assert "UnicodeText(100)" in repr(ObservationSpace(100))
