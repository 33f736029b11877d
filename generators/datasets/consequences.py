"""Leaks that name and figures prove together: estimates of the target and what is known only after it."""

from __future__ import annotations

import numpy as np

from generators.datasets import vocabulary as words
from generators.datasets.evidence import Implication, Suspect, implication, usual_value
from generators.datasets.probes import Goal
from generators.datasets.profile import ColumnType, Leak

_OUTCOMES = (
    {"win", "wins", "won", "winner", "w", "l", "loss", "losses", "lost", "rank", "ranking", "champion", "standing"},
    {"vote", "votes", "voted", "ballot", "ballots", "elected", "inducted", "winner", "needed"},
    {"death", "dead", "died", "deceased", "mortality", "survived", "survival", "alive", "fatal"},
    {"cost", "repair", "damage", "damages", "loss", "claim", "effect", "injury", "injuries"},
)
"""Words for one outcome: a column that shares the target's is a sibling of it."""


def estimate(suspect: Suspect, goal: Goal) -> Leak | None:
    """Somebody's prediction of the target: the name says so and the figures follow it."""
    tokens = set(words.name_tokens(suspect.cells.name))
    said = sorted(tokens & words.ESTIMATE_WORDS)
    if not said or suspect.cells.values is None:
        return None
    strong = bool(tokens & (words.ESTIMATE_WORDS - words.WEAK_ESTIMATE_WORDS))
    shared = bool(tokens & set(words.name_tokens(goal.name)))
    wanted = 0.5 if strong and shared else 0.6 if strong else 0.85
    if set(words.name_tokens(goal.name)) & (words.ESTIMATE_WORDS - words.WEAK_ESTIMATE_WORDS):
        wanted = 0.9
    if suspect.reach.skill < wanted:
        return None
    evidence = f"named {said[0]!r} and follows the target, skill {suspect.reach.skill:.2f} above chance"
    return Leak(column=suspect.cells.name, kind="prediction", strength=suspect.reach.skill, evidence=evidence)


def only_filled_once_known(suspect: Suspect, goal: Goal) -> Leak | None:
    """Cells that are filled, or leave their usual value, in one class alone."""
    cells = suspect.cells
    filled = ~cells.missing
    if filled.sum() >= 12 and filled.mean() < 0.9:
        found = implication(filled, goal)
        if found is not None and found.purity >= 0.995 and found.surprise > 14:
            return _told(suspect, found, "is filled")
    usual = usual_value(cells)
    if usual is None or usual[0].sum() < 20:
        return None
    found = implication(usual[0], goal)
    if found is None or found.purity < 0.995 or found.coverage < 0.9 or found.surprise < 14:
        return None
    return _told(suspect, found, f"is other than {usual[1]}")


def after_the_fact(suspect: Suspect, goal: Goal) -> Leak | None:
    """A consequence by name whose figures agree."""
    said, strong = _consequence(suspect.cells.name)
    sibling = _sibling(suspect.cells.name, goal.name)
    if not said and not sibling:
        return None
    skill = suspect.reach.skill
    # LgWin beside WSWin: two flags of one outcome, which hang together even where few rows can show it
    twin = bool(sibling) and words.name_tokens(suspect.cells.name)[-1] == words.name_tokens(goal.name)[-1]
    twin = twin and suspect.cells.distinct == 2 and goal.classes == 2
    for implied, state in _implications(suspect, goal):
        likely = 2 if twin else 8
        related = implied.surprise > likely and implied.purity >= 1.5 * implied.base and implied.active >= 15
        certain = implied.purity >= 0.9 and implied.purity - implied.base >= 0.3 and implied.surprise > 10
        needed = implied.coverage >= 0.97 and implied.purity >= 2.5 * implied.base and implied.active >= 20
        if (sibling and related) or (strong and (certain or needed)) or (certain and implied.coverage >= 0.5):
            return _told(suspect, implied, state, said or sibling)
    wanted = 0.1 if sibling else 0.75 if strong else 0.93
    if skill < wanted:
        return None
    evidence = f"{said or sibling!r} is known after the fact; skill {skill:.2f} above chance on its own"
    return Leak(column=suspect.cells.name, kind="after_the_fact", strength=skill, evidence=evidence)


def other_name(suspect: Suspect, goal: Goal) -> Leak | None:
    """The target's own name with a bookkeeping word, and figures that agree."""
    target, name = set(words.name_tokens(goal.name)), words.name_tokens(suspect.cells.name)
    rest = set(name) - target
    if not target or not target <= set(name) or not rest <= words.BOOKKEEPING_WORDS:
        return None
    if suspect.reach.skill < 0.85:
        return None
    evidence = f"another name of {goal.name!r} by its words; skill {suspect.reach.skill:.2f} above chance on its own"
    return Leak(column=suspect.cells.name, kind="name", strength=suspect.reach.skill, evidence=evidence)


def _consequence(name: str) -> tuple[str, bool]:
    tokens = words.name_tokens(name)
    strong = [token for token in tokens if token in words.CONSEQUENCE_WORDS]
    if strong:
        return strong[0], True
    weak = [token for token in tokens if token in words.WEAK_CONSEQUENCE_WORDS]
    return (weak[0], False) if weak else ("", False)


def _sibling(name: str, target: str) -> str:
    """The word by which two names tell one outcome, empty where they do not."""
    ours, theirs = words.name_tokens(name), words.name_tokens(target)
    for outcome in _OUTCOMES:
        mine = [token for token in ours if token in outcome]
        short = [token for token in mine if len(token) == 1]
        if short and len(ours) > 1:  # W alone means wins, `W` in `m_w_2` need not
            continue
        if mine and any(token in outcome for token in theirs):
            return mine[0]
    return ""


def _implications(suspect: Suspect, goal: Goal) -> list[tuple[Implication, str]]:
    """What the column's states say of the target, the least accidental first."""
    cells = suspect.cells
    options: list[tuple[Implication, str]] = []
    filled = ~cells.missing
    if 10 <= filled.sum() < 0.98 * len(filled):
        found = implication(filled, goal)
        if found is not None:
            options.append((found, "is filled"))
    usual = usual_value(cells)
    if usual is not None and usual[0].sum() >= 10:
        found = implication(usual[0], goal, among=filled)
        if found is not None:
            options.append((found, f"is other than {usual[1]}"))
    if suspect.kind in (ColumnType.CATEGORICAL, ColumnType.BOOLEAN) and cells.distinct <= 20:
        for place, label in enumerate(cells.labels):
            active = cells.codes == place
            if active.sum() >= 10:
                found = implication(active, goal, among=filled)
                if found is not None:
                    options.append((found, f"is {label}"))
    return sorted(options, key=lambda option: -option[0].surprise)


def _told(suspect: Suspect, found: Implication, state: str, word: str = "") -> Leak:
    name = f"{word!r} is known after the fact: " if word else ""
    evidence = (
        f"{name}where it {state} ({found.active} rows) the target is {found.label} in {found.purity:.1%}, "
        f"against {found.base:.1%} overall; that covers {found.coverage:.1%} of them"
    )
    strength = float(np.clip(max(found.purity, found.coverage), 0, 1))
    return Leak(column=suspect.cells.name, kind="after_the_fact", strength=strength, evidence=evidence)
