"""Attacks by what the host does in good faith: it writes and removes files for the agent, and reads for the grader."""

from __future__ import annotations

import contextlib
import time

from sandboxes.attacks.attack import Attack, Group, Verdict, Weak, leak, not_applicable, shut
from sandboxes.attacks.scene import Scene
from sandboxes.attacks.submissions import RACE_S, SWAP_FOLDERS
from sandboxes.sandbox import Collected, CollectStatus


def _written_through(scene: Scene, attack: Attack) -> Verdict:
    """The host writes and removes files where the session has put links."""
    scene.run(attack.code)
    for path in ("notes.csv", "out/test_answer.csv"):
        try:
            scene.sandbox.write_file(path, b"overwritten")
        except ValueError:
            continue
    with contextlib.suppress(ValueError):
        scene.sandbox.remove("out/test_answer.csv")
    changed = scene.untouched()
    return leak(changed) if changed else shut("the links were replaced or refused, the answers are as they were")


def _written_in_a_race(scene: Scene, attack: Attack) -> Verdict:
    scene.run(attack.code)
    end, tries = time.monotonic() + RACE_S, 0
    while time.monotonic() < end:
        tries += 1
        try:
            scene.sandbox.write_file("out/planted.txt", b"x")
            scene.sandbox.remove("out/test_answer.csv")
        except (ValueError, OSError):
            continue
        if scene.untouched():
            break
    changed = scene.untouched()
    return leak(changed) if changed else shut(f"{tries} writes during the swaps, none left the workspace")


def _read_by_the_grader(scene: Scene, attack: Attack) -> Verdict:
    """What the session left is collected and handed to whoever grades."""
    read = scene.target.read_submission
    if read is None:
        return not_applicable("nobody reads submissions here")
    scene.run(attack.code)
    found = scene.collect(max_bytes=8 << 20)
    if not isinstance(found, Collected) or found.status is not CollectStatus.FOUND:
        return shut(f"it was not taken: {found if not isinstance(found, Collected) else found.status.value}")
    started = time.monotonic()
    said = read(found.data)
    seconds = time.monotonic() - started
    changed = scene.untouched()
    if changed:
        return leak(f"while it was graded, {changed}")
    if said.startswith("scored"):
        return leak(f"it was {said}")
    return shut(f"{said} (after {seconds:.1f} s)")


ATTACKS = (
    Attack(
        "files of the host written through links",
        Group.TAMPERING,
        "Let the host overwrite or remove the answers where it means to touch the workspace.",
        "os.symlink($answers, 'notes.csv')\nos.symlink($private, 'out')",
        act=_written_through,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "files of the host written in a race",
        Group.TAMPERING,
        "Swap a folder for a link to the private one while the host writes into it.",
        SWAP_FOLDERS,
        act=_written_in_a_race,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "submission: a pickle",
        Group.TAMPERING,
        "Have code run in the grader, where the answers are.",
        """
import pickle
class Bomb:
    def __reduce__(self):
        return exec, ('open(%r, "w").write("# a metric that likes everybody")' % $metric,)
open('submission.csv', 'wb').write(pickle.dumps(Bomb()))
""",
        act=_read_by_the_grader,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "submission: a bomb of a zip archive",
        Group.EXHAUSTION,
        "Be small as a file and gigabytes when it is unpacked.",
        """
import zipfile
with zipfile.ZipFile('submission.csv', 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('submission.csv', 'id,y\\n' + '1,0\\n' * (8 << 20))
""",
        act=_read_by_the_grader,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "submission: a bomb of a table",
        Group.EXHAUSTION,
        "Have the grader choke on columns, quotes and digits.",
        "open('submission.csv', 'w').write('id,y\\n1,\"' + '9' * 200_000 + '\\n' + ',' * 600_000)",
        act=_read_by_the_grader,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
)
