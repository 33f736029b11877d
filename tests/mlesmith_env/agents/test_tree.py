"""A model that searches a tree of programs in forks, through litellm, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from generators.chat.budget import Budget
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.errors import BudgetSpent
from generators.model_server import ChatRequest, ScriptedModelServer, ScriptedReply
from mlesmith_env.agents.agent import Searcher
from mlesmith_env.agents.tree import TreeSearchAgent
from mlesmith_env.agents.tree_policy import Policy
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.rollout import Rollout, play
from mlesmith_env.trajectory import read_trajectory
from sandboxes.errors import SandboxLostError
from sandboxes.sandbox import ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox

Serve = Callable[..., ScriptedModelServer]
Ask = Callable[..., ModelChat]
Words = Callable[..., Sandbox]


def program(code: str, plan: str = "A plan.") -> str:
    return f"{plan}\n\n```python\n{code}\n```"


@pytest.fixture
def played(serve: Serve, ask: Ask, orchard: Path, words: Words, tmp_path: Path) -> Callable[..., Any]:
    """Plays one search with a script; gives the rollout, the server and the open sandboxes that are left."""

    def playing(script: Any, *, env: dict[str, Any] | None = None, **options: Any) -> tuple[Rollout, Any]:
        server = serve(script)
        agent = TreeSearchAgent(ask(server), **options)
        arguments = {"sandbox": words, "max_steps": 9, "trajectory_dir": tmp_path / "records", **(env or {})}
        with MLESmithEnv(orchard, **arguments) as made:
            rollout = play(made, agent, seed=0)
        assert not server.problems
        return rollout, server

    return playing


def kinds(rollout: Rollout) -> list[tuple[str, list[int], bool]]:
    assert rollout.account is not None
    return [(node["kind"], node["parents"], node["good"]) for node in rollout.account.notes["nodes"]]


def test_drafts_debug_improve_and_crossover_and_the_best_one_is_submitted(played: Callable[..., Any]) -> None:
    policy = Policy(drafts=2, debug_share=1, crossover_share=1)
    codes = ["fail", "guess 1", "guess 3", "guess 2", "guess 4"]
    rollout, _ = played([program(code, f"Plan {code}.") for code in codes], nodes=5, policy=policy)
    assert kinds(rollout) == [
        ("draft", [], False),
        ("draft", [], True),
        ("debug", [0], True),
        ("crossover", [1, 2], True),
        ("crossover", [3, 2], True),
    ]
    notes = rollout.account.notes
    assert notes["chosen"] == 3
    assert [step.action_type for step in rollout.steps] == ["request_info", "request_info", "run_code", "submit"]
    assert rollout.steps[2].score == notes["nodes"][3]["score"] == max(n["score"] for n in notes["nodes"] if n["good"])
    assert rollout.terminated
    assert rollout.total_reward == pytest.approx(rollout.normalized_score, abs=1e-12)


def test_a_good_program_is_improved_with_its_code_and_result_in_the_prompt(played: Callable[..., Any]) -> None:
    policy = Policy(drafts=1, crossover_share=0)
    rollout, server = played([program("guess 1", "Guess first."), program("guess 2")], nodes=2, policy=policy)
    assert kinds(rollout)[1][:2] == ("improve", [0])
    order = server.requests[1].last
    assert "```python\nguess 1\n```" in order
    assert "Its public score is" in order
    assert re.search(r"- 0\.\d+: Guess first\.", order)
    assert "Write an improved program" in order


def test_a_failed_program_is_shown_with_its_error(played: Callable[..., Any]) -> None:
    _, server = played([program("fail"), program("guess 1")], nodes=2, policy=Policy(drafts=1))
    order = server.requests[1].last
    assert "The program that failed" in order
    assert "The code stopped with KeyError." in order


def test_the_facts_stand_before_the_order_so_that_caches_hold(played: Callable[..., Any]) -> None:
    _, server = played([program(f"guess {n}") for n in range(3)], nodes=3)
    heads = [request.messages[:-1] for request in server.requests]
    assert heads[0] == heads[1] == heads[2]
    assert "row_id,height_m" in heads[0][1]["content"]


def test_by_default_it_runs_no_more_programs_than_one_episode_allows(played: Callable[..., Any]) -> None:
    rollout, _ = played([program(f"guess {n}") for n in range(4)], env={"max_steps": 7})
    assert len(kinds(rollout)) == 4


def test_the_fewest_steps_still_give_a_score(played: Callable[..., Any]) -> None:
    for steps in (1, 2):
        rollout, _ = played([program("guess 2")], env={"max_steps": steps})
        assert rollout.score > 0.5
        assert len(rollout.steps) == steps


def test_an_answer_without_a_program_is_told_back_and_then_given_up(played: Callable[..., Any]) -> None:
    cut = {"text": "```python\nimport", "finish": "length"}
    rollout, server = played(["No idea.", program("guess 2"), cut, "No.", "No."], nodes=2)
    assert [node["status"] for node in rollout.account.notes["nodes"]] == ["ok", "malformed"]
    assert "There is no program to run in this answer" in server.requests[1].last
    assert "cut off" in server.requests[3].last
    assert rollout.usage.calls == 5
    assert rollout.account.notes["chosen"] == 0


def test_a_call_of_a_tool_that_nobody_offered_is_told_back_too(played: Callable[..., Any]) -> None:
    unoffered = {"text": "I run it.", "calls": [{"name": "run_code", "arguments": {"code": "print(1)"}}]}
    rollout, server = played([unoffered, program("guess 2")], nodes=1)
    assert "There is no program to run in this answer" in server.requests[1].last
    assert rollout.usage.calls == 2
    assert rollout.account.notes["chosen"] == 0


def test_without_a_good_program_the_episode_ends_without_a_submission(played: Callable[..., Any]) -> None:
    rollout, _ = played([program("fail"), program("broken")], nodes=2, policy=Policy(drafts=2))
    assert rollout.terminated
    assert rollout.normalized_score == 0.0
    assert rollout.account.notes["chosen"] is None


def test_the_same_seed_makes_the_same_tree_and_another_one_another(played: Callable[..., Any]) -> None:
    def script(request: ChatRequest) -> ScriptedReply:
        return ScriptedReply(text=program(f"guess {len(request.last) % 7}"))

    policy = Policy(drafts=2, crossover_share=0.5, choice="ranked")
    first, again, other = (kinds(played(script, nodes=5, policy=policy, seed=seed)[0]) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_hidden_scores_are_replaced_by_what_the_programs_print(played: Callable[..., Any]) -> None:
    rollout, server = played(
        [program("guess 1\nValidation score: 0.9"), program("Validation score: 0.8")],
        nodes=2,
        policy=Policy(drafts=2),
        env={"feedback": "none", "sandbox": both},
    )
    assert [node["score"] for node in rollout.account.notes["nodes"]] == [0.9, 0.8]
    assert [node["good"] for node in rollout.account.notes["nodes"]] == [True, False]
    assert "validation scores of their own" in server.requests[1].last
    assert rollout.account.notes["chosen"] == 0
    assert rollout.score == 0.5


def both(*, public: Path | None, limits: Any, seed: int) -> Sandbox:
    """Prints the code; submits the sample where it begins with a guess, and may `fail` or be `lost`."""
    assert public is not None
    sample = (public / "sample_submission.csv").read_bytes()

    def run(sandbox: ScriptedSandbox, code: str) -> ExecutionResult:
        word = code.split(maxsplit=1)[0]
        if word == "guess":
            sandbox.write_file("submission.csv", sample)
        if word == "lost":
            raise SandboxLostError("the session vanished")
        if word == "fail":
            return ExecutionResult(ExecutionStatus.ERROR, error_name="KeyError", traceback="KeyError: x")
        return ExecutionResult(ExecutionStatus.OK, stdout=code)

    return _Counted(run, public=public, seed=seed)


class _Counted(ScriptedSandbox):
    """Knows which of its kind are open, forks included."""

    opened = 0
    running: ClassVar[set[int]] = set()

    def start(self) -> None:
        super().start()
        _Counted.opened += 1
        self.running.add(id(self))

    def close(self) -> None:
        super().close()
        self.running.discard(id(self))


@pytest.mark.parametrize("end", ["finished", "failed provider", "spent", "lost"])
def test_every_fork_is_closed_however_the_search_ends(end: str, serve: Serve, ask: Ask, orchard: Path) -> None:
    before = _Counted.opened
    last = {"failed provider": {"fault": 400}, "lost": program("lost")}.get(end, program("guess 1"))
    server = serve([program("guess 1"), program("guess 2"), program("fail"), last])
    models = ModelRun(budget=Budget(calls=3 if end == "spent" else 9))
    agent = TreeSearchAgent(ask(server, run=models), nodes=4)
    env = MLESmithEnv(orchard, sandbox=both, max_steps=9)
    if end == "spent":
        with pytest.raises(BudgetSpent):
            play(env, agent, seed=0)
    else:
        rollout = play(env, agent, seed=0)
        assert rollout.mask_sample is (end in ("failed provider", "lost"))
        assert ("vanished" in rollout.error) is (end == "lost")
        assert ("ModelError" in rollout.error) is (end == "failed provider")
    env.close()
    assert _Counted.opened - before == (4 if end in ("failed provider", "spent") else 5)
    assert not _Counted.running


def test_the_account_of_a_search_that_was_broken_off_is_kept(
    serve: Serve, ask: Ask, orchard: Path, words: Words
) -> None:
    server = serve([program("guess 1"), program("guess 2")])
    agent = TreeSearchAgent(ask(server, run=ModelRun(budget=Budget(calls=1))))
    with MLESmithEnv(orchard, sandbox=words) as env, pytest.raises(BudgetSpent):
        play(env, agent, seed=0)
    assert agent.account().usage.calls == 1
    assert isinstance(agent, Searcher)


def test_the_record_of_the_chosen_fork_holds_the_tree(played: Callable[..., Any]) -> None:
    rollout, _ = played([program("guess 1"), program("guess 2")], nodes=2)
    recorded = read_trajectory(rollout.trajectory)
    assert recorded.header["forked_from"]
    assert [step["action_type"] for step in recorded.steps] == ["request_info", "request_info", "run_code", "submit"]
    assert [node["kind"] for node in recorded.agent["notes"]["nodes"]] == ["draft", "draft"]
    assert recorded.total_reward == pytest.approx(rollout.normalized_score)


@pytest.mark.parametrize("option", [{"nodes": 0}, {"retries": -1}, {"output_chars": 1}])
def test_an_option_that_cannot_be_is_named(option: dict[str, int], serve: Serve, ask: Ask) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        TreeSearchAgent(ask(serve(["x"])), **option)
