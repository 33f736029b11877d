"""The worker of a sandbox: a Jupyter kernel brought up inside an already warm, forked, confined process.

Importing this module warms up: it loads everything a kernel needs. The debugger stays out: it is of no use to an
agent, and its import is most of a kernel's start.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import shutil
import sys
import traceback
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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


_warm_up()


def run(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """Serve as a kernel until killed. `bound` tells that the sockets exist, and is closed before foreign code runs."""
    for fd in fds:
        os.close(fd)
    # the fork server's log is open here as it is in every other sandbox: a place to fill, and to leave things in
    os.dup2(1, 2)
    try:
        app = _bring_up(request)
    except BaseException:
        os.write(bound, traceback.format_exc()[-4000:].encode())
        raise
    os.write(bound, b"1")
    os.close(bound)
    app.start()


def _bring_up(request: Mapping[str, Any]) -> Any:
    """A kernel application without what an isolated, throw-away kernel does not need.

    The steps of its own `initialize`, but for configuration files, profiles, history, crash handler, connection file
    and the watch over its parent.
    """
    connection = request["connection"]
    if request["local_sockets_only"]:
        # the relay for output of forked children binds a TCP socket; libzmq aborts the process where that is refused
        iostream: Any = importlib.import_module("ipykernel.iostream")
        iostream.IOPubThread._setup_pipe_in = lambda thread: setattr(thread, "_pipe_flag", False)
    _empty(Path(connection["ip"]).parent)
    _seed(int(request["seed"]))
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
    app.init_kernel()
    app.init_path()
    app.init_shell()
    app.init_extensions()
    # `init_code` would run startup files: an earlier session can have left some, and no foreign code may run before
    # the host is told that the session is up
    app.shell.user_ns_hidden.update(app.shell.user_ns)
    if request["local_sockets_only"]:
        app.shell.system = app.shell.system_raw  # `!command` without a terminal: those of the host are out of reach
    return app


def _application(folder: str) -> Any:
    config: Any = importlib.import_module("traitlets.config").Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.IPCompleter.use_jedi = False
    config.IPKernelApp.exec_PYTHONSTARTUP = False
    config.IPythonKernel._execute_sleep = 0.0  # the host waits for the reply and for idle
    profiles: Any = importlib.import_module("IPython.core.profiledir").ProfileDir
    app: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp.instance(config=config)
    app.ipython_dir = folder
    app.profile_dir = profiles.create_profile_dir(str(Path(folder) / "profile_default"))
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


def _seed(seed: int) -> None:
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % (1 << 32))
