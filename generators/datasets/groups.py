"""Columns whose values name entities with several rows each, so that rows of one entity must stay together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generators.datasets.cells import Cells
from generators.datasets.dependencies import violations
from generators.datasets.number_types import names_identifier
from generators.datasets.profile import ColumnProfile, ColumnType, Group
from generators.datasets.vocabulary import name_tokens

_ENTITIES = frozenset(
    {
        "player",
        "patient",
        "subject",
        "person",
        "participant",
        "user",
        "customer",
        "client",
        "member",
        "student",
        "employee",
    }
    | {"speaker", "author", "writer", "artist", "singer", "actor", "director", "film", "movie", "book", "song", "album"}
    | {"device", "machine", "engine", "unit", "sensor", "vehicle", "session", "visit", "household", "family", "school"}
    | {"document", "article", "sentence", "question", "video", "image", "scan", "slide", "recording", "animal", "horse"}
    | {"driver", "pilot", "doctor", "owner", "seller", "buyer", "company", "ticker", "symbol", "molecule", "smiles"}
)
_ROWS = 4_000


def find_groups(columns: Sequence[ColumnProfile], cells: Sequence[Cells]) -> tuple[Group, ...]:
    """Grouping columns, the most entity-like first: repeated identifiers, and names that other columns hang on."""
    found: list[tuple[float, Group]] = []
    codes = np.column_stack([cell.codes for cell in cells])[:_ROWS] if cells else np.empty((0, 0), dtype=np.int64)
    for place, column in enumerate(columns):
        present = column.count - column.missing
        if column.distinct < 5 or present < 0.5 * column.count or present < 1.2 * column.distinct:
            continue
        if column.type not in (ColumnType.ID, ColumnType.TEXT, ColumnType.PATH, ColumnType.CATEGORICAL):
            continue
        named = names_identifier(column.name) == "strong"
        entity = sorted(
            _ENTITIES & {token.rstrip("s") for token in name_tokens(column.name)}
            | _ENTITIES & set(name_tokens(column.name))
        )
        if column.type is ColumnType.CATEGORICAL and not (entity and (named or column.distinct > 30)):
            continue
        steady = _steady(codes, place, columns)
        worded = column.text is not None and column.text.mean_words >= 4
        if column.type is ColumnType.TEXT and not entity and not steady and not worded:
            continue
        per_group = present / column.distinct
        reasons = [f"{column.distinct} values, {per_group:.1f} rows each"]
        if named:
            reasons.append("named as an identifier")
        if entity:
            reasons.append(f"names a {entity[0]}")
        if steady:
            reasons.append(f"{', '.join(steady[:3])} never changes within it")
        if worded and not entity and not named:
            reasons.append("the same text stands in several rows")
        score = 2.0 * bool(entity) + 1.0 * named + min(len(steady), 4) * 0.5 + np.log10(column.distinct) * 0.1
        group = Group(column=column.name, groups=column.distinct, rows_per_group=per_group, why="; ".join(reasons))
        found.append((score, group))
    return tuple(group for _, group in sorted(found, key=lambda pair: (-pair[0], pair[1].column)))


def _steady(codes: np.ndarray, place: int, columns: Sequence[ColumnProfile]) -> list[str]:
    """Columns with several values that keep one value for each entity."""
    changes, together = violations(codes, codes[:, place])
    if together < 20:
        return []
    names = []
    for other in np.flatnonzero(changes == 0):
        values, counts = np.unique(codes[:, other], return_counts=True)
        if (
            other != place
            and len(values) > 1
            and counts.max() < 0.9 * len(codes)
            and columns[int(other)].distinct < columns[place].distinct
        ):
            names.append(columns[int(other)].name)
    return names
