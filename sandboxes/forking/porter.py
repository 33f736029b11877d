"""The porter: a lean process beside the fork server that sets up the trees of branches.

It is forked from the server before that loads its libraries, because a fork of what has loaded them costs many times
as much, and three are needed to get below another session's namespaces. It never runs foreign code. Its supervisors
cannot fork a warm worker either: whoever is to live in their trees is forked elsewhere and enters (`entry`).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from sandboxes.confinement import cgroups, linux
from sandboxes.confinement.confine import Identity
from sandboxes.forking import family, wire

Supervise = Callable[[socket.socket, dict[str, Any], list[int], Identity, Sequence[int]], int]
"""Forks a supervisor: its socket to the host, request, descriptors, user, descriptors it must not keep."""


class Porter:
    """Sets up trees of branches on request of the fork server at the other end of `server`."""

    def __init__(self, server: socket.socket, fork_supervisor: Supervise, *, is_root: bool) -> None:
        self._server = server
        self._fork_supervisor = fork_supervisor
        self._is_root = is_root

    def serve(self) -> NoReturn:
        """Answer requests until the fork server is gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a go-between ended
        poll = select.poll()
        poll.register(self._server.fileno(), select.POLLIN)
        while True:
            poll.poll()
            try:
                request, fds = wire.receive(self._server)
            except wire.ConnectionEnded:
                os._exit(0)
            if os.fork() == 0:
                self._join_family(socket.socket(fileno=fds[0]), request, fds[1:])
            for fd in fds:
                os.close(fd)

    def _join_family(self, channel: socket.socket, request: dict[str, Any], fds: list[int]) -> NoReturn:
        """Fork a supervisor below the namespaces behind the first descriptors (`family.JOINED`).

        The user whose session is to move in must own the new user namespace, or it could not enter it.
        """
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        namespaces, rest = fds[: len(family.JOINED)], fds[len(family.JOINED) :]
        uid, gid = request["family"]["owner"]
        try:
            cgroups.join(request["groups"])  # while their folders are to be seen
            if self._is_root:
                os.setgroups([])
            family.enter(family.JOINED, namespaces)
            if (middle := os.fork()) > 0:
                os.waitpid(middle, 0)
                os._exit(0)
            if self._is_root:
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                linux.set_dumpable(dumpable=True)  # or its own id map would not be its own to write
            linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWPID)
            linux.map_own_ids(uid, gid)
            identity = Identity(uid, gid, {}, switch=False)
            self._fork_supervisor(channel, {**request, "groups": []}, rest, identity, namespaces)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the last frame of a forked process: all is told to the host
            with contextlib.suppress(OSError):
                wire.send(channel, {"event": "failed", "stage": "family", "error": str(error)})
            os._exit(1)
