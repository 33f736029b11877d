"""What a step of the reference solutions costs in each tier, and what it takes to make and verify the tier.

Without arguments of its own it measures the built-in sets; `python -c "from benchmarks import tiers;
tiers.measure(['path/to/data', ...])"` measures others.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import mlesmith_env
from generators.competitions.package import Competition
from generators.competitions.tiers import TIER_NAMES, TIERS, tier_id
from generators.datasets.sources import builtin_names
from generators.events import Tiered
from generators.verification.verdict import Verdict

RUNGS = ("trivial: best constant", "linear", "boosted", "tuned")


def measure(sources: Sequence[str], limit: int = 3) -> None:
    names = ["tier", "train", "test", "constant", *RUNGS[1:], "verify s", "reference", "share", "reliability", "level"]
    table = Table("competition", *names, title="Seconds of each rung of the ladder, by tier")
    said: list[str] = []
    slowest: dict[str, list[float]] = {tier: [] for tier in TIER_NAMES}
    for source in sources:
        with tempfile.TemporaryDirectory() as scratch:
            made = mlesmith_env.generate(source, Path(scratch) / "pool", limit=limit, tiers=list(TIERS))
            for published in made.published:
                for tier in reversed(TIER_NAMES):
                    root = published.path.parent / tier_id(published.id, tier)
                    if root.is_dir():
                        table.add_row(*row(root))
                        slowest[tier].append(max(entry.seconds for entry in Competition.load(root).leaderboard()))
            said += [reason(end) for end in made.tiers if end.reason]
    console = Console(width=190)
    console.print(table)
    for tier, seconds in slowest.items():
        if seconds:
            over = sum(spent > 1 for spent in seconds)
            console.print(f"{tier}: {len(seconds)} competitions, slowest rung {max(seconds):.2f} s, {over} beyond 1 s")
    for line in said:
        console.print(line, markup=False)


def row(root: Path) -> list[str]:
    competition = Competition.load(root)
    card, board = competition.card, {entry.name: entry.seconds for entry in competition.leaderboard()}
    verdict = Verdict.model_validate(json.loads((root / "verification.json").read_bytes()))
    hard, scores = card.difficulty, card.scores
    assert hard is not None
    assert scores is not None
    return [
        card.id,
        card.tier,
        str(card.split.train_rows),
        str(card.split.test_rows),
        *(f"{board[rung]:.2f}" if rung in board else "-" for rung in RUNGS),
        f"{sum(verdict.seconds.values()):.1f}",
        f"{scores.reference:.4g}",
        "-" if hard.headroom_share is None else f"{hard.headroom_share:.2f}",
        "-" if hard.discrimination is None else f"{hard.discrimination:.2f}",
        hard.level,
    ]


def reason(end: Tiered) -> str:
    return f"{end.competition}, {end.tier}: {end.reason}"


def main() -> None:
    measure([f"builtin:{name}" for name in builtin_names()])
