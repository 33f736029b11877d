"""The interactive shell of a kernel: made once in the fork server, so that each kernel finds it ready.

Making it is most of a kernel's start. A kernel that is forked from a living one keeps that one's shell, and with it
everything that code has made of it: variables, history, magics, formatters.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

_ADDED_BUILTINS = ("__IPYTHON__", "display", "get_ipython")


class _Ready:
    """What making a shell changed in the process, held back until there is a kernel."""

    def __init__(self) -> None:
        self.main: Any = None
        self.builtins: dict[str, Any] = {}


_ready = _Ready()


def configuration() -> Any:
    """Settings of kernel and shell: no history file, no colours, no start-up files."""
    config: Any = importlib.import_module("traitlets.config").Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.enable_tip = False  # it is drawn with the random state that a seed has fixed
    config.IPCompleter.use_jedi = False
    config.IPKernelApp.exec_PYTHONSTARTUP = False
    config.IPythonKernel._execute_sleep = 0.0  # the host waits for the reply and for idle
    return config


def profile_dir(folder: str) -> Any:
    """A profile folder below `folder`."""
    profiles: Any = importlib.import_module("IPython.core.profiledir").ProfileDir
    return profiles.create_profile_dir(str(Path(folder) / "profile_default"))


def prepare() -> None:
    """Make the shell that the next kernel of this process or of one forked from it takes.

    What that changes for the rest of the process (`__main__`, builtins) is taken back until `adopt`.
    """
    shells: Any = importlib.import_module("ipykernel.zmqshell").ZMQInteractiveShell
    main = sys.modules["__main__"]
    before = {name: vars(builtins)[name] for name in _ADDED_BUILTINS if name in vars(builtins)}
    with tempfile.TemporaryDirectory() as folder:
        shell = shells.instance(config=configuration(), ipython_dir=folder, profile_dir=profile_dir(folder))
    with contextlib.suppress(Exception):  # a warm-up only: what the first cell loads
        shell.run_cell("None", silent=True, store_history=False)
    _ready.main = sys.modules["__main__"]
    _ready.builtins = {name: vars(builtins)[name] for name in _ADDED_BUILTINS if name in vars(builtins)}
    sys.modules["__main__"] = main
    for name in _ready.builtins:
        del vars(builtins)[name]
    vars(builtins).update(before)


def adopt(app: Any, cwd: str, *, forked: bool) -> None:
    """Let the kernel of `app`, which has taken the prepared shell or that of its parent, be the shell's own."""
    shell = app.kernel.shell
    shell.kernel = app.kernel
    if forked or _ready.main is None:
        return
    shell.profile_dir = app.profile_dir
    shell.ipython_dir = app.ipython_dir
    shell.starting_dir = cwd
    shell.history_manager.dir_hist[:] = [Path(cwd)]
    sys.modules["__main__"] = _ready.main
    vars(builtins).update(_ready.builtins)
