"""litellm, loaded when the first call is made: it takes seconds to import. It is kept from writing, from asking the
network for prices and from reading `.env` files."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import threading
from collections.abc import Iterator
from types import ModuleType

from generators.errors import ModelLibraryError

_LOADING = threading.Lock()
_SILENT = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_QUIET = ("httpx", "httpcore", "openai")
"""Loggers that tell of each request, with its headers where they are at their loudest."""
_SETTINGS = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR"}
"""Variables that litellm reads as it is imported; what a user has set stays."""


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
        return litellm


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
