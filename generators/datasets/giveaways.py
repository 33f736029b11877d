"""Leaks that the figures alone prove: copies, functions, ranks, cuts, missing cells."""

from __future__ import annotations

import re

import numpy as np

from generators.datasets.cells import Floats
from generators.datasets.dependencies import determined_share
from generators.datasets.evidence import Suspect
from generators.datasets.probes import Goal, best_cut
from generators.datasets.profile import ColumnType, Leak
from generators.datasets.text_fields import telling_field

_NEAR_PROOF = 0.98
"""Share of a constant guess's errors that must be avoided where figures alone convict."""
_WORTH_FITTING = 0.8
_TEXTS = 1_000
"""Texts whose fields are looked at."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def copy(suspect: Suspect, goal: Goal) -> Leak | None:
    """The target's own values under another name, perhaps with a few cells changed or a little noise."""
    cells = suspect.cells
    known = ~cells.missing
    if known.sum() < 20 or known.mean() < 0.2:
        return None
    if goal.values is not None and cells.values is not None:
        equal = float(np.isclose(cells.values[known], goal.values[known], rtol=1e-9, atol=0).mean())
    elif goal.values is None and cells.values is None:
        places = {label.strip().lower(): place for place, label in enumerate(goal.labels)}
        codes = np.array([places.get(str(label).strip().lower(), -2) for label in cells.labels])
        equal = float((codes[cells.codes[known]] == goal.codes[known]).mean())
    else:
        return None
    base = float(np.bincount(goal.codes[known]).max() / known.sum())
    if equal <= base or (1 - equal) > 0.05 * (1 - base):
        return None
    return Leak(column=cells.name, kind="copy", strength=equal, evidence=f"equals the target in {equal:.2%} of rows")


def written_inside(suspect: Suspect, goal: Goal) -> Leak | None:
    """Text that holds the class's own label, or the number itself."""
    cells = suspect.cells
    if goal.regression:
        return _number_inside(suspect, goal)
    if cells.values is not None or suspect.kind not in (ColumnType.TEXT, ColumnType.ID, ColumnType.PATH):
        return None
    if cells.distinct < 20 or any(len(label) < 3 or not label.isascii() for label in goal.labels) or goal.classes > 60:
        return None
    rows = np.flatnonzero(~cells.missing)[:3000]
    texts = [str(cells.labels[code]).lower() for code in cells.codes[rows]]
    own = float(
        np.mean([goal.labels[code].lower() in text for text, code in zip(texts, goal.codes[rows], strict=True)])
    )
    shuffled = np.random.default_rng(0).permutation(goal.codes[rows])
    other = float(np.mean([goal.labels[code].lower() in text for text, code in zip(texts, shuffled, strict=True)]))
    if own < 0.9 or own - other < 0.5 * (1 - float(np.bincount(goal.codes).max() / len(goal.codes))):
        return None
    evidence = f"{own:.1%} of the texts hold their row's label, {other:.1%} when the labels are shuffled"
    return Leak(column=cells.name, kind="copy", strength=own, evidence=evidence)


def field_inside(suspect: Suspect, goal: Goal) -> Leak | None:
    """Texts with a header, a tag or a fixed line whose value tells the target, in its own words or in others."""
    cells = suspect.cells
    if suspect.kind is not ColumnType.TEXT or cells.values is not None or cells.distinct < 20:
        return None
    rows = np.flatnonzero(~cells.missing)[:_TEXTS]
    truth = goal.values if goal.regression and goal.values is not None else goal.codes
    told = telling_field([str(cells.labels[code]) for code in cells.codes[rows]], truth[rows])
    return None if told is None else Leak(column=cells.name, kind="field", strength=told.share, evidence=str(told))


def _number_inside(suspect: Suspect, goal: Goal) -> Leak | None:
    cells = suspect.cells
    if suspect.kind is not ColumnType.TEXT or goal.values is None or goal.classes < 50:
        return None
    rows = np.flatnonzero(~cells.missing)[:500]
    inside = [{float(text) for text in _NUMBER.findall(str(cells.labels[code]))} for code in cells.codes[rows]]
    own = float(np.mean([value in numbers for value, numbers in zip(goal.values[rows], inside, strict=True)]))
    shuffled = np.random.default_rng(0).permutation(goal.values[rows])
    other = float(np.mean([value in numbers for value, numbers in zip(shuffled, inside, strict=True)]))
    if len(rows) < 20 or own < 0.9 or other > 0.5:
        return None
    evidence = f"{own:.1%} of the texts hold their row's number, {other:.1%} when the numbers are shuffled"
    return Leak(column=cells.name, kind="copy", strength=own, evidence=evidence)


def recoding(suspect: Suspect, goal: Goal) -> Leak | None:
    """Each value of the column belongs to one value of the target (`recoding` where the reverse holds as well)."""
    cells = suspect.cells
    known = ~cells.missing
    count = int(known.sum())
    if count < 20 or known.mean() < 0.2 or cells.distinct > count / 4:
        return None
    if suspect.kind is ColumnType.NUMERIC and cells.distinct > 50:
        return None
    if goal.regression and cells.distinct < 10:
        return None
    codes, truth = cells.codes[known], goal.codes[known]
    share = determined_share(codes, truth)
    base = max(
        float(np.bincount(truth).max() / count),
        determined_share(codes, np.random.default_rng(0).permutation(truth)),
    )
    if base >= 1 or 1 - share > (1 - _NEAR_PROOF) * (1 - base):
        return None
    back = determined_share(truth, codes)
    kind = "recoding" if back >= 0.98 else "function"
    evidence = f"each of {cells.distinct} values goes with one target value in {share:.2%} of {count} rows"
    return Leak(column=cells.name, kind=kind, strength=share, evidence=evidence)


def missingness(suspect: Suspect, goal: Goal) -> Leak | None:
    """Whether the cell is missing tells the class."""
    missing = suspect.cells.missing
    if not 5 <= missing.sum() <= len(missing) - 5:
        return None
    if goal.regression:
        assert goal.values is not None
        between = sum(
            float(part.mean()) * (float(goal.values[part].mean()) - float(goal.values.mean())) ** 2
            for part in (missing, ~missing)
        )
        spread = float(goal.values.var())
        saved = between / spread if spread > 0 else 0.0
    else:
        counts = np.bincount(goal.codes, minlength=goal.classes)
        frequent = [place for place in np.argsort(-counts, kind="stable")[:20] if counts[place] >= 0.02 * len(missing)]
        saved = 0.0
        for place in frequent:
            inside = goal.codes == place
            errors = min(int(inside.sum()), int((~inside).sum()))
            wrong = min(int((missing != inside).sum()), int((missing == inside).sum()))
            saved = max(saved, 1 - wrong / errors if errors else 0.0)
    if saved < 0.95:
        return None
    evidence = f"a missing cell ({missing.mean():.1%} of rows) tells the target, {saved:.1%} of errors avoided"
    return Leak(column=suspect.cells.name, kind="missingness", strength=min(saved, 1.0), evidence=evidence)


def rank(suspect: Suspect, goal: Goal) -> Leak | None:
    """A number that keeps the order of a numeric target."""
    values = suspect.cells.values
    if not goal.regression or values is None or goal.values is None or suspect.cells.distinct < 10:
        return None
    known = np.isfinite(values)
    if known.sum() < 20 or known.mean() < 0.2:
        return None
    one, other = values[known], goal.values[known]
    line, order = abs(_correlation(one, other)), abs(_correlation(_ranks(one), _ranks(other)))
    if max(line, order) < 0.995:
        return None
    kind = "copy" if line >= 0.9999 else "rank"
    evidence = f"|r| = {line:.4f}, |Spearman's rho| = {order:.4f} with the target"
    return Leak(column=suspect.cells.name, kind=kind, strength=max(line, order), evidence=evidence)


def threshold(suspect: Suspect, goal: Goal) -> Leak | None:
    """One cut of a number, or a few, that give the class."""
    values = suspect.cells.values
    if goal.regression or values is None or suspect.cells.distinct < 5:
        return None
    known = np.isfinite(values)
    if known.sum() < 30 or known.mean() < 0.5:
        return None
    if goal.classes == 2 and min(np.bincount(goal.codes[known], minlength=2)) >= 5:
        saved = best_cut(values[known], goal.codes[known] == 1)
        if saved >= _NEAR_PROOF:
            evidence = f"one threshold avoids {saved:.1%} of the errors"
            return Leak(column=suspect.cells.name, kind="threshold", strength=saved, evidence=evidence)
    ordered = goal.codes[known][np.argsort(values[known], kind="stable")]
    runs = int((np.diff(ordered) != 0).sum()) + 1
    if goal.classes > 2 and runs == goal.classes and min(np.bincount(ordered, minlength=goal.classes)) >= 5:
        evidence = f"the classes fill {runs} ranges of this number that do not overlap"
        return Leak(column=suspect.cells.name, kind="threshold", strength=1.0, evidence=evidence)
    if suspect.quick >= _WORTH_FITTING and suspect.reach.saved >= _NEAR_PROOF:
        evidence = f"cuts of this column alone avoid {suspect.reach.saved:.1%} of the errors, cross-validated"
        return Leak(column=suspect.cells.name, kind="threshold", strength=suspect.reach.saved, evidence=evidence)
    return None


def single_feature(suspect: Suspect, goal: Goal) -> Leak | None:
    """A column on its own that gives nearly the whole target out of sample."""
    limit = 0.99 if goal.regression else _NEAR_PROOF
    if suspect.quick < _WORTH_FITTING or suspect.reach.saved < limit:
        return None
    what = "R2" if goal.regression else "share of errors avoided"
    evidence = f"alone, cross-validated: {what} {suspect.reach.saved:.3f}"
    return Leak(column=suspect.cells.name, kind="single_feature", strength=suspect.reach.saved, evidence=evidence)


def identifier(suspect: Suspect, goal: Goal) -> Leak | None:
    """An identifier whose number or prefix tells the target: files are often written class by class."""
    del goal
    cells = suspect.cells
    if suspect.kind is not ColumnType.ID or cells.distinct < 0.5 * len(cells.codes) or suspect.reach.skill < 0.3:
        return None
    evidence = f"an identifier that tells the target, skill {suspect.reach.skill:.2f} above chance, cross-validated"
    return Leak(column=suspect.cells.name, kind="identifier", strength=suspect.reach.skill, evidence=evidence)


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / scale) if scale > 0 else 0.0


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)
