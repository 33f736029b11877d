"""A language model that says what a script tells it to, served over HTTP on loopback in the protocol of OpenAI's chat
completions: for tests of everything that talks to models, ours and others'.

    with ScriptedModelServer("script.yaml") as server:
        litellm.completion("openai/scripted", messages, api_base=server.url, api_key="none")

A script is a file of turns (`script.Script`), or a Python function from the request to the reply.
"""

from __future__ import annotations

from generators.model_server.model import ScriptedModel
from generators.model_server.opening import open_model
from generators.model_server.reply import Call, Fault, FaultKind, ScriptedReply, UsageFigures
from generators.model_server.request import ChatRequest
from generators.model_server.script import FaultRule, Script, Turn, read_script
from generators.model_server.server import ScriptedModelServer
from generators.model_server.tally import ModelCounts

__all__ = [
    "Call",
    "ChatRequest",
    "Fault",
    "FaultKind",
    "FaultRule",
    "ModelCounts",
    "Script",
    "ScriptedModel",
    "ScriptedModelServer",
    "ScriptedReply",
    "Turn",
    "UsageFigures",
    "open_model",
    "read_script",
]
