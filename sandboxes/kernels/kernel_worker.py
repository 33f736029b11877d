"""The worker of a sandbox: a Jupyter kernel brought up inside an already warm, forked, confined process.

Importing this module warms up: it loads everything a kernel needs. The debugger stays out: it is of no use to an
agent, and its import is most of a kernel's start.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shutil
import sys
import tempfile
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandboxes.kernels import kernel_fork, kernel_shell
from sandboxes.kernels.kernel_output import adapt_streams
from sandboxes.kernels.seeding import seed_session

_LOADED = (
    "ipykernel.kernelapp",
    "ipykernel.comm.manager",
    "ipykernel.displayhook",
    "ipykernel.heartbeat",
    "ipykernel.zmqshell",
    "IPython.core.completer",
    "IPython.core.historyapp",
    "IPython.core.magics",
    "comm",
    "pexpect",
    "psutil",
    "tornado.platform.asyncio",
    "zmq.eventloop.zmqstream",
    "sandboxes.kernels.rehearsal",
)
_CHANNELS = ("shell", "iopub", "stdin", "hb", "control")


def _warm_up() -> None:
    stub = types.ModuleType("ipykernel.debugger")
    stub.__dict__["_is_debugpy_available"] = lambda: False
    stub.__dict__["Debugger"] = type("Debugger", (), {"__init__": lambda *_args, **_options: None})
    sys.modules.setdefault("ipykernel.debugger", stub)
    for name in _LOADED:
        importlib.import_module(name)
    # the first error of an agent must not wait for what formatting a traceback loads
    formatter: Any = importlib.import_module("IPython.core.ultratb").VerboseTB
    error = ValueError("warm-up")
    with contextlib.suppress(Exception):  # a warm-up only: nothing hangs on it
        formatter().structured_traceback(type(error), error, None)
    kernel_shell.prepare()


_warm_up()
adapt_streams()


def run(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """Serve as a kernel until killed. `bound` tells that the sockets exist, and is closed before foreign code runs."""
    for fd in fds:
        os.close(fd)
    # the fork server's log is open here as it is in every other sandbox: a place to fill, and to leave things in
    os.dup2(1, 2)
    try:
        app = bring_up(request)
    except BaseException:
        os.write(bound, traceback.format_exc()[-4000:].encode())
        raise
    os.write(bound, b"1")
    os.close(bound)
    app.start()


def bring_up(request: Mapping[str, Any], forked: Any = None) -> Any:
    """A kernel application without what an isolated, throw-away kernel does not need.

    The steps of its own `initialize`, but for configuration files, profiles, history, crash handler, connection file
    and the watch over its parent. `forked`: the application of which this process is a fork, and whose variables the
    new one takes over.
    """
    connection = request["connection"]
    logging.disable(logging.DEBUG)
    if request["local_sockets_only"]:
        # the relay for output of forked children binds a TCP socket; libzmq aborts the process where that is refused
        iostream: Any = importlib.import_module("ipykernel.iostream")
        iostream.IOPubThread._setup_pipe_in = lambda thread: setattr(thread, "_pipe_flag", False)
    _empty(Path(connection["ip"]).parent)
    tempfile.tempdir = None  # a module loaded beforehand may have asked for that of the fork server
    if forked is None:
        seed_session(int(request["seed"]))
    elif request["reseed"] is not None:
        seed_session(int(request["reseed"]))
    folder = Path(os.environ["IPYTHONDIR"])
    folder.mkdir(parents=True, exist_ok=True)
    app = _application(str(folder))
    app.transport = "ipc"
    app.ip = connection["ip"]
    app.session.key = connection["key"].encode()
    app._ports = {}
    for name in _CHANNELS:
        setattr(app, f"{name}_port", connection[f"{name}_port"])
        app._ports[name] = connection[f"{name}_port"]
    app.init_sockets()
    # one loop for code and its messages: subshells would cost two more hops for each message
    app.shell_channel_thread = None
    app.init_heartbeat()
    app.init_io()
    app.init_signal()
    with _no_modules_listed():
        app.init_kernel()
    kernel_shell.adopt(app, request["cwd"], forked=forked is not None)
    app.init_shell()
    if forked is None:
        app.init_path()
        app.init_extensions()
        # `init_code` would run startup files: an earlier session can have left some, and no foreign code may run
        # before the host is told that the session is up
        app.shell.user_ns_hidden.update(app.shell.user_ns)
    logging.disable(logging.NOTSET)
    if request["local_sockets_only"]:
        app.shell.system = app.shell.system_raw  # `!command` without a terminal: those of the host are out of reach
    kernel_fork.Forks(app, request, bring_up)
    app.kernel.shell_handlers["seed_request"] = lambda stream, ident, parent: _reseed(app, stream, ident, parent)
    return app


def _reseed(app: Any, stream: Any, ident: Any, parent: Mapping[str, Any]) -> None:
    os.environ.update(parent["content"].get("environment", {}))
    seed_session(int(parent["content"]["seed"]))
    app.kernel.session.send(stream, "seed_request_reply", {}, parent, ident=ident)


@contextlib.contextmanager
def _no_modules_listed() -> Iterator[None]:
    """A kernel lists the files of all modules for its debugger, which we have none of; touching each module would copy
    thousands of pages that this process shares with the fork server."""
    ipkernel: Any = importlib.import_module("ipykernel.ipkernel")
    real = ipkernel.sys
    ipkernel.sys = types.SimpleNamespace(**{**vars(real), "modules": {}})
    try:
        yield
    finally:
        ipkernel.sys = real


def _application(folder: str) -> Any:
    app: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp.instance(config=kernel_shell.configuration())
    app.ipython_dir = folder
    app.profile_dir = kernel_shell.profile_dir(folder)
    app.connection_file = str(Path(folder) / "kernel.json")
    app.quiet = True
    return app


def _empty(folder: Path) -> None:
    """Remove what an earlier kernel of this sandbox left beside its sockets."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
