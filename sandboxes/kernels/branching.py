"""Forking a living session into branches: the host's side.

Each branch gets a confined tree of its own, set up below the process namespace of the session it comes from, with a
copy of its files. The session is stopped while that happens, so that its code can neither meddle nor change a file; it
then forks itself into the waiting trees and is stopped again. From then on it is only a template: code that is to run
in its sandbox runs in a branch of it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandboxes.confinement import linux
from sandboxes.confinement.confine import Bind, Confinement
from sandboxes.errors import SandboxError, SandboxStartError
from sandboxes.forking import family, wire
from sandboxes.forking.tree import ConfinedTree
from sandboxes.kernels.kernel import new_connection
from sandboxes.kernels.session import Session

_CHECK_S = 10.0
_FORK_S = 30.0
_DOOR = len(family.ENTERED) + 1


class Unforkable(Exception):  # noqa: N818 - a fact about a session, answered by another way to the same state
    """The session's process cannot be forked; the message says what stands against it."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A running session in a tree of its own."""

    session: Session
    workspace: int
    """Descriptor of its workspace, which the receiver owns."""


def fork_session(session: Session, seeds: Sequence[int | None], *, copied: Sequence[str]) -> list[Branch]:
    """Fork a session, between two executions, into one branch for each seed; None leaves the random state as it is.

    `copied`: folders whose contents each branch gets a copy of. Raises `Unforkable` where something in the process
    cannot be forked or the fork fails; the session is then as it was, or dead.
    """
    try:
        obstacles = session.ask("fork_check", {}, _CHECK_S).get("obstacles")
    except SandboxError as error:
        raise Unforkable(str(error)) from error
    if not isinstance(obstacles, list) or obstacles:
        raise Unforkable(", ".join(map(str, obstacles))[:500] if isinstance(obstacles, list) else "no answer")
    with _stopped(session) as namespaces:
        trees: list[ConfinedTree] = []
        try:
            requests = [{**_request(session, copied), "reseed": seed} for seed in seeds]
            trees += [session.tree.server.begin(request, namespaces) for request in requests]
            places = [_await_place(tree, session.tree) for tree in trees]
            with _moving_in(session, requests, trees, [door for _, door in places]):
                return [
                    Branch(Session.moved_in(request, tree, folders.pop()), folders.pop())
                    for request, tree, (folders, _) in zip(requests, trees, places, strict=True)
                ]
        except (SandboxError, wire.ConnectionEnded, OSError) as error:
            for tree in trees:
                tree.end(at_once=True)
            if not session.tree.has_descendants:
                session.tree.command("resume")
            raise Unforkable(str(error).strip().rpartition("\n")[2][:500]) from error


def fresh_session(session: Session, *, copied: Sequence[str]) -> Branch:
    """A session without variables in a tree of its own below another's, with a copy of its files.

    Raises `SandboxStartError`.
    """
    with _stopped(session) as namespaces:
        request = _request(session, copied)
        tree = session.tree.server.begin(request, namespaces)
        try:
            folders, door = _await_place(tree, session.tree)
            session.tree.server.enter(tree, request, door)
            return Branch(Session.moved_in(request, tree, folders.pop()), folders.pop())
        except BaseException:
            tree.end(at_once=True)
            raise


@contextlib.contextmanager
def _stopped(session: Session) -> Iterator[Sequence[int]]:
    """The session's processes stopped, but for the time that `_moving_in` lets one go on; gives its namespaces.

    They stay stopped: the session is a template from here on.
    """
    tree = session.tree
    tree.command("stop")
    namespaces = tree.await_event("stopped", _CHECK_S)["fds"]
    try:
        yield namespaces
    finally:
        for fd in namespaces:
            os.close(fd)


def _request(session: Session, copied: Sequence[str]) -> dict[str, Any]:
    """The session's own request, for a tree whose surroundings are the session's root instead of the host's."""
    request = session.request
    confinement = Confinement.from_json(request["confinement"])
    shown = tuple(Bind(bind.target, bind.target, bind.writable) for bind in confinement.binds)
    inner = replace(confinement, binds=shown, copied=tuple(copied))
    owner = os.fstat(session.sockets_fd)
    return {
        **request,
        "confinement": inner.to_json(),
        "family": {"owner": [owner.st_uid, owner.st_gid]},
        "arrives": True,
        "generation": 1,
        "connection": new_connection(f"{session.sockets_inside}/k1"),
    }


def _await_place(tree: ConfinedTree, parent: ConfinedTree) -> tuple[list[int], list[int]]:
    """Descriptors of the folders and of the door of a tree that waits for a session to move in."""
    tree.await_start()
    tree.descend_from(parent)
    folders = tree.expect("ready", _FORK_S)
    try:
        door = tree.expect("door", _FORK_S)
    except SandboxStartError:
        for fd in folders:
            os.close(fd)
        raise
    return folders, door


@contextlib.contextmanager
def _moving_in(
    session: Session,
    requests: Sequence[Mapping[str, Any]],
    trees: Sequence[ConfinedTree],
    doors: Sequence[Sequence[int]],
) -> Iterator[None]:
    """The session forks itself through the doors while the context lasts, and is stopped again at its end."""
    name = f"f{os.urandom(8).hex()}"
    outside = f"/proc/self/fd/{session.sockets_fd}/{name}"
    branches = [{key: request[key] for key in ("reseed", "connection", "generation")} for request in requests]
    with socket.socket(socket.AF_UNIX) as listener:
        owner = os.fstat(session.sockets_fd)
        with linux.acting_as(owner.st_uid, owner.st_gid):
            listener.bind(outside)
        try:
            listener.listen(1)
            listener.settimeout(_FORK_S)
            session.tree.command("continue")
            asked = session.send("fork_request", {"socket": f"{session.sockets_inside}/{name}", "branches": branches})
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(_FORK_S)
                for door, tree in zip(doors, trees, strict=True):
                    groups = tree.group.open_doors() if tree.group is not None else []
                    wire.send(connection, {}, [*door[:_DOOR], *groups])
                    for fd in groups:
                        os.close(fd)
            yield  # branches come up while the session still sees its children off
            session.await_reply(asked, "fork_reply", _FORK_S)
        finally:
            session.tree.command("pause")
            Path(outside).unlink(missing_ok=True)
            for door in doors:
                for fd in door:
                    os.close(fd)
