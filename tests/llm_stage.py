"""A stage for full runs: raw data, a scripted model behind HTTP that plays every role, and the pipeline between."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.datasets.sources import open_source
from generators.model_server import ChatRequest, ScriptedModelServer
from generators.pipeline import Generation, generate
from generators.runs.casting import Casting
from generators.runs.crew import Crew
from generators.runs.llm_crew import llm_crew
from generators.verification.verdict import Trial
from tests.scripted_roles import call

KEY = "sk-scripted-0123456789abcdef"
"""The key in the environment of these runs, which must turn up nowhere."""
ROLES = {"You propose": "brainstormer", "You write": "designer", "You bring": "refactor", "You judge": "reviewer"}


class Cast:
    """A scripted model that plays each conversation of each role by a list of replies of its own."""

    def __init__(self, **lists: Sequence[Sequence[Any]]) -> None:
        self._lists = lists
        self._begun: dict[str, list[str]] = {}

    def __call__(self, request: ChatRequest) -> Any:
        role = next(name for head, name in ROLES.items() if request.system.startswith(head))
        begun = self._begun.setdefault(role, [])
        if request.conversation not in begun:
            begun.append(request.conversation)
        replies = self._lists[role][begun.index(request.conversation)]
        return replies[request.said] if request.said < len(replies) else None


def storming(play: Callable[[ChatRequest], Any], refusals: int = 3) -> Callable[[ChatRequest], Any]:
    """The same script behind a storm of 429: the first calls are refused."""
    refused: list[ChatRequest] = []

    def storm(request: ChatRequest) -> Any:
        if len(refused) < refusals:
            refused.append(request)
            return {"fault": {"kind": "status", "status": 429, "retry_after_s": 0}}
        return play(request)

    return storm


class Stage:
    """Raw data, a scripted model, and the pipeline between them."""

    def __init__(self, server: ScriptedModelServer, raw: Path, out: Path) -> None:
        self.server, self.raw, self.out = server, raw, out

    def crew(self, casting: Casting, run: ModelRun | None = None) -> Crew:
        options = ChatOptions(api_base=self.server.url, first_wait_s=0.01, longest_wait_s=0.02, timeout_s=60)
        return llm_crew(ModelChat("openai/scripted", options, run=run), casting)

    def make(
        self, run: ModelRun | None = None, out: Path | None = None, trial: Trial | None = None, **casting: Any
    ) -> Generation:
        """One competition; without a trial, which takes longer than all else, unless one is given."""
        crew = self.crew(Casting(**casting), run)
        with open_source(self.raw) as dataset:
            return generate(
                dataset,
                out or self.out,
                brainstormer=crew.brainstormer,
                designer=crew.designer,
                refactor=crew.refactor,
                reviewer=crew.reviewer,
                trial=trial,
                limit=1,
                transcripts=crew.transcripts,
                backends=crew.backends,
            )

    def failed(self, slug: str) -> list[list[str]]:
        """The names of the checks that failed, round by round."""
        found = []
        for path in sorted(self.home(slug).glob("*/verdict.json")):
            results = json.loads(path.read_text("utf-8"))["results"]
            found.append([f["check"] for one in results for f in one["findings"] if f["severity"] == "error"])
        return found

    def home(self, slug: str) -> Path:
        """The folder with the rounds of a proposal."""
        (found,) = (self.out / ".rounds").glob(f"*-{slug}")
        return found

    def told(self, role: str) -> str:
        """All that the model could read in the last request of each conversation of a role."""
        head = next(head for head, name in ROLES.items() if name == role)
        last = {request.conversation: request for request in self.server.requests if request.system.startswith(head)}
        return "\n".join(text for request in last.values() for text in request.texts)


def write(path: str, text: str) -> dict[str, Any]:
    """A reply that writes a file of the package."""
    return call("write_file", path=path, text=text)


def edit(path: str, old: str, new: str) -> dict[str, Any]:
    """A reply that changes a passage of one."""
    return call("edit_file", path=path, old=old, new=new)
