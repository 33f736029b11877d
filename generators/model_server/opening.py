"""From what a caller names to a scripted model: a file, a function in a file, a function, a script."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from generators.model_server.model import Play, ScriptedModel
from generators.model_server.script import Script, read_script


def open_model(script: ScriptedModel | Script | Play | Path | str) -> ScriptedModel:
    """The model that plays a script.

    A text is the path of a script file, or `module.py:name` where the name is a function from `ChatRequest` to reply or
    a `ScriptedModel`. Raises `ValueError` naming the file and what is wrong with it, `TypeError` for anything else.
    """
    if isinstance(script, ScriptedModel):
        return script
    if isinstance(script, Script):
        return ScriptedModel.from_script(script)
    if isinstance(script, str | Path):
        path, _, name = str(script).rpartition(":")
        if path.endswith(".py"):
            return open_model(_named(Path(path), name))
        if str(script).endswith(".py"):
            raise ValueError(f"{script}: name the function in it too: {script}:play")
        return ScriptedModel.from_script(read_script(Path(script)))
    if callable(script):
        return ScriptedModel(script)
    raise TypeError(f"a script is a file, a function or a ScriptedModel, not a {type(script).__name__}")


def _named(path: Path, name: str) -> Any:
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; write module.py:function")
    spec = importlib.util.spec_from_file_location(f"model_script_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the module is foreign code
        raise ValueError(f"{path}: it cannot be loaded: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if isinstance(found, ScriptedModel) or callable(found):
        return found
    what = "has nothing of that name" if found is None else "is no function there"
    raise ValueError(f"{path}: {name!r} {what}; name a function from ChatRequest to reply, or a ScriptedModel")
