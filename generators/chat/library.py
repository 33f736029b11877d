"""litellm, loaded when the first call is made: it takes seconds to import. It is kept from writing, from asking the
network for prices, from reading `.env` files and from mending calls of tools."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from generators.errors import ModelLibraryError

_LOADING = threading.Lock()
_SILENT = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_QUIET = ("httpx", "httpcore", "openai")
"""Loggers that tell of each request, with its headers where they are at their loudest."""
_SETTINGS = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR"}
"""Variables that litellm reads as it is imported; what a user has set stays."""
_MENDS_CALLS = "handle_invalid_parallel_tool_calls"
"""The function of litellm that takes a call of `multi_tool_use.parallel`, which some models make up, for the calls in
it."""


def load_litellm() -> ModuleType:
    """The library, made quiet. Raises `ModelLibraryError` where it is not installed."""
    with _LOADING:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        for name in _SILENT:
            logging.getLogger(name).disabled = True
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            with _without_collections():
                import litellm
        except ImportError as error:
            raise ModelLibraryError(
                f"language models are called through litellm, which cannot be imported ({error}): "
                "pip install 'mlesmith-env[llm]'"
            ) from None
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.drop_params = False
        # lets it mend what a provider would refuse, such as calls in the history where no tools are offered any more
        litellm.modify_params = True
        _leave_calls_as_made()
        return litellm


def _as_made(calls: Any) -> Any:
    return calls


def _leave_calls_as_made() -> None:
    """What a model calls wrongly is ours to tell it: litellm reads the arguments of every call to mend a few, and fails
    over many that cannot be read, so that an answer is lost that was paid for."""
    with contextlib.suppress(ImportError):  # it has moved in another version: what has the name by now is seen to
        from litellm.litellm_core_utils.llm_response_utils import convert_dict_to_response

        if vars(convert_dict_to_response).get(_MENDS_CALLS, _as_made) is _as_made:
            return
    # modules that are loaded later take the name from where it was replaced
    for name, module in list(sys.modules.items()):
        if name.startswith("litellm.") and _MENDS_CALLS in vars(module):
            setattr(module, _MENDS_CALLS, _as_made)


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Thousands of modules come to stay: to look for garbage among them takes a fifth of the import's time."""
    were_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if were_on:
            gc.enable()
