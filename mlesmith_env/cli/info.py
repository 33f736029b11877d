"""`mlesmith info`: one competition on one page."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from generators.competitions.card import Card
    from generators.competitions.package import Competition
    from generators.verification.verdict import Verdict


def info(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Path of a competition, pool:<id> or builtin:<name>.")],
    tier: Annotated[
        str | None, typer.Option(help="Size of the competition: micro, small or full; by default as named.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print card, leaderboard and verdict as JSON.")] = False,
) -> None:
    """Show a competition: its card, its leaderboard, what verification said, its description."""
    from mlesmith_env.cli import output
    from mlesmith_env.tasks import load_task

    competition = load_task(task, tier=tier)
    card, board, verdict = competition.card, competition.leaderboard(), _verdict(competition)
    if as_json:
        output.print_json(
            {
                "root": competition.root,
                "card": card.model_dump(mode="json"),
                "tiers": tiers_of(competition),
                "leaderboard": [dataclasses.asdict(row) for row in board],
                "verified": verdict.passed if verdict else None,
                "findings": [finding.model_dump(mode="json") for finding in verdict.findings] if verdict else [],
            }
        )
        return
    out = output.stdout()
    direction = "higher" if card.higher_is_better else "lower"
    facts = [
        ("id", card.id),
        ("title", card.title),
        ("summary", card.summary),
        ("predicts", f"{', '.join(card.targets)} ({card.objective.value}, submitted as {card.form.value})"),
        ("metric", f"{card.metric.replace('_', ' ')}, {direction} is better"),
        ("split", f"{card.split.kind}, {card.split.train_rows:,} training and {card.split.test_rows:,} test rows"),
        ("tier", f"{card.tier}; there are: {', '.join(tiers_of(competition))}"),
        *difficulty_facts(card),
        ("budget", f"{card.budget.steps} steps, {card.budget.run_s:g} s a run"),
        ("source", f"{card.provenance.source}{f' ({card.provenance.licence})' if card.provenance.licence else ''}"),
        ("made by", made_by(card)),
        ("folder", output.shown_path(competition.root)),
    ]
    out.print(output.table(["", ""], facts))
    if board:
        out.print()
        rows = [
            [
                row.name,
                row.kind,
                *(output.number(score) for score in (row.public_score, row.private_score, row.score)),
                f"{row.seconds:.2f}",
            ]
            for row in board
        ]
        names = ["solution", "kind", "public", "private", "all", "seconds"]
        out.print(output.table(names, rows, right=names[2:]))
    if verdict:
        out.print()
        out.print(output.verdict_table(verdict))
        for line in output.findings_lines(verdict):
            out.print(line, soft_wrap=True)
    out.print()
    out.print(competition.description, markup=False)


def tiers_of(competition: Competition) -> list[str]:
    """The tiers in which a competition can be had where it lies."""
    from generators.competitions.tiers import TIER_NAMES, find_tier

    root = competition.root.resolve()
    return [name for name in TIER_NAMES if find_tier(root, name) is not None] or [competition.card.tier]


def made_by(card: Card) -> str:
    """The backend, and what models took; a cost that is not known is said to be unknown."""
    made = card.provenance
    if not made.model:
        return made.backend
    cost = "unknown cost" if made.cost_usd is None else f"{made.cost_usd:.4g} USD"
    return f"{made.backend}; {made.model}, {made.tokens:,} tokens, {cost}"


def difficulty_facts(card: Card) -> list[tuple[str, str]]:
    """What the trial measured of the difficulty, as lines of a table."""
    from mlesmith_env.cli.output import number

    measured = card.difficulty
    if measured is None:
        return []
    share = measured.headroom_share
    way = "" if share is None else f", {share:.0%} of the way from the floor to the best score"
    noise = f"noise {number(measured.seed_noise)} by seeds, {number(measured.row_noise)} by test rows"
    facts = [
        ("difficulty", measured.level),
        ("headroom", f"{number(measured.headroom)}{way}; the simplest solution takes {measured.first_share:.0%} of it"),
        ("spread", f"{number(measured.ladder_spread)} from the lowest to the highest solution that learns; {noise}"),
    ]
    if measured.discrimination is not None and measured.pairs_apart is not None:
        told = f"{measured.discrimination:.2f}; {measured.pairs_apart:.0%} of the pairs of solutions are told apart"
        facts.append(("discrimination", told))
    return facts


def _verdict(competition: Competition) -> Verdict | None:
    from pydantic import ValidationError

    from generators.competitions.package import VERIFICATION
    from generators.errors import CompetitionError
    from generators.verification.verdict import Verdict

    path = competition.root / VERIFICATION
    if not path.is_file():
        return None
    try:
        return Verdict.model_validate_json(path.read_bytes())
    except ValidationError:
        raise CompetitionError(f"{path} is damaged; `mlesmith verify {competition.root}` judges anew") from None
