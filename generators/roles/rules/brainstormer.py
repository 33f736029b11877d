"""The Brainstormer without a language model: scores candidates, removes leaks, probes, and picks diverse ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from generators.datasets.profile import DatasetProfile, TableProfile
from generators.datasets.raw import RawDataset
from generators.finding import Blame, Finding, Layer
from generators.roles.diversity import (
    WEIGHTS,
    Traits,
    crowding,
    likeness,
    metric_share,
    objective_share,
    traits_of,
)
from generators.roles.proposal import Exclusion, Lookup, Proposal, Proposals, Refusal
from generators.roles.rules.candidates import Candidate, candidates, table_refusal
from generators.roles.rules.formulation import Refused, formulate, renew_metric
from generators.roles.rules.lookups import choose_lookups

_MAX_PROBES = 16
"""Candidates looked at closely before giving up, at most; more where more than a few formulations are wanted."""
_MAX_PROBES_IN_NEED = 32
"""The same where fewer formulations than wanted have been found by then: what is left may still be learned."""
_SPARE = 3
"""Formulations worked out beyond those wanted, so that the better ones can be taken and others stand in reserve."""
_CROWDED = 0.8
"""What a formulation loses that the whole pool has already; a pool must not outweigh what the data say."""
_RARER = 0.25
"""A metric gives way to another suitable one that has a share of the pool smaller by this much."""


@dataclass
class _Search:
    """What is known while a dataset is searched."""

    dataset: RawDataset
    profile: DatasetProfile
    seed: int
    existing: Sequence[Traits] = ()
    lookups: dict[str, tuple[Lookup, ...]] = field(default_factory=dict)
    found: list[tuple[Candidate, Proposal]] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)

    def table_lookups(self, table: TableProfile) -> tuple[Lookup, ...]:
        """The lookups of a table, chosen once."""
        if table.name not in self.lookups:
            self.lookups[table.name] = choose_lookups(self.dataset, self.profile, table)
        return self.lookups[table.name]

    def crowd(self, candidate: Candidate) -> float:
        """What a candidate loses by what exists, as far as it is known before its inputs and metric are chosen."""
        same = [other for other in self.existing if other.dataset == self.dataset.digest]
        if any((t.target, t.objective) == (candidate.target.name, candidate.objective.value) for t in same):
            return float("inf")
        return _CROWDED * WEIGHTS["objective"] * objective_share(candidate.objective.value, self.existing)

    def refuse(self, subject: str, reason: str) -> None:
        """Keep the first reason for each subject."""
        self.refusals.setdefault(subject, Refusal(subject=subject, reason=reason))


class RulesBrainstormer:
    """Proposes from names, types, distributions, leak search and a quick probe. Deterministic for a seed."""

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed

    def propose(
        self, dataset: RawDataset, profile: DatasetProfile, *, limit: int = 3, existing: Sequence[Traits] = ()
    ) -> Proposals:
        """At most `limit` formulations, unlike one another and what is `existing`, best first, those that stand in
        reserve for them, and what was refused.

        What exists of the same dataset is not proposed again. The same arguments give the same proposals; the order of
        `existing` does not matter. Raises `ValueError` for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        search = _Search(dataset, profile, self._seed, tuple(existing))
        if not profile.tables:
            files = len(dataset.other_files)
            held = f"; it holds {files} other file{'s' if files != 1 else ''}" if files else ""
            search.refuse(dataset.name, f"no table could be read from it{held}; put a table such as a CSV file there")
        pool = self._pool(search)
        enough = max(_MAX_PROBES, 3 * limit)
        for looked_at in range(max(_MAX_PROBES_IN_NEED, enough)):
            wanted = limit + _SPARE if looked_at < enough else limit
            if len(search.found) >= wanted or not pool:
                break
            others = [candidate for candidate, _ in search.found]
            repeats = {id(c): _likeness(c, others) + search.crowd(c) for c in pool}
            best = max(pool, key=lambda c: (c.prior - repeats[id(c)], c.table, c.target.name))
            if repeats[id(best)] == float("inf"):
                break
            pool.remove(best)
            self._consider(search, best)
        ranked = self._rank(search)
        proposals, reserves = ranked[:limit], ranked[limit:]
        self._explain_the_rest(search, pool, proposals)
        proposals.sort(key=lambda proposal: (-proposal.score, proposal.slug))
        return Proposals(proposals=tuple(proposals), refusals=tuple(search.refusals.values()), reserves=tuple(reserves))

    def revise(
        self,
        proposal: Proposal,
        findings: Sequence[Finding],
        dataset: RawDataset,
        profile: DatasetProfile,  # noqa: ARG002 - part of the role's contract
    ) -> Proposal | None:
        """The proposal without the columns that findings name, or with another metric; None where neither mends it.

        A finding names columns as `column 'a'` or `columns 'a', 'b' and 'c'`, each as `repr` writes it: a word of the
        sentence that happens to be a column's name names none.
        """
        mine = [finding for finding in findings if finding.blame is Blame.BRAINSTORMER]
        if not mine or proposal.plan:
            return None
        named = {
            column: finding
            for finding in mine
            for column in proposal.inputs
            if _is_named(column, finding.message) and column not in proposal.split.columns
        }
        if any("metric" in finding.check for finding in mine):
            return renew_metric(proposal, dataset)
        kept = tuple(name for name in proposal.inputs if name not in named)
        if not named or not kept or any(finding.layer is Layer.ASSERTION for finding in mine):
            return None
        excluded = tuple(
            Exclusion(column=column, kind="leak", evidence=f"{finding.check}: {finding.evidence or finding.message}")
            for column, finding in named.items()
        )
        return proposal.model_copy(update={"inputs": kept, "excluded": (*proposal.excluded, *excluded)})

    def _pool(self, search: _Search) -> list[Candidate]:
        pool: list[Candidate] = []
        for table in search.profile.tables:
            refusal = table_refusal(table)
            if refusal is not None:
                search.refuse(refusal.subject, refusal.reason)
                continue
            found, unfit = candidates(table)
            for reason in unfit:
                search.refuse(reason.subject, reason.reason)
            if not found:
                search.refuse(table.name, "no column is fit to be a target: see its columns")
            pool += found
        return pool

    def _consider(self, search: _Search, candidate: Candidate) -> None:
        table = search.profile.table(candidate.table)
        used_slugs = [proposal.slug for _, proposal in search.found]
        outcome = formulate(
            candidate,
            search.dataset,
            table,
            lookups=search.table_lookups(table),
            used_slugs=used_slugs,
            seed=self._seed,
        )
        if isinstance(outcome, Refused):
            search.refuse(f"{candidate.table}.{candidate.target.name}", outcome.reason)
        else:
            search.found.append((candidate, outcome))

    def _rank(self, search: _Search) -> list[Proposal]:
        """What was found, each judged less what it repeats of those before it, with metrics that differ where more
        than one suits."""
        left, taken, proposals = list(search.found), list[Candidate](), list[Proposal]()
        while left:
            best = max(left, key=lambda pair: (pair[1].score - _repeats(pair, taken, proposals, search), pair[1].slug))
            left.remove(best)
            candidate, proposal = best
            proposal = _with_rarer_metric(proposal, proposals, search)
            taken.append(candidate)
            proposals.append(proposal)
        return proposals

    def _explain_the_rest(self, search: _Search, pool: list[Candidate], proposals: Sequence[Proposal]) -> None:
        """A true reason for every table that gave nothing."""
        used = {proposal.table for proposal in proposals}
        found = {candidate.table for candidate, _ in search.found}
        for table in search.profile.tables:
            if table.name in used or table.name in search.refusals:
                continue
            waiting = [candidate for candidate in pool if candidate.table == table.name]
            if table.name in found or (waiting and len(search.found) > len(proposals)):
                reason = f"{len(proposals)} formulations that promise more were found elsewhere in the dataset"
            elif waiting:
                reason = "not looked at: enough candidates that promise more were tried first"
            else:
                reason = "every candidate in it was turned down: see its columns"
            search.refuse(table.name, reason)


def _is_named(column: str, message: str) -> bool:
    """Whether a sentence speaks of this very column, quoted after the word column."""
    quoted = r"""(?:'[^']*'|"[^"]*")"""
    return re.search(rf"(?i:\bcolumns?)\s(?:{quoted}(?:,? and |, ))*{re.escape(repr(column))}", message) is not None


def _likeness(candidate: Candidate, others: Sequence[Candidate]) -> float:
    """What a candidate repeats of others, in units of the prior; infinite for the same question again."""
    total = 0.0
    for other in others:
        same_source = (other.table, other.target.source) == (candidate.table, candidate.target.source)
        if same_source and other.objective is candidate.objective:
            return float("inf")
        same_name = other.target.source.lower() == candidate.target.source.lower()
        total += WEIGHTS["source"] * same_source + WEIGHTS["target"] * (same_name and not same_source)
        total += WEIGHTS["table"] * (other.table == candidate.table)
        total += WEIGHTS["objective"] * (other.objective is candidate.objective)
    return total


def _repeats(
    pair: tuple[Candidate, Proposal], taken: Sequence[Candidate], proposals: Sequence[Proposal], search: _Search
) -> float:
    """What a formulation repeats of those taken and of what exists, in units of the score."""
    candidate, proposal = pair
    if _likeness(candidate, taken) == float("inf"):
        return float("inf")
    digest = search.dataset.digest
    traits = traits_of(proposal, digest)
    alike = sum(likeness(traits, traits_of(other, digest)) for other in proposals)
    return alike + _CROWDED * crowding(traits, search.existing)


def _with_rarer_metric(proposal: Proposal, proposals: Sequence[Proposal], search: _Search) -> Proposal:
    """The proposal with a suitable metric that none of the others has, and that the pool is not full of."""
    used = {other.metric for other in proposals}
    renewed = renew_metric(proposal, search.dataset, used=used)
    if renewed is None:
        return proposal
    share, other_share = (metric_share(one.metric, search.existing) for one in (proposal, renewed))
    return renewed if proposal.metric in used or share - other_share >= _RARER else proposal
