"""How a fork server's interpreter is started: its command line, its environment, and what it finds to import."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sandboxes.errors import SandboxStartError
from sandboxes.interpreter import Interpreter
from sandboxes.limits import scrubbed_environment

_PACKAGE = Path(__file__).resolve().parents[1]
# another interpreter than ours is shown this one package of ours, and not the libraries beside it
_BOOT = """
import json, sys
boot = json.loads(sys.argv[2])
sys.path[:0] = [p for p in boot["paths"] if p not in sys.path]
if boot["package"]:
    from importlib import util
    init = boot["package"] + "/__init__.py"
    spec = util.spec_from_file_location("sandboxes", init, submodule_search_locations=[boot["package"]])
    sys.modules["sandboxes"] = util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["sandboxes"])
from sandboxes.forking.zygote import main
main(int(sys.argv[1]), boot["libraries"], boot["preload"], boot["scratch"])
"""


def server_command(
    interpreter: Interpreter, *, fd: int, hash_seed: int, scratch: str
) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of a server that talks to the host at `fd`.

    `scratch` is a folder for what preloaded modules write at import, empty for none; the server removes it at its end.
    Raises `SandboxStartError` where the interpreter is of no use.
    """
    executable = interpreter.installation.executable
    if not executable:
        raise SandboxStartError("this Python does not know its own executable (sys.executable is empty)")
    own = interpreter.python is None
    boot = {
        "paths": _import_paths() if own else [],
        "package": "" if own else str(_PACKAGE),
        "libraries": "all" if hash_seed == 0 else "tables",
        "preload": interpreter.preload,
        "scratch": scratch,
    }
    extra = {"PYTHONHASHSEED": str(hash_seed), **({"TMPDIR": scratch} if scratch else {})}
    command = [executable, "-s", "-P", "-X", "utf8", "-c", _BOOT, str(fd), json.dumps(boot)]
    return command, scrubbed_environment(scratch or "/", extra)


def _import_paths() -> list[str]:
    """Where the host found its libraries and this project, so that the server finds the same."""
    here = str(_PACKAGE.parent)
    installed = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    return [*installed, *([] if here in installed else [here])]
