"""Clauses about `fork`: the same state in every branch, and independence from there on."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandboxes.conformance.claims import LIMITS, PUBLIC_TEXT, Clause, forked, hold, prints, refuses
from sandboxes.errors import SandboxError
from sandboxes.sandbox import CollectStatus, ExecutionStatus, Sandbox

_STATE = """
import os
import numpy as np
value, table = 20, np.arange(1000.0)
def double(x): return 2 * x
class Point:
    def __init__(self, x): self.x = x
point = Point(7)
os.makedirs("deep", exist_ok=True)
os.chdir("deep")
open("notes.txt", "w").write("kept")
"""
_SHOWS_STATE = """
print(double(value), table.sum(), point.x, isinstance(point, Point), open("notes.txt").read(), os.getcwd()[-5:])
"""
_STATE_SHOWN = "40 499500.0 7 True kept /deep"
_CHANGES_STATE = """
value, point.x = {mark}, {mark}
table += {mark}
open("notes.txt", "w").write("{mark}")
os.chdir("..")
"""
_SHOWS_CHANGES = "print(value, point.x, int(table[0]), open('deep/notes.txt').read())"
_DRAWS = "import random\nimport numpy as np\nprint(random.random(), np.random.rand())"
_SLEEPS = """
import subprocess
child = subprocess.Popen(["sleep", "{seconds}"], start_new_session=True)
"""
_WORKS = """
import subprocess, threading
import numpy as np
said = subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout.strip()
done = []
thread = threading.Thread(target=lambda: done.append(1))
thread.start()
thread.join()
print(said, done, (np.ones((300, 300)) @ np.ones((300, 300)))[0, 0])
"""
_TAMPERS = """
import os
for do in (lambda: open("public/train.csv", "a").write("x"), lambda: os.remove("public/train.csv")):
    try:
        do()
    except OSError:
        pass
"""


def _branches_hold_the_same_files(sandbox: Sandbox) -> None:
    sandbox.write_file("a/b/notes.txt", b"first")
    then = sandbox.collect("a/b/notes.txt", max_bytes=9)
    with forked(sandbox, 2) as branches:
        for branch in branches:
            found = branch.collect("a/b/notes.txt", max_bytes=9)
            hold("a branch holds the same files", found.data == b"first", found)
            hold("with the same times of change", found.modified_ns == then.modified_ns, (found, then))
            shown = branch.read_file("public/train.csv", max_bytes=100)
            hold("public/ shows the public data in a branch", shown == PUBLIC_TEXT, shown)
            refuses("write_file refuses public/ in a branch", lambda: branch.write_file("public/x", b"x"), ValueError)  # noqa: B023 - called before the loop goes on


def _files_of_branches_are_apart(sandbox: Sandbox) -> None:
    sandbox.write_file("notes.txt", b"old")
    with forked(sandbox, 2) as (first, second):
        first.write_file("notes.txt", b"new")
        first.write_file("own.txt", b"x")
        sandbox.remove("notes.txt")
        found = [each.collect("notes.txt", max_bytes=9).data for each in (sandbox, first, second)]
        hold("files of branches and parent are independent after a fork", found == [b"", b"new", b"old"], found)
        for other in (sandbox, second):
            status = other.collect("own.txt", max_bytes=9).status
            hold("a new file of a branch is in no other", status is CollectStatus.MISSING, status)
        data = b"x" * ((LIMITS.file_mib << 20) + 1)
        refuses("Limits.file_mib holds in a branch", lambda: first.write_file("big", data), ValueError)


def _branches_say_how_they_were_made(sandbox: Sandbox) -> None:
    parent = sandbox.report
    with forked(sandbox, 1) as (branch,):
        report = branch.report
        hold("report.forked of a branch is memory or replay", report.forked in ("memory", "replay"), report)
        hold("where it is replay, details say why", report.forked == "memory" or report.details.get("fork"), report)
        same = (report.backend, report.level, report.network) == (parent.backend, parent.level, parent.network)
        hold("a branch is as isolated as its parent", same, (report, parent))
        hold("a branch has the limits of its parent", branch.limits == sandbox.limits, branch.limits)
    hold("the parent is not called a branch", sandbox.report.forked == "", sandbox.report)


def _the_numbers_of_branches_and_seeds_are_checked(sandbox: Sandbox) -> None:
    for n in (0, -1):
        refuses(f"fork({n}) raises ValueError", lambda n=n: sandbox.fork(n), ValueError)  # type: ignore[misc]
    refuses("fork refuses seeds that do not fit n", lambda: sandbox.fork(2, seeds=[1]), ValueError)
    sandbox.write_file("after.txt", b"x")
    hold("the sandbox is usable after that", sandbox.read_file("after.txt", max_bytes=1) == b"x")


def _branches_outlive_their_parent(sandbox: Sandbox) -> None:
    sandbox.write_file("notes.txt", b"kept")
    with forked(sandbox, 1) as (parent,), forked(parent, 2) as (first, second):
        parent.close()
        refuses("a closed branch refuses to be used", lambda: parent.collect("notes.txt", max_bytes=9), SandboxError)
        first.write_file("notes.txt", b"mine")
        first.close()
        found = [each.read_file("notes.txt", max_bytes=9) for each in (second, sandbox)]
        hold("branches go on when their parent and their siblings are closed", found == [b"kept"] * 2, found)


def _branches_hold_the_same_session(sandbox: Sandbox) -> None:
    hold("code runs", sandbox.execute(_STATE).ok)
    with forked(sandbox, 2) as (first, second):
        for each in (first, second, sandbox):
            prints("a branch holds the variables and the working directory", each, _SHOWS_STATE, _STATE_SHOWN)
        for mark, each in enumerate((first, second, sandbox), start=1):
            each.execute(_CHANGES_STATE.format(mark=mark))
        for mark, each in enumerate((first, second, sandbox), start=1):
            clause = "variables, files and working directory are independent after a fork"
            prints(clause, each, _SHOWS_CHANGES, f"{mark} {mark} {mark} {mark}")
            prints("threads, processes and linear algebra work after a fork", each, _WORKS, "hi [1] 300.0")


def _a_branch_can_be_forked(sandbox: Sandbox) -> None:
    sandbox.execute("path = ['root']")
    with forked(sandbox, 1) as (child,):
        child.execute("path.append('child')")
        with forked(child, 2) as (first, second):
            first.execute("path.append('first')")
            shown = "print(*path)"
            prints("a branch of a branch holds the state of both", first, shown, "root child first")
            prints("and its sibling that before it", second, shown, "root child")
            child.close()
            first.close()
            prints("branches go on when their parent is closed", second, shown, "root child")
    prints("the parent goes on when its branches are closed", sandbox, "path.append('on')\nprint(*path)", "root on")


def _branches_draw_for_themselves(sandbox: Sandbox) -> None:
    sandbox.execute("import random\nimport numpy as np\nrandom.seed(5)\nnp.random.seed(5)")
    with forked(sandbox, 2) as derived, forked(sandbox, 2, [8, 9]) as given, forked(sandbox, 2, [8, 9]) as again:
        draws = [[each.execute(_DRAWS).stdout for each in group] for group in (derived, given, again)]
        hold("the same seeds give the same random states", draws[1] == draws[2], draws)
        hold("without seeds each branch has another one", len({*draws[0], *draws[1]}) == 4, draws)


def _what_happens_in_a_branch_stays_there(sandbox: Sandbox) -> None:
    sandbox.execute("value = 1")
    with forked(sandbox, 4) as branches, ThreadPoolExecutor(4) as threads:
        codes = ["while True: pass", "import os\nos._exit(3)", "1 / 0", "print('heard')"]
        slow, dead, wrong, loud = threads.map(lambda b, code: b.execute(code, timeout_s=1.0), branches, codes)
        hold("a branch that takes too long is stopped", slow.status is ExecutionStatus.TIMEOUT, slow)
        hold("a branch that dies is replaced", dead.status is ExecutionStatus.KILLED and dead.state_lost, dead)
        hold("and its death is no failure of the machinery", not dead.machinery_failed, dead)
        hold("an error in a branch is its result", wrong.error_name == "ZeroDivisionError", wrong)
        hold("output comes from the branch that made it", (loud.stdout, slow.stdout) == ("heard\n", ""), (loud, slow))
        for each in (branches[0], branches[2], branches[3], sandbox):
            prints("time-outs, deaths and errors in a branch touch no other", each, "print(value)", "1")
        prints("a branch whose session died is usable again", branches[1], "print('on')", "on")


def _limits_hold_in_branches(sandbox: Sandbox) -> None:
    with forked(sandbox, 1) as (branch,):
        found = branch.execute(f"block = bytearray({(LIMITS.memory_mib + 512) << 20})\nlen(block)")
        hold("more memory than Limits.memory_mib is refused in a branch", not found.ok, found)
        found = branch.execute("print('head')\nfor _ in range(300): print('x' * 100)")
        hold("output over the limit is cut in a branch", found.dropped_chars > 25_000, found.dropped_chars)
        branch.restart()
        prints("a branch can be restarted", branch, "print(open('public/train.csv').read()[:4])", "id,x")


def _public_data_cannot_be_changed_through_a_branch(sandbox: Sandbox) -> None:
    with forked(sandbox, 2) as (first, second):
        first.execute(_TAMPERS)
        for each in (second, sandbox):
            found = each.read_file("public/train.csv", max_bytes=100)
            hold("code of a branch does not change the public data of others", found == PUBLIC_TEXT, found)
            seen = each.execute("print(open('public/train.csv').read(), end='')").stdout
            hold("nor what code of others reads there", seen.encode() == PUBLIC_TEXT, seen)


def _an_open_file_is_read_on_in_each(sandbox: Sandbox) -> None:
    sandbox.write_file("letters.txt", b"abcdef")
    sandbox.execute("stream = open('letters.txt', 'rb', buffering=0)\nstream.read(2)")
    with forked(sandbox, 2) as (first, second):
        for each in (first, second, sandbox):
            prints("an open file is read on at its place in each", each, "print(stream.read(2).decode())", "cd")


def _what_cannot_be_forked_is_replayed(sandbox: Sandbox) -> None:
    sandbox.execute(
        "import threading\nvalue = 5\nstop = threading.Event()\nthreading.Thread(target=stop.wait, args=(30,)).start()"
    )
    with forked(sandbox, 1) as (branch,):
        prints("a session with a running thread is forked or replayed", branch, "print(value)", "5")
    sandbox.execute("stop.set()")


def _processes_end_with_their_branch(sandbox: Sandbox) -> None:
    unique = f"{20 + os.getpid() % 10}.{time.monotonic_ns()}"
    with forked(sandbox, 2) as (first, second):
        for branch, seconds in ((first, f"{unique}1"), (second, f"{unique}2")):
            branch.execute(_SLEEPS.format(seconds=seconds))
        if not _sleeping(f"{unique}1"):  # this host cannot see them
            return
        first.close()
        hold("closing a branch ends its processes", not _sleeping(f"{unique}1"))
        hold("and no other's", _sleeping(f"{unique}2"))


def _sleeping(seconds: str) -> bool:
    """Whether a process of this host sleeps for so long."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if seconds.encode() in line.read_bytes():
                return True
        except OSError:
            continue
    return False


FILE_FORK_CLAUSES: tuple[Clause, ...] = (
    _branches_hold_the_same_files,
    _the_numbers_of_branches_and_seeds_are_checked,
    _files_of_branches_are_apart,
    _branches_say_how_they_were_made,
    _branches_outlive_their_parent,
)
FORK_CLAUSES: tuple[Clause, ...] = (
    _branches_hold_the_same_session,
    _a_branch_can_be_forked,
    _branches_draw_for_themselves,
    _what_happens_in_a_branch_stays_there,
    _limits_hold_in_branches,
    _public_data_cannot_be_changed_through_a_branch,
    _an_open_file_is_read_on_in_each,
    _what_cannot_be_forked_is_replayed,
    _processes_end_with_their_branch,
)
