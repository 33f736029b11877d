"""Which model the examples talk to.

Any model that litellm knows, with its key in the environment: `python examples/play_with_react.py -m openai/gpt-5`, or
the same in the variable MLESMITH_MODEL. Without one, a scripted model is served on loopback, which needs no key.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlesmith_env import ChatOptions, ModelChat, ScriptedModelServer

HERE = Path(__file__).parent


@contextlib.contextmanager
def connected(argv: Sequence[str] | None, script: str = "model_script.yaml") -> Iterator[ModelChat]:
    """A chat with the model that the options name; without one, with a scripted model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", "--model", default=os.environ.get("MLESMITH_MODEL", ""))
    parser.add_argument("--api-base", default=None, help="where the provider answers, for servers of your own")
    options = parser.parse_args(argv)
    if options.model:
        yield ModelChat(options.model, ChatOptions(api_base=options.api_base))
        return
    with ScriptedModelServer(HERE / script) as server:
        yield ModelChat("openai/scripted", ChatOptions(api_base=server.url))
