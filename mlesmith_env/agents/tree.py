"""TreeSearchAgent: a model writes whole programs, each run in a fork of the episode; the best one is submitted.

The forks all start where the episode stands once the agent has read up, so that no program sees another one's session.
After the idea of AIDE (arXiv 2502.13138): drafts, then programs that improve, mend or join earlier ones.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from generators.chat.messages import Chat, Message, Purpose
from mlesmith_env import action_reading, actions
from mlesmith_env.agents.agent import Account, Said
from mlesmith_env.agents.conversation import spoken
from mlesmith_env.agents.option_checks import check_whole
from mlesmith_env.agents.prompting import rendered
from mlesmith_env.agents.tree_policy import Move, Node, Policy, child, next_move, ranked
from mlesmith_env.observations import clip

if TYPE_CHECKING:
    from mlesmith_env.env import MLESmithEnv
    from mlesmith_env.turn import Turn

_TOPICS = ("description", "data")
"""What the agent reads before it writes anything; each is a step."""
_LISTED = 12
"""Earlier programs that a prompt tells of."""
_PRINTED = re.compile(r"^\s*validation score\s*[:=]\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*$", re.IGNORECASE | re.MULTILINE)


class TreeSearchAgent:
    """Searches a tree of programs; a `Searcher`.

    Each expansion is a call of the model (and up to `retries` more where its answer holds no program) and one run in a
    fork, which is closed unless it is the best so far. In the end the best one's fork submits.
    """

    def __init__(
        self,
        chat: Chat,
        *,
        policy: Policy | None = None,
        nodes: int | None = None,
        seed: int = 0,
        retries: int = 2,
        output_chars: int = 3_000,
        name: str = "tree",
    ) -> None:
        """`nodes`: programs in all; by default as many as the steps of the episode would allow one after the other, so
        that a search runs no more programs than an agent without forks. `output_chars`: of a program's output that are
        shown to the model. Raises `ValueError` for an option that cannot be."""
        if nodes is not None:
            check_whole("nodes", nodes, 1)
        check_whole("retries", retries, 0)
        check_whole("output_chars", output_chars, 200)
        self.name = name
        self._chat = chat
        self._policy = policy or Policy()
        self._nodes = nodes
        self._seed = seed
        self._retries = retries
        self._output_chars = output_chars
        self._search: _Search | None = None

    def search(
        self,
        env: MLESmithEnv,
        observation: Mapping[str, Any],
        info: Mapping[str, Any],
        *,
        on_turn: Callable[[Turn], None] | None = None,
    ) -> MLESmithEnv:
        """See `Searcher.search`. Raises `ModelError` and `BudgetSpent`."""
        del info
        self._search = search = _Search(self, env, on_turn or (lambda _: None))
        try:
            return search.run(str(observation["text"]))
        except BaseException:
            search.close_all()
            raise

    def account(self) -> Account:
        """What the model said and took in the last search, and the tree."""
        search = self._search
        notes: dict[str, Any] = {"policy": dataclasses.asdict(self._policy), "seed": self._seed}
        if search is not None:
            notes |= {"nodes": [node.to_json() for node in search.nodes], "chosen": search.chosen}
        return Account(self._chat.model, tuple(search.said) if search else (), notes)


class _Search:
    """One search: the tree, and the fork of its best program."""

    def __init__(self, agent: TreeSearchAgent, env: MLESmithEnv, on_turn: Callable[[Turn], None]) -> None:
        self.nodes: list[Node] = []
        self.said: list[Said] = []
        self.chosen: int | None = None
        """Number of the node whose submission counts."""
        self._agent = agent
        self._env = env
        self._on_turn = on_turn
        self._best: MLESmithEnv | None = None
        self._higher = env.competition.card.higher_is_better
        self._purpose = Purpose("agent", task=f"{env.origin.task_id}/{env.origin.episode_id}")
        self._facts: list[str] = []

    def run(self, opening: str) -> MLESmithEnv:
        """The environment in which the episode ended."""
        self._facts = [opening]
        for topic in _TOPICS[: max(self._env.rules.max_steps - 2, 0)]:  # a run and its end need a step each
            if self._step(self._env, {"type": "request_info", "topic": topic}).done:
                return self._env
            self._facts.append(self._env.history[-1].shown)
        for _ in range(self._agent._nodes or self._env.rules.max_steps - len(self._env.history) - 1 or 1):
            move = next_move(self.nodes, self._agent._policy, higher_is_better=self._higher, seed=self._agent._seed)
            ended = self._expand(move)
            if ended is not None:
                return ended
        return self._submit()

    def close_all(self) -> None:
        """Close the fork that is kept."""
        self._keep(None)

    def _expand(self, move: Move) -> MLESmithEnv | None:
        """Make one node. An environment where the search ends with it: the machinery failed, or the time is spent."""
        plan, code = self._ask(move)
        place = child(move, self.nodes)
        if not code:
            self.nodes.append(
                Node(**place, plan=plan, code="", status="malformed", output="", score=math.nan, valid=False)
            )
            return None
        (fork,) = self._env.fork(1)
        kept = False
        try:
            turn = self._step(fork, {"type": "run_code", "code": code})
            self.nodes.append(self._node(place, plan, code, turn))
            if turn.mask_sample:
                kept = True
                self._keep(None)
                return fork
            best = ranked(self.nodes, higher_is_better=self._higher)[:1]
            if best and best[0] is self.nodes[-1]:
                kept = True
                self._keep(fork)
            return self._submit() if turn.done else None
        finally:
            if not kept:
                fork.close()

    def _submit(self) -> MLESmithEnv:
        """End the episode with the best program's submission; without one, end it with none."""
        best = ranked(self.nodes, higher_is_better=self._higher)[:1]
        self.chosen = best[0].number if best else None
        env = self._best or self._env
        if not env.history or not env.history[-1].done:
            self._step(env, {"type": "submit"})
        self._best = None
        return env

    def _keep(self, fork: MLESmithEnv | None) -> None:
        if self._best is not None:
            self._best.close()
        self._best = fork

    def _step(self, env: MLESmithEnv, action: Mapping[str, Any]) -> Turn:
        env.step(action)
        self._on_turn(env.history[-1])
        return env.history[-1]

    def _node(self, place: Mapping[str, Any], plan: str, code: str, turn: Turn) -> Node:
        rules = self._env.rules
        printed = _PRINTED.findall(turn.execution.stdout) if turn.execution else []
        if rules.shows_scores:
            score = turn.grade.score if turn.scored and turn.grade else math.nan
        else:
            score = _number(printed[-1]) if printed and turn.status == "ok" else math.nan
        # what became of a submission may be hidden; that there is one is known to whoever ran the code
        valid = turn.scored if rules.feedback != "none" else bool(turn.submission_digest)
        return Node(
            **place,
            plan=plan,
            code=code,
            status=turn.status,
            output=turn.shown,
            score=score,
            valid=valid,
            seconds=turn.timing["total_s"],
        )

    def _ask(self, move: Move) -> tuple[str, str]:
        """What the model says of its program, and the program; empty where it wrote none in all its tries."""
        messages = [
            Message("system", rendered("tree")),
            Message("user", "\n\n".join(self._facts)),
            Message("user", self._order(move)),
        ]
        text = ""
        for _ in range(1 + self._agent._retries):
            reply = self._agent._chat.complete(messages, purpose=self._purpose)
            self.said.append(Said.of(len(self.nodes), reply))
            text = reply.message.text
            action = action_reading.parse_action(text)
            if isinstance(action, actions.RunCode) and action.code is not None:
                return _plan(text), action.code
            problem = action.problem if isinstance(action, actions.Malformed) else f"this is a {action.type}."
            if reply.finish == "length":
                problem = "the answer was cut off because it was too long."
            # no tools were offered, and calls that a model makes all the same would want answers
            said = spoken(dataclasses.replace(reply.message, calls=()))
            messages += [said, Message("user", rendered("tree_again", problem=problem))]
        return _plan(text), ""

    def _order(self, move: Move) -> str:
        """What the model is to write now."""
        rules = self._env.rules
        listed = ranked(self.nodes, higher_is_better=self._higher)[:_LISTED]
        return rendered(
            "tree_order",
            kind=move.kind,
            parents=[
                {
                    "code": parent.code,
                    "output": clip(parent.output, self._agent._output_chars, head=0.3),
                    "score": _shown(parent.score),
                }
                for parent in move.parents
            ],
            earlier=[{"number": node.number, "plan": node.plan, "score": _shown(node.score)} for node in listed],
            hidden=not rules.shows_scores,
            higher=self._higher,
            run_s=f"{rules.run_s:g}",
        )


def _plan(text: str) -> str:
    """What stands before the program, in few words."""
    return clip(" ".join(text.split("```", 1)[0].split()), 600)


def _shown(score: float) -> str:
    return f"{score:.6g}" if math.isfinite(score) else ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # such as 1.2.3
        return math.nan
