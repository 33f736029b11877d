"""Placing: competitions that a worker has finished move from its staging folder into the pool folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from generators.competitions.tiers import drop_tiers, whole_id
from generators.finding import CheckOutcome, Layer
from generators.runs.record import Record, RejectedLine
from generators.runs.worker import POOL, ROUNDS

_KEPT_ROUNDS = ".rounds"
_REPLACED = "replaced"


def place(record: Record, staging: Path, out: Path, *, overwrite: bool) -> dict[str, RejectedLine]:
    """Move what a job has made; the ids whose places are taken by other competitions, as rejections.

    Each move is one rename, a competition's before those of its tiers. What was moved before, by a run that was killed
    here, is left where it is; the staging folder is not removed.
    """
    taken: dict[str, RejectedLine] = {}
    for name in record.packages():
        whole = whole_id(name)
        staged = staging / POOL / name
        if not staged.is_dir() or whole in taken:
            continue
        try:
            _move(staged, out / name, overwrite=overwrite)
        except FileExistsError as error:
            taken[name] = _taken(record, name, str(error))
    rounds = staging / ROUNDS
    for folder in sorted(rounds.iterdir()) if rounds.is_dir() else []:
        kept = out / _KEPT_ROUNDS / folder.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(exist_ok=True)
        folder.rename(kept)
    return taken


def is_whole(record: Record, taken: dict[str, RejectedLine] | None, staging: Path, out: Path) -> bool:
    """Whether all that a record tells of is in the pool or, where it was never told to be placed, still on its way."""
    return all(
        (taken is not None and not {name, whole_id(name)}.isdisjoint(taken))
        or (out / name).is_dir()
        or (taken is None and (staging / POOL / name).is_dir())
        for name in record.packages()
    )


def _move(staged: Path, home: Path, *, overwrite: bool) -> None:
    if home.exists() and not overwrite:
        from generators.publish import published_before
        from generators.verification.verdict import Verdict

        verdict = Verdict.model_validate_json((staged / "verification.json").read_bytes())
        layers = {result.layer for result in verdict.results if result.outcome is not CheckOutcome.SKIPPED}
        if published_before(staged, home.parent, tuple(layer for layer in Layer if layer in layers)) is not None:
            return
    if home.exists():
        drop_tiers(home.parent, home.name)  # they are of the competition that goes
        home.rename(staged.with_name(f"{_REPLACED}-{staged.name}"))
    staged.rename(home)


def _taken(record: Record, name: str, reason: str) -> RejectedLine:
    from generators.pipeline import PLACE_TAKEN

    line = next(line for line in record.published if line.id == whole_id(name))
    return RejectedLine(
        subject=name, title=line.title, reason=reason, check=PLACE_TAKEN, blame=None, rounds=line.rounds
    )
