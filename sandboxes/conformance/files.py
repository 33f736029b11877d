"""Clauses about the workspace as the host handles it."""

from __future__ import annotations

from functools import partial

from sandboxes.conformance.claims import LIMITS, PUBLIC_TEXT, Clause, hold, refuses
from sandboxes.sandbox import CollectStatus, IsolationLevel, Sandbox


def _written_files_are_read_back(sandbox: Sandbox) -> None:
    sandbox.write_file("a/b/notes.txt", b"first")
    sandbox.write_file("a/b/notes.txt", b"second")
    found = sandbox.read_file("a/b/notes.txt", max_bytes=100)
    hold("write_file makes folders and replaces what was there", found == b"second", found)
    refuses(
        "read_file refuses a file over max_bytes", lambda: sandbox.read_file("a/b/notes.txt", max_bytes=3), ValueError
    )
    refuses("read_file refuses a folder", lambda: sandbox.read_file("a/b", max_bytes=100), ValueError)
    refuses(
        "read_file says that a file is missing",
        lambda: sandbox.read_file("none.txt", max_bytes=100),
        FileNotFoundError,
    )


def _paths_stay_inside(sandbox: Sandbox) -> None:
    for path in ("../outside.txt", "/etc/passwd", "a/../../outside.txt", ""):
        refuses(f"write_file refuses the path {path!r}", partial(sandbox.write_file, path, b"x"), ValueError)
        refuses(f"read_file refuses the path {path!r}", partial(sandbox.read_file, path, max_bytes=9), ValueError)
        found = sandbox.collect(path, max_bytes=9).status
        hold(f"collect takes nothing from the path {path!r}", found is not CollectStatus.FOUND, found)


def _public_is_shown_read_only(sandbox: Sandbox) -> None:
    found = sandbox.read_file("public/train.csv", max_bytes=100)
    hold("public/ shows the public data", found == PUBLIC_TEXT, found)
    refuses("write_file refuses public/", lambda: sandbox.write_file("public/new.csv", b"x"), ValueError)
    refuses("remove refuses public/", lambda: sandbox.remove("public"), ValueError)


def _files_are_collected_as_bytes(sandbox: Sandbox) -> None:
    sandbox.write_file("submission.csv", b"id,y\n")
    found = sandbox.collect("submission.csv", max_bytes=100)
    hold("collect finds a regular file", found.status is CollectStatus.FOUND, found.status)
    hold("collect gives bytes, size and time", found.data == b"id,y\n" and found.size == 5 and found.modified_ns > 0)
    large = sandbox.collect("submission.csv", max_bytes=2)
    hold("collect says too_large with the size", large.status is CollectStatus.TOO_LARGE and large.size == 5, large)
    missing = sandbox.collect("none.csv", max_bytes=2)
    hold("collect says missing", missing.status is CollectStatus.MISSING, missing)
    sandbox.remove("submission.csv")
    sandbox.remove("submission.csv")
    found = sandbox.collect("submission.csv", max_bytes=100)
    hold("remove removes a file and is silent where there is none", found.status is CollectStatus.MISSING, found)


def _a_file_over_its_limit_is_refused(sandbox: Sandbox) -> None:
    data = b"x" * ((LIMITS.file_mib << 20) + 1)
    refuses("write_file refuses a file over Limits.file_mib", lambda: sandbox.write_file("big", data), ValueError)
    found = sandbox.collect("big", max_bytes=1 << 30).status
    hold("a refused file leaves nothing behind", found is CollectStatus.MISSING, found)


def _level_is_reported(sandbox: Sandbox) -> None:
    report = sandbox.report
    hold("report names a backend and a level", report.backend and isinstance(report.level, IsolationLevel), report)
    hold("report says whether code can reach a network", isinstance(report.network, bool), report)
    hold("report of a sandbox that was started says that it was not forked", report.forked == "", report)


FILE_CLAUSES: tuple[Clause, ...] = (
    _written_files_are_read_back,
    _paths_stay_inside,
    _public_is_shown_read_only,
    _files_are_collected_as_bytes,
    _a_file_over_its_limit_is_refused,
    _level_is_reported,
)
