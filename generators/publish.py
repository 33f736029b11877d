"""Publishing: a verified package appears in a folder whole, or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pydantic import ValidationError

from generators.competitions.card import Provenance
from generators.competitions.leaderboard import write_leaderboard
from generators.competitions.package import LEADERBOARD, VERIFICATION, package_digest, read_card, write_card
from generators.competitions.tiers import FULL, drop_tiers
from generators.errors import CompetitionError
from generators.finding import CheckOutcome, Layer
from generators.verification.verdict import Verdict
from generators.verification.verify import write_verdict

_TAKEN = "{place} exists and holds another competition; remove it, or publish with overwrite=True"
_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".pytest_cache")


def publish(
    draft: Path, out: Path, verdict: Verdict, *, overwrite: bool = False, provenance: Provenance | None = None
) -> Path:
    """Copy the package in `draft` to `out/<id>` with its leaderboard, reference scores and verdict; returns that path.

    `provenance`: as the card is to say it, where who made it and at what cost is known only now.

    The copy is made beside its place, under a name that begins with a dot, and renamed when complete. The very
    same competition, published before, is replaced: it may have been verified in fewer layers. Raises
    `FileExistsError` where another competition has that id and `overwrite` is not set, `ValueError` for a verdict
    that did not pass.
    """
    if not verdict.passed:
        raise ValueError(
            f"{verdict.competition} did not pass its verification; only verified competitions are published"
        )
    card = read_card(draft)
    place = out / card.id
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{card.id}-", dir=out) as folder:
        package = Path(folder, card.id)
        shutil.copytree(draft, package, ignore=_LEFT_BEHIND)
        if verdict.leaderboard:
            write_leaderboard(package / LEADERBOARD, verdict.leaderboard, higher_is_better=card.higher_is_better)
        measured: dict[str, object] = {}
        if verdict.scores is not None:
            measured |= {"scores": verdict.scores, "difficulty": verdict.difficulty}
        if provenance is not None:
            measured |= {"provenance": provenance}
        if measured:
            write_card(package, card.model_copy(update=measured))
        write_verdict(package, verdict)
        if place.exists() and (overwrite or _same(place, package)):
            if card.tier == FULL and not _same(place, package):
                drop_tiers(out, card.id)  # they are of the competition that goes
            place.rename(Path(folder, "replaced"))
        try:
            package.rename(place)
        except OSError:
            # a folder that is not empty is never renamed over
            if not place.exists():
                raise
            raise FileExistsError(_TAKEN.format(place=place)) from None
    return place


def published_before(draft: Path, out: Path, layers: tuple[Layer, ...]) -> Verdict | None:
    """The verdict on the very same competition where it is published in `out` and passed all of `layers`, else None.

    Raises `FileExistsError` where its place is taken by a competition with other data or code.
    """
    place = out / read_card(draft).id
    if not place.exists():
        return None
    if not _same(place, draft):
        raise FileExistsError(_TAKEN.format(place=place))
    try:
        verdict = Verdict.model_validate_json((place / VERIFICATION).read_bytes())
    except (OSError, ValidationError):
        return None
    judged = {result.layer for result in verdict.results if result.outcome is not CheckOutcome.SKIPPED}
    return verdict if verdict.passed and judged.issuperset(layers) else None


def _same(place: Path, package: Path) -> bool:
    try:
        return package_digest(place) == package_digest(package)
    except CompetitionError:
        return False
