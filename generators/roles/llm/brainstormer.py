"""The Brainstormer with a model: explores the raw data and proposes; what the data do not bear out goes back to it."""

from __future__ import annotations

from collections.abc import Sequence

from generators.chat.messages import Chat, Purpose
from generators.competitions.card import Objective
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.finding import Blame, Finding
from generators.roles.diversity import Traits
from generators.roles.llm.dialogue import Dialogue, Objection
from generators.roles.llm.exploring import Explorer
from generators.roles.llm.fencing import repeatable
from generators.roles.llm.grounding import RENDERED_OBJECTIVES, Ground
from generators.roles.llm.ideas import Ideas, Revision, one_line
from generators.roles.llm.prompting import finding_list, metric_list, prompt
from generators.roles.llm.python_session import PythonSession
from generators.roles.llm.summary import overview
from generators.roles.proposal import Proposal, Proposals, Refusal
from generators.roles.transcripts import Transcripts

ROLE = "brainstormer"
STEPS = 15
_EVIDENCE = 200
"""Characters of what an objection speaks of that are kept with a refusal."""


class LLMBrainstormer:
    """Proposes what a model thinks of and the data bear out. Raises `ModelError` and `BudgetSpent` as the chat does."""

    def __init__(
        self,
        chat: Chat,
        *,
        plans: bool = False,
        steps: int = STEPS,
        seed: int = 0,
        transcripts: Transcripts | None = None,
    ) -> None:
        """`plans`: the designer writes code, and can follow a plan in words. `steps`: replies of the model at most."""
        self._chat = chat
        self._plans = plans
        self._steps = steps
        self._seed = seed
        self._transcripts = transcripts

    def propose(
        self, dataset: RawDataset, profile: DatasetProfile, *, limit: int = 3, existing: Sequence[Traits] = ()
    ) -> Proposals:
        """At most `limit` grounded formulations; what the model turned down, or could not mend, is refused.

        Where the steps run out, those of the last answer that hold are taken. Raises `ValueError` for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        held: list[Proposal] = []
        fallen: list[Refusal] = []

        def check(answer: Ideas) -> list[Objection]:
            held.clear()
            fallen.clear()
            if len(answer.proposals) > limit:
                return [Objection(f"there are {len(answer.proposals)} proposals; at most {limit} are wanted")]
            if not answer.proposals and not answer.turned_down:
                return [Objection("say in `turned_down` why there is no proposal")]
            objections: list[Objection] = []
            for number, idea in enumerate(answer.proposals, start=1):
                ground = Ground(dataset, profile, existing, self._seed, self._plans)
                made = ground.proposal(idea, used_slugs=[one.slug for one in held], score=1.0 - number / 100)
                if isinstance(made, Proposal) and any(_same_question(made, other) for other in held):
                    made = (Objection("it asks the same as another proposal; propose something else"),)
                if isinstance(made, Proposal):
                    held.append(made)
                    continue
                objections += [Objection(f"proposal {number}: {one.message}", one.data) for one in made]
                reason = "; ".join(one_line(f"{one.message} {repeatable(one.data[:_EVIDENCE])}") for one in made)
                fallen.append(Refusal(subject=one_line(idea.title), reason=f"the data do not bear it out: {reason}"))
            return objections

        same = [one for one in existing if one.dataset == dataset.digest]
        task = prompt(
            "brainstormer.task",
            limit=limit,
            overview=overview(profile, dataset.other_files),
            existing="\n".join(f"{one.target} ({one.objective}, {one.metric})" for one in same),
            metrics=metric_list(Objective if self._plans else RENDERED_OBJECTIVES),
            plans=self._plans,
        )
        with PythonSession(dataset.root) as session:
            outcome = Dialogue(
                chat=self._chat,
                purpose=Purpose(ROLE, dataset.name),
                system=prompt("brainstormer.system"),
                task=task,
                answer=Ideas,
                check=check,
                capabilities=[*Explorer(dataset, profile).capabilities(), session.capability("The raw data")],
                steps=self._steps,
                transcripts=self._transcripts,
            ).hold()
        if outcome.answer is None and not held and not fallen:
            fallen.append(Refusal(subject=dataset.name, reason=f"the model gave no proposals: {outcome.reason}"))
        turned_down = outcome.answer.turned_down if outcome.answer is not None else ()
        refusals = [Refusal(subject=one_line(one.subject), reason=one_line(one.reason)) for one in turned_down]
        return Proposals(proposals=tuple(held), refusals=(*fallen, *refusals))

    def revise(
        self, proposal: Proposal, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile
    ) -> Proposal | None:
        """The proposal as the model changes it for the findings, or None where it gives up or nothing it says holds."""
        if any(finding.blame is Blame.DATA for finding in findings):
            return None
        held: list[Proposal] = []

        def check(answer: Revision) -> Sequence[Objection]:
            held.clear()
            if answer.proposal is None:
                return () if answer.given_up.strip() else [Objection("say in `given_up` why nothing mends it")]
            ground = Ground(dataset, profile, (), self._seed, self._plans)
            made = ground.proposal(answer.proposal, score=proposal.score, own_slug=proposal.slug)
            if not isinstance(made, Proposal):
                return made
            if made == proposal:
                return [Objection("that is the proposal as it was; change it or give it up")]
            held.append(made)
            return ()

        task = prompt(
            "brainstormer.revise",
            proposal=proposal.model_dump_json(indent=2, exclude={"score", "slug"}),
            findings=finding_list(findings),
            overview=overview(profile, dataset.other_files),
            metrics=metric_list(Objective if self._plans else RENDERED_OBJECTIVES),
            plans=self._plans,
        )
        with PythonSession(dataset.root) as session:
            Dialogue(
                chat=self._chat,
                purpose=Purpose(ROLE, f"{dataset.name}-{proposal.slug}"),
                system=prompt("brainstormer.system"),
                task=task,
                answer=Revision,
                check=check,
                capabilities=[*Explorer(dataset, profile).capabilities(), session.capability("The raw data")],
                steps=self._steps,
                transcripts=self._transcripts,
            ).hold()
        return held[0] if held else None


def _same_question(one: Proposal, other: Proposal) -> bool:
    return (one.table, one.target.name, one.objective) == (other.table, other.target.name, other.objective)
