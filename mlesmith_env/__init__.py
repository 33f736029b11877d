"""Raw datasets go in, verified machine-learning competitions come out, each one a Gymnasium environment.

    >>> import gymnasium as gym, mlesmith_env
    >>> env = gym.make("MLESmith-v0", task="builtin:breast-cancer", max_steps=12)

Importing registers `MLESmith-v0` (and `mlesmith/MLESmith-v0`) and loads nothing heavy; names are loaded when used.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

import gymnasium as _gym

from mlesmith_env.floors import check_floors as _check_floors

_check_floors()

if _TYPE_CHECKING:
    from generators.chat.budget import Budget
    from generators.chat.model_chat import ModelChat
    from generators.chat.model_run import ModelRun
    from generators.chat.options import ChatOptions
    from generators.competitions.package import Competition
    from generators.errors import BudgetSpent, CompetitionError, DatasetError, ModelError, NotRecordedError, RecordError
    from generators.model_server.server import ScriptedModelServer
    from mlesmith_env.action_reading import parse_action
    from mlesmith_env.actions import Malformed
    from mlesmith_env.agents.agent import Agent
    from mlesmith_env.agents.entrants import entrant
    from mlesmith_env.agents.function import FunctionAgent
    from mlesmith_env.agents.react import ReActAgent
    from mlesmith_env.agents.scripted import ScriptedAgent
    from mlesmith_env.agents.tree import TreeSearchAgent
    from mlesmith_env.comparison import Comparison, replay
    from mlesmith_env.env import MLESmithEnv
    from mlesmith_env.evaluation.evaluate import Evaluation, evaluate
    from mlesmith_env.making import generate, verify
    from mlesmith_env.model_crew import RoleModels
    from mlesmith_env.pool.pool import Pool
    from mlesmith_env.rewards import normalize
    from mlesmith_env.rollout import Rollout, play
    from mlesmith_env.spaces import ActionSpace, ObservationSpace, UnicodeText
    from mlesmith_env.tasks import load_task
    from mlesmith_env.trajectory import Trajectory, read_trajectory
    from mlesmith_env.turn import Rules, Turn
    from mlesmith_env.vector import ThreadVectorEnv
    from sandboxes.errors import MLESmithError, SandboxError

    __version__: str

__all__ = [
    "ActionSpace",
    "Agent",
    "Budget",
    "BudgetSpent",
    "ChatOptions",
    "Comparison",
    "Competition",
    "CompetitionError",
    "DatasetError",
    "Evaluation",
    "FunctionAgent",
    "MLESmithEnv",
    "MLESmithError",
    "Malformed",
    "ModelChat",
    "ModelError",
    "ModelRun",
    "NotRecordedError",
    "ObservationSpace",
    "Pool",
    "ReActAgent",
    "RecordError",
    "RoleModels",
    "Rollout",
    "Rules",
    "SandboxError",
    "ScriptedAgent",
    "ScriptedModelServer",
    "ThreadVectorEnv",
    "Trajectory",
    "TreeSearchAgent",
    "Turn",
    "UnicodeText",
    "__version__",
    "entrant",
    "evaluate",
    "generate",
    "load_task",
    "normalize",
    "parse_action",
    "play",
    "read_trajectory",
    "replay",
    "verify",
]

_NAMES = {
    "ActionSpace": "mlesmith_env.spaces",
    "Agent": "mlesmith_env.agents.agent",
    "Budget": "generators.chat.budget",
    "BudgetSpent": "generators.errors",
    "ChatOptions": "generators.chat.options",
    "Comparison": "mlesmith_env.comparison",
    "Competition": "generators.competitions.package",
    "CompetitionError": "generators.errors",
    "DatasetError": "generators.errors",
    "Evaluation": "mlesmith_env.evaluation.evaluate",
    "FunctionAgent": "mlesmith_env.agents.function",
    "MLESmithEnv": "mlesmith_env.env",
    "MLESmithError": "sandboxes.errors",
    "Malformed": "mlesmith_env.actions",
    "ModelChat": "generators.chat.model_chat",
    "ModelError": "generators.errors",
    "ModelRun": "generators.chat.model_run",
    "NotRecordedError": "generators.errors",
    "RecordError": "generators.errors",
    "ObservationSpace": "mlesmith_env.spaces",
    "Pool": "mlesmith_env.pool.pool",
    "ReActAgent": "mlesmith_env.agents.react",
    "RoleModels": "mlesmith_env.model_crew",
    "Rollout": "mlesmith_env.rollout",
    "Rules": "mlesmith_env.turn",
    "SandboxError": "sandboxes.errors",
    "ScriptedAgent": "mlesmith_env.agents.scripted",
    "ScriptedModelServer": "generators.model_server.server",
    "ThreadVectorEnv": "mlesmith_env.vector",
    "Trajectory": "mlesmith_env.trajectory",
    "TreeSearchAgent": "mlesmith_env.agents.tree",
    "Turn": "mlesmith_env.turn",
    "UnicodeText": "mlesmith_env.spaces",
    "entrant": "mlesmith_env.agents.entrants",
    "evaluate": "mlesmith_env.evaluation.evaluate",
    "generate": "mlesmith_env.making",
    "load_task": "mlesmith_env.tasks",
    "normalize": "mlesmith_env.rewards",
    "parse_action": "mlesmith_env.action_reading",
    "play": "mlesmith_env.rollout",
    "read_trajectory": "mlesmith_env.trajectory",
    "replay": "mlesmith_env.comparison",
    "verify": "mlesmith_env.making",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from mlesmith_env.tasks import package_version

        return package_version()
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(_NAMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)


for _id in ("MLESmith-v0", "mlesmith/MLESmith-v0"):
    if _id not in _gym.registry:
        # nondeterministic: the same code may train to another score; texts and seeds are the same
        _gym.register(
            _id,
            entry_point="mlesmith_env.env:MLESmithEnv",
            vector_entry_point="mlesmith_env.vector:make_vec",
            nondeterministic=True,
        )
