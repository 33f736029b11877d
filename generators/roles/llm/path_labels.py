"""Path labels: what the paths of raw files say of their targets, read by a fixed rule and not by a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from generators.competitions.card import Objective
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.ideas import Idea
from generators.roles.proposal import PathLabel

MIN_FILES = 10
"""Files of a class at least: fewer could not be learned and tested."""
_SHOWN = 5


def raw_files(root: Path) -> list[str]:
    """Every file of a raw dataset, hidden ones and by-products of systems left out, in the order of the paths."""
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not any(part.startswith((".", "__")) for part in path.parts))


def labels_of(files: Sequence[str], rule: PathLabel) -> dict[str, str]:
    """The label of each file that the rule is about; empty where its path has no such piece."""
    labels = {}
    for file in files:
        path = PurePosixPath(file)
        if path.suffix != rule.suffix or not path.is_relative_to(rule.folder or "."):
            continue
        part = path.stem if rule.part == "name" else path.parent.name
        pieces = part.split(rule.separator) if rule.separator else [part]
        place = rule.position if rule.position >= 0 else len(pieces) + rule.position
        labels[file] = pieces[place] if 0 <= place < len(pieces) else ""
    return labels


def about_path_label(idea: Idea, files: Sequence[str]) -> list[Objection]:
    """What speaks against a rule that reads the target from paths: it fits no file, or other classes than are named."""
    rule = idea.path_label
    if rule is None:
        return []
    labels = labels_of(files, PathLabel.model_validate(rule.model_dump()))
    if not labels:
        there = Counter(PurePosixPath(file).suffix for file in files)
        shown = "\n".join(f"{suffix or '(none)'}: {count} files" for suffix, count in there.most_common(10))
        return [
            Objection(f"`path_label` fits no file: none below {rule.folder or '.'!r} ends in {rule.suffix!r}:", shown)
        ]
    bare = [file for file, label in labels.items() if not label]
    if bare:
        told = f"`path_label` gives {len(bare)} of {len(labels)} files no label, such as:"
        return [Objection(told, "\n".join(bare[:_SHOWN]))]
    if idea.objective is Objective.REGRESSION:
        wordy = sorted({label for label in labels.values() if not _is_number(label)})
        return [Objection("`path_label` gives what is no number:", "\n".join(wordy[:_SHOWN]))] if wordy else []
    counts = Counter(labels.values())
    shown = "\n".join(f"{label}: {count} files" for label, count in sorted(counts.items())[:60])
    found = [
        Objection(f"{label!r} in `plan_classes` is no label that the paths tell; they tell:", shown)
        for label in idea.plan_classes
        if label not in counts
    ]
    few = [label for label in idea.plan_classes if 0 < counts.get(label, 0) < MIN_FILES]
    if few:
        told = (
            f"classes of fewer than {MIN_FILES} files cannot be learned and tested; leave them out of `plan_classes`:"
        )
        found.append(Objection(told, "\n".join(few)))
    left_out = [label for label, count in counts.items() if count >= MIN_FILES and label not in idea.plan_classes]
    if left_out and not found:
        found.append(Objection("`plan_classes` leaves out classes that the paths tell:", "\n".join(sorted(left_out))))
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
