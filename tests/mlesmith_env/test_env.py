"""The environment keeps its contract: actions, budgets, feedback, rewards, faults. Runs in a scripted sandbox."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gymnasium.error import ResetNeeded

from generators.competitions.card import ReferenceScores
from generators.competitions.package import Competition, write_card
from mlesmith_env.env import MLESmithEnv
from sandboxes.sandbox import Sandbox

Make = Callable[..., MLESmithEnv]


@pytest.fixture
def make(orchard: Path, words: Callable[..., Sandbox]) -> Iterator[Make]:
    made = []

    def build(**kwargs: Any) -> MLESmithEnv:
        env = MLESmithEnv(**{"task": orchard, "sandbox": words, "max_steps": 20, **kwargs})
        made.append(env)
        env.reset(seed=0)
        return env

    yield build
    for env in made:
        env.close()


def play(env: MLESmithEnv, *actions: Any) -> list[tuple[dict[str, Any], float, bool, bool, dict[str, Any]]]:
    return [env.step({"code": action} if isinstance(action, str) else action) for action in actions]


def test_an_episode_from_reset_to_submit(make: Make) -> None:
    env = make()
    printed, failed, scored, submitted = play(env, "print 2", "fail", "guess 1", {"type": "submit"})
    assert "print 2" in printed[0]["text"]
    assert "No ./submission.csv yet" in printed[0]["text"]
    assert failed[4]["status"] == "error"
    assert failed[4]["error_type"] == "agent"
    assert "before" in failed[0]["text"]
    assert scored[4]["outcome"] == "scored"
    assert f"{scored[4]['score']:.6g}" in scored[0]["text"]
    assert submitted[2] is True
    assert submitted[3] is False
    assert submitted[4]["outcome"] == "scored"
    assert submitted[0]["steps_left"] == 0


@pytest.mark.parametrize("feedback", ["none", "validity", "public", "private"])
def test_the_rewards_of_random_episodes_sum_to_the_final_private_normalised_score(make: Make, feedback: str) -> None:
    chance = random.Random(feedback)
    for length in (1, 3, 6):
        env = make(feedback=feedback, max_steps=length)
        rewards, done, info = [], False, {}
        while not done:
            action: Any = chance.choice(["guess 1", "guess 2", "guess 5", "broken", "fail", "print", "oracle", {}])
            if chance.random() < 0.15:
                action = {"type": "submit"}
            _, reward, terminated, truncated, info = play(env, action)[0]
            rewards.append(reward)
            done = terminated or truncated
        assert abs(sum(rewards) - info["normalized_score"]) <= 1e-12
        assert not info["mask_sample"]


def test_without_a_valid_submission_the_final_score_is_0(make: Make) -> None:
    env = make()
    *_, last = play(env, "print 1", "broken", {"type": "submit"})
    assert last[4]["outcome"] == "missing"
    assert last[4]["normalized_score"] == 0.0
    assert math.isnan(last[4]["score"])
    assert sum(turn.reward for turn in env.history) == 0.0


def test_the_best_submission_counts_where_scores_are_shown_and_the_last_where_they_are_hidden(make: Make) -> None:
    shown, hidden = make(feedback="public"), make(feedback="validity")
    for env in (shown, hidden):
        play(env, "oracle", "guess 1", {"type": "submit"})
    assert shown.history[-1].chosen_step == 1
    assert hidden.history[-1].chosen_step == 2


def test_submit_may_name_the_submission_that_counts(make: Make) -> None:
    env = make()
    _, _, refused, done = play(env, "oracle", "guess 1", {"type": "submit", "step": 7}, {"type": "submit", "step": 2})
    assert refused[4]["status"] == "refused"
    assert refused[2] is False
    assert "Steps with one: 1, 2" in refused[0]["text"]
    assert done[2] is True
    assert env.history[-1].chosen_step == 2


def test_a_stale_submission_is_never_graded_again(make: Make) -> None:
    env = make(reward="absolute")
    first, second, third = play(env, "oracle", "print nothing", "fail")
    assert first[1] > 0
    for later in (second, third):
        assert later[4]["outcome"] == ""
        assert later[1] == 0
        assert math.isnan(later[4]["score"])
        assert "was not changed" in later[0]["text"]
    assert len([turn for turn in env.history if turn.grade]) == 1


def test_a_reset_leaves_no_submission_behind(make: Make) -> None:
    env = make()
    play(env, "oracle")
    env.reset(seed=1)
    (only,) = play(env, "print 1")
    assert "No ./submission.csv yet" in only[0]["text"]
    assert env.history[0].step == 1


def test_bytes_graded_before_are_not_graded_twice(make: Make) -> None:
    env = make()
    first, second = play(env, "guess 4", "guess 4")
    assert second[4]["score"] == first[4]["score"]
    assert second[4]["timing"]["grade_s"] == 0.0


@pytest.mark.parametrize(
    ("feedback", "told", "score"),
    [("none", "was taken", False), ("validity", "is valid.", False), ("public", "public score", True)],
)
def test_a_feedback_tier_tells_what_it_says_and_no_more(make: Make, feedback: str, told: str, score: bool) -> None:
    env = make(feedback=feedback)
    valid, broken, board, history = play(
        env,
        "guess 2",
        "broken",
        {"type": "request_info", "topic": "leaderboard"},
        {"type": "request_info", "topic": "history"},
    )
    true_score = env.history[0].grade.score  # type: ignore[union-attr]
    texts = "".join(step[0]["text"] for step in (valid, board, history))
    assert told in valid[0]["text"]
    assert (f"{true_score:.6g}" in texts) == score
    assert math.isfinite(valid[4]["score"]) == score
    assert math.isfinite(valid[4]["best_score"]) == score
    assert ("invalid" in broken[0]["text"]) == (feedback != "none")
    assert ("forest" in board[0]["text"]) == score
    last = play(env, {"type": "submit"})[0]
    assert math.isfinite(last[4]["score"])
    assert ("final" in last[0]["text"]) == score


def test_private_feedback_shows_the_private_score_at_once(make: Make) -> None:
    env = make(feedback="private")
    scored, submitted = play(env, "guess 2", {"type": "submit"})
    assert scored[4]["score"] == submitted[4]["score"]
    assert "private score" in scored[0]["text"]


def test_the_step_budget_truncates_and_grades_what_there_is(make: Make) -> None:
    env = make(max_steps=2)
    first, second = play(env, "oracle", "junk that prints")
    assert first[3] is False
    assert first[0]["steps_left"] == 1
    assert second[3] is True
    assert second[2] is False
    assert second[4]["outcome"] == "scored"
    assert second[4]["score"] == 1.0
    with pytest.raises(ResetNeeded, match="reset"):
        env.step({"type": "submit"})


def test_the_budget_of_the_card_holds_by_default(make: Make, orchard: Path) -> None:
    assert make(max_steps=None).rules.max_steps == Competition.load(orchard).card.budget.steps


def test_spent_seconds_truncate(make: Make) -> None:
    env = make(max_seconds=1e-6)
    ((_, _, terminated, truncated, info),) = play(env, "print 1")
    assert (terminated, truncated) == (False, True)
    assert info["budget"]["seconds_left"] == 0.0
    assert not info["mask_sample"]


def test_free_requests_cost_no_step_and_are_bounded(make: Make) -> None:
    env = make(free_info=2, max_steps=3)
    ask = {"type": "request_info", "topic": "budget"}
    steps = [step[0]["step"] for step in play(env, ask, ask, ask)]
    assert steps == [0, 0, 1]


def test_a_malformed_action_costs_a_step_and_is_answered(make: Make) -> None:
    env = make()
    for count, action in enumerate([None, 3, "nothing to run", {"type": "shell"}, b"x"], start=1):
        observation, reward, terminated, truncated, info = env.step(action)
        assert observation["step"] == count
        assert "This is not an action" in observation["text"]
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert (info["action_type"], info["status"], info["error_type"]) == ("malformed", "malformed", "agent")


def test_lost_machinery_is_masked_and_never_a_reward(make: Make) -> None:
    env = make()
    _, (observation, reward, terminated, truncated, info) = play(env, "guess 2", "lost")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["mask_sample"] is True
    assert info["error_type"] == "infrastructure"
    assert "session vanished" in info["error"]
    assert "session vanished" not in observation["text"]
    assert "no fault of yours" in observation["text"]
    assert math.isnan(info["normalized_score"])


def test_public_files_that_vanish_are_the_competitions_fault(make: Make, good_package: Path) -> None:
    env = make(task=good_package)
    (good_package / "public" / "sample_submission.csv").unlink()
    (good_package / "public" / "train.csv").chmod(0)
    shutil.rmtree(good_package)
    ((_, reward, _, truncated, info),) = play(env, "guess 1")
    assert (reward, truncated, info["mask_sample"]) == (0.0, True, True)


def test_a_broken_metric_is_the_competitions_fault(make: Make, good_package: Path) -> None:
    metric = good_package / "metric.py"
    metric.write_text(
        metric.read_text().replace(
            "    def evaluate(",
            "    def evaluate(self, y_true, y_pred):\n        raise KeyError('no')\n\n    def other(",
        )
    )
    env = make(task=good_package)
    ((_, reward, terminated, truncated, info),) = play(env, "guess 1")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["mask_sample"] is True
    assert info["error_type"] == "competition"


def test_a_dead_or_slow_run_is_the_agents_and_the_episode_goes_on(make: Make) -> None:
    env = make()
    slow, dead, fine = play(env, "slow", "die", "print still here")
    assert slow[4]["status"] == "timeout"
    assert "gone" in slow[0]["text"]
    assert dead[4]["status"] == "killed"
    assert fine[4]["status"] == "ok"
    assert not any(step[3] or step[4]["mask_sample"] for step in (slow, dead, fine))


def test_a_flood_of_output_hides_no_score_and_is_whole_in_the_history(make: Make) -> None:
    env = make(observation_chars=1000)
    ((observation, *_),) = play(env, "flood")
    assert len(observation["text"]) <= 1000
    assert "BEGIN" in observation["text"]
    assert "END" in observation["text"]
    assert "characters cut here" in observation["text"]
    assert "No ./submission.csv yet" in observation["text"]
    assert len(env.history[0].text) > 100_000


def test_code_is_written_run_by_path_and_fixed_by_edits(make: Make) -> None:
    env = make()
    written, _, twice, fixed = play(
        env,
        {"type": "write_code", "path": "src/a.py", "code": "fail now\n"},
        {"type": "run_code", "path": "src/a.py"},
        {"type": "fix_code", "edits": [{"old": "l", "new": "L"}, {"old": "no such", "new": ""}]},
        {"type": "fix_code", "edits": [{"old": "fail now", "new": "guess 1"}]},
    )
    assert "Wrote src/a.py (1 line)" in written[0]["text"]
    assert "line 1" in written[0]["text"]
    assert twice[4]["status"] == "refused"
    assert "Edit 2: `old` does not occur" in twice[0]["text"]
    assert fixed[4]["outcome"] == "scored"
    assert env.history[-1].code == "guess 1\n"


def test_an_edit_must_match_exactly_once(make: Make) -> None:
    env = make()
    _, ambiguous, unrun = play(
        env,
        "a a",
        {"type": "fix_code", "edits": [{"old": "a", "new": "b"}]},
        {"type": "fix_code", "edits": [{"old": "a a", "new": "b"}], "run": False},
    )
    assert "occurs 2 times" in ambiguous[0]["text"]
    assert env.history[-1].execution is None
    assert "changed" in unrun[0]["text"]


def test_fixing_before_anything_is_written_is_refused(make: Make) -> None:
    ((observation, _, _, _, info),) = play(make(), {"type": "fix_code", "edits": [{"old": "a", "new": "b"}]})
    assert info["status"] == "refused"
    assert "write or run some first" in observation["text"]


def test_a_file_that_is_not_there_is_refused_with_what_there_is(make: Make) -> None:
    run, ask = play(
        make(), {"type": "run_code", "path": "x.py"}, {"type": "request_info", "topic": "file", "path": "x"}
    )
    assert "no file x.py" in run[0]["text"]
    assert run[4]["status"] == "refused"
    assert "public/train.csv" in ask[0]["text"]


@pytest.mark.parametrize("topic", ["overview", "description", "data", "sample_submission", "metric", "budget", "help"])
def test_every_topic_is_answered_and_tells_nothing_private(make: Make, orchard: Path, topic: str) -> None:
    env = make()
    ((observation, _, _, _, info),) = play(env, {"type": "request_info", "topic": topic})
    assert info["status"] == "ok"
    assert len(observation["text"]) > 40
    card = Competition.load(orchard).card
    for secret in (card.parts.key + '"', "private/", str(orchard), card.provenance.raw_digest):
        assert secret not in observation["text"]


@pytest.mark.parametrize("path", ["public/train.csv", "train.csv"])
def test_a_public_file_is_shown_from_its_beginning(make: Make, path: str) -> None:
    ((observation, *_),) = play(make(), {"type": "request_info", "topic": "file", "path": path})
    assert "row_id" in observation["text"]


def test_private_files_cannot_be_asked_for(make: Make) -> None:
    for path in ("private/test_answer.csv", "public/../private/test_answer.csv", "competition.json"):
        ((observation, _, _, _, info),) = play(make(), {"type": "request_info", "topic": "file", "path": path})
        assert info["status"] in ("refused", "malformed")
        assert "yes" not in observation["text"].split("Public files")[0].replace("bytes", "")


def test_one_key_of_info_has_one_type_from_reset_to_end(make: Make) -> None:
    env = make()
    _, opening = env.reset(seed=3)
    infos = [opening] + [step[4] for step in play(env, "print 1", "guess 1", None, "fail", {"type": "submit"})]
    shapes = [{key: type(value) for key, value in info.items()} for info in infos]
    assert all(shape == shapes[0] for shape in shapes)
    for key in ("reward_terms", "timing", "budget"):
        assert len({id(info[key]) for info in infos}) == len(infos)
        assert len({tuple(info[key]) for info in infos}) == 1
        assert all(type(value) is float for info in infos for value in info[key].values())


def test_the_same_seed_gives_the_same_texts(make: Make) -> None:
    def texts(seed: int) -> list[Any]:
        env = make()
        observation, info = env.reset(seed=seed)
        steps = play(env, "guess 3", {"type": "request_info", "topic": "budget"}, "fail", {"type": "submit"})
        return [observation, info["episode_id"], *(step[0] for step in steps)]

    assert texts(5) == texts(5)
    assert texts(5)[1] != texts(6)[1]


def test_an_episode_without_a_seed_differs_from_the_last(make: Make) -> None:
    env = make()
    ids = {env.reset()[1]["episode_id"] for _ in range(4)}
    assert len(ids) == 4


def test_a_competition_without_reference_scores_is_played_unnormalised(make: Make, good_package: Path) -> None:
    card = Competition.load(good_package).card
    write_card(good_package, card.model_copy(update={"scores": None}))
    env = make(task=good_package)
    _, last = play(env, "guess 2", {"type": "submit"})
    assert math.isfinite(last[4]["score"])
    assert math.isnan(last[4]["normalized_score"])
    assert last[1] == 0.0


def test_a_reference_below_its_floor_gives_no_normalised_score(make: Make, good_package: Path) -> None:
    card = Competition.load(good_package).card
    write_card(good_package, card.model_copy(update={"scores": ReferenceScores(floor=0.9, reference=0.5)}))
    ((_, reward, *_, info),) = play(make(task=good_package), "guess 2")
    assert math.isnan(info["normalized_score"])
    assert reward == 0.0


def test_a_pool_is_chosen_from_by_the_seed(make: Make, orchard: Path) -> None:
    uniform = MLESmithEnv(pool=orchard.parent, sandbox=make().unwrapped.settings.sandbox)
    _, info = uniform.reset(seed=4)
    assert info["task_id"] == orchard.name
    uniform.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_steps": 0}, "max_steps"),
        ({"max_steps": 10**6}, "max_steps"),
        ({"max_seconds": -1}, "max_seconds"),
        ({"run_s": math.inf}, "run_s"),
        ({"feedback": "all"}, "none, validity, public, private"),
        ({"reward": "best"}, "known are absolute"),
        ({"sandbox": "chroot"}, "sandbox"),
        ({"min_isolation": "strong"}, "namespaces"),
        ({"limits": {"ram": 3}}, "memory_mib"),
        ({"limits": {"cpus": -1}}, "cpus"),
        ({"network": "yes"}, "network must be one of False, True"),
        ({"gpus": "first"}, r"'all' or a list of numbers"),
        ({"limits": {"wall_s": 3}}, "run_s"),
        ({"limits": {"memory_mib": 0}}, "memory_mib"),
        ({"curriculum": "uniform"}, "pool"),
        ({"curriculum": "hardest", "pool": "."}, "round-robin"),
        ({"free_info": -1}, "free_info"),
        ({"observation_chars": 10}, "observation_chars"),
        ({"render_mode": "rgb_array"}, "ansi"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_with_advice(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MLESmithEnv("x", **wrong)


def test_an_unknown_option_of_reset_is_refused(make: Make) -> None:
    env = make()
    with pytest.raises(ValueError, match="task, tier, group_id"):
        env.reset(options={"tsak": "x"})
    with pytest.raises(ValueError, match="no task"):
        MLESmithEnv().reset(seed=0)
    assert env.reset(seed=0, options={"group_id": 7})[1]["group_id"] == "7"


def test_prompt_and_tools_say_how_to_act(make: Make) -> None:
    env = make()
    assert all(name in env.prompt() for name in ("request_info", "write_code", "run_code", "fix_code", "submit"))
    assert len(json.dumps(env.tools())) > 1000


def test_rendering_gives_the_last_text_or_prints_it(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    env = make(render_mode="ansi")
    ((observation, *_),) = play(env, "print 1")
    assert env.render() == observation["text"]
    assert make().render() is None
    capsys.readouterr()
    loud = make(render_mode="human")
    assert "Trees of an orchard" in capsys.readouterr().out
    play(loud, "print 1")
    assert "Step 1" in capsys.readouterr().out
    assert loud.render() is None


def test_closing_twice_and_before_reset_is_fine(orchard: Path) -> None:
    env = MLESmithEnv(orchard)
    env.close()
    env.close()
    with pytest.raises(ResetNeeded):
        env.step({"type": "submit"})
    with pytest.raises(ResetNeeded):
        _ = env.competition


def test_a_submit_that_is_refused_on_the_last_step_takes_nothing_away(make: Make) -> None:
    env = make(max_steps=2)
    scored, last = play(env, "guess 1", {"type": "submit", "step": 77})
    assert last[2:4] == (False, True)
    assert last[4]["outcome"] == "scored"
    assert scored[1] + last[1] == pytest.approx(last[4]["normalized_score"])


@pytest.mark.parametrize("action", [{"type": "submit"}, {"type": "request_info", "topic": "data"}, {"code": "fail"}])
def test_a_competition_that_is_taken_away_is_no_fault_of_the_agent(
    make: Make, orchard: Path, tmp_path: Path, action: dict[str, Any]
) -> None:
    root = Path(shutil.copytree(orchard, tmp_path / "orchard"))
    env = make(task=root)
    shutil.rmtree(root)
    ((observation, reward, terminated, truncated, info),) = play(env, action)
    assert (reward, terminated, truncated, info["mask_sample"]) == (0.0, False, True, True)
    assert info["error_type"] == "competition"
    assert "no fault of yours" in observation["text"]


def test_answers_in_the_error_of_a_metric_reach_the_record_alone(make: Make, orchard: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(orchard, tmp_path / "orchard"))
    with (root / "metric.py").open("a") as f:
        f.write(
            "\ndef _tell(self, y_true, y_pred): raise RuntimeError('SECRET ' + y_true.to_csv())\n"
            "for _name, _kind in list(globals().items()):\n"
            "    if _name.endswith('Metric'): _kind.evaluate = _tell\n"
        )
    env = make(task=root, trajectory_dir=tmp_path)
    record = env.trajectory_path
    ((observation, reward, _, truncated, info),) = play(env, "guess 1")
    assert (reward, truncated, info["mask_sample"], info["error_type"]) == (0.0, True, True, "competition")
    assert "SECRET" not in observation["text"] + str(info)
    assert record is not None
    assert "SECRET" in record.read_text()


def test_every_info_names_the_isolation_and_whether_there_is_a_network(make: Make) -> None:
    env = make()
    _, info = env.reset(seed=0)
    assert info["isolation"] == "none"  # of the scripted sandbox
    assert info["network"] is False
    first, last = play(env, "print 1", {"type": "submit"})
    assert first[4]["isolation"] == last[4]["isolation"] == "none"
    assert first[4]["network"] is last[4]["network"] is False


def test_network_and_gpus_are_no_arguments_of_a_factory(make: Make) -> None:
    for wrong in ({"network": True}, {"gpus": "all"}):
        with pytest.raises(ValueError, match="a factory sets up its own"):
            make(**wrong)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file on a full disk")
def test_a_record_that_cannot_be_written_ends_the_episode_without_a_reward(make: Make, tmp_path: Path) -> None:
    env = make(trajectory_dir=tmp_path)
    assert env._running is not None
    writer = env._running._writer
    assert writer is not None
    writer._stream.close()
    with Path("/dev/full").open("wb", buffering=0) as writer._stream:
        ((_, reward, _, truncated, info),) = play(env, "oracle")
    assert (reward, truncated, info["mask_sample"], info["error_type"]) == (0.0, True, True, "infrastructure")
    assert math.isnan(info["score"]) or info["reward_terms"] == dict.fromkeys(info["reward_terms"], 0.0)
    env.reset(seed=0)
    assert play(env, "print 1")[0][4]["status"] == "ok"
