"""Pool: a folder of verified competitions. A reader sees a competition whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generators.errors import CompetitionError
from mlesmith_env.tasks import pool_ids

if TYPE_CHECKING:
    from generators.competitions.card import Card
    from generators.competitions.package import Competition


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a pool's listing; scores are in the metric's unit, None where no trial has been run."""

    id: str
    title: str
    modality: str
    objective: str
    metric: str
    higher_is_better: bool
    train_rows: int
    test_rows: int
    floor: float | None
    reference: float | None
    source: str
    licence: str
    tier: str
    level: str | None
    """How difficult it is by what the trial measured (`easy`, `medium`, `hard`, `unclear`)."""

    @classmethod
    def of(cls, card: Card) -> Entry:
        """The row that a card makes."""
        return cls(
            id=card.id,
            title=card.title,
            modality=card.modality.value,
            objective=card.objective.value,
            metric=card.metric,
            higher_is_better=card.higher_is_better,
            train_rows=card.split.train_rows,
            test_rows=card.split.test_rows,
            floor=card.scores.floor if card.scores else None,
            reference=card.scores.reference if card.scores else None,
            source=card.provenance.source,
            licence=card.provenance.licence,
            tier=card.tier,
            level=card.difficulty.level if card.difficulty else None,
        )


class Pool:
    """Competitions below one folder, each in a folder named by its id.

    Many processes may read while one publishes: a competition appears by the renaming of a finished folder, and names
    that begin with a dot are unfinished and never listed.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids())

    def __len__(self) -> int:
        return len(self.ids())

    def __contains__(self, competition: object) -> bool:
        return competition in self.ids(tiers=True)

    def ids(self, *, tiers: bool = False) -> tuple[str, ...]:
        """Ids of all competitions, sorted, with those of their tiers where `tiers` is set; none where the folder does
        not exist yet."""
        return pool_ids(self.root, tiers=tiers) if self.root.is_dir() else ()

    def get(self, competition: str) -> Competition:
        """The competition of that id.

        Raises `KeyError` naming some ids that there are, `CompetitionError` where its package is broken.
        """
        from generators.competitions.package import Competition

        ids = self.ids(tiers=True)
        if competition not in ids:
            raise KeyError(f"no competition {competition!r} in {self.root}; there are: {', '.join(ids[:20]) or 'none'}")
        return Competition.load(self.root / competition)

    def entries(self) -> tuple[Entry, ...]:
        """A row for each competition, by id. Only cards are read. Raises `CompetitionError` for a broken card."""
        from generators.competitions.package import read_card

        return tuple(Entry.of(read_card(self.root / name)) for name in self.ids())

    def publish(self, package: str | Path, *, replace: bool = False) -> Path:
        """Copy a verified package into the pool and give its folder there.

        Raises `CompetitionError` where the package is broken or its verification did not pass, `FileExistsError` where
        the pool holds that id already and `replace` is not set.
        """
        from generators.competitions.package import VERIFICATION, Competition
        from generators.competitions.tiers import FULL, drop_tiers
        from generators.verification.verdict import Verdict

        competition = Competition.load(Path(package))
        record = competition.root / VERIFICATION
        if not record.is_file():
            raise CompetitionError(f"{competition.root}: not verified yet; run `mlesmith verify {competition.root}`")
        if not Verdict.model_validate_json(record.read_bytes()).passed:
            raise CompetitionError(f"{competition.root}: its verification found errors; see {VERIFICATION}")
        place = self.root / competition.card.id
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{competition.card.id}-", dir=self.root) as draft:
            copy = Path(draft) / "package"
            shutil.copytree(competition.root, copy, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            if place.exists():
                if not replace:
                    raise FileExistsError(f"{place} exists; publish with replace=True to put this one in its place")
                if competition.card.tier == FULL:
                    drop_tiers(self.root, competition.card.id)  # they are of the competition that goes
                os.rename(place, Path(draft) / "replaced")  # noqa: PTH104 - the two renamings read as one
            os.rename(copy, place)  # noqa: PTH104 - as above
        return place
