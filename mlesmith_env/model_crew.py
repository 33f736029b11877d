"""The crew of a run whose roles have a model: what a user asks for as data, and the crew that a worker makes of it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generators.chat.budget import Budget
    from generators.chat.facts import ModelFacts
    from generators.chat.library_process import LibraryProcess
    from generators.chat.messages import Usage
    from generators.chat.model_run import ModelRun
    from generators.chat.options import ChatOptions
    from generators.runs.casting import Casting
    from generators.runs.crew import Crew

CALLS = "calls.jsonl"
"""The record of all calls of models, in the folder of a run."""
_FIRST_CALL_S = 0.3
"""What litellm imports when it is asked for the first time takes so long: the processor is left to it."""
_LATER = (
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.feature_extraction.text",
    "sklearn.metrics",
    "mlesmith_env.env",
    "mlesmith_env.trial",
)
"""What review and trial import, and takes a second or more."""
_TEMPLATES = ("generators.roles.llm.prompting", "generators.roles.rules.rendering", "mlesmith_env.agents.ladder")
"""Whose `compile_templates` is called ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleModels:
    """The model of the roles, who plays which, and what that may take."""

    model: str
    """Model string, such as `openai/gpt-5`."""
    casting: dict[str, Any] = field(default_factory=dict)
    """Arguments of `generators.runs.llm_crew.Casting`: the backend of each role, `fallback`, steps."""
    api_base: str | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    budget_calls: int | None = None
    prices: tuple[float, float] | None = None
    """USD per million tokens, input and output, in place of what litellm knows."""
    replay: str | None = None
    """A record of calls: nothing is asked but what it holds, and no network is used."""

    def check(self, library: LibraryProcess | None = None) -> None:
        """Raises `ValueError` for what cannot be, naming the option. `library`: the process that litellm is asked in,
        where it has to be; none: this one."""
        self.cast()
        options = self.options()
        self.budget()
        if self.replay is not None:
            _check_replay(Path(self.replay))
        elif self.budget_usd is not None and options.input_usd is None:
            _check_price(self._facts(library))

    def _facts(self, library: LibraryProcess | None) -> ModelFacts:
        from generators.chat.facts import model_facts
        from generators.chat.faults import Fault

        if library is not None:
            with contextlib.suppress(Fault):  # it died
                return library.call(model_facts, self.model)
        return model_facts(self.model)

    def budget(self) -> Budget:
        """What may be spent."""
        from generators.chat.budget import Budget

        return Budget(usd=self.budget_usd, tokens=self.budget_tokens, calls=self.budget_calls)

    def cast(self) -> Casting:
        """Who plays which role."""
        from generators.runs.casting import Casting

        return Casting(**self.casting)

    def options(self) -> ChatOptions:
        """How the model is asked."""
        from generators.chat.options import ChatOptions

        low, high = self.prices or (None, None)
        return ChatOptions(api_base=self.api_base, input_usd=low, output_usd=high)

    def identity(self) -> str:
        """What a finished dataset hangs on, so that another model's are not taken for it; budgets are no part of it."""
        return f"{self.model} {sorted(self.cast().as_json().items())}"

    def settings(self, out: Path) -> dict[str, Any]:
        """JSON arguments of `crew` for the workers of a run into the folder `out`."""
        return {"record": str(out / CALLS), "models": asdict(self)}


def _check_price(facts: ModelFacts) -> None:
    if facts.provider is None:
        raise ValueError(
            f"-m {facts.model}: no provider that litellm knows has such a model; write PROVIDER/MODEL, such as "
            "openai/gpt-5; `mlesmith models` lists the providers"
        )
    if not facts.priced:
        raise ValueError(
            f"--budget-usd cannot be kept: litellm knows no price of {facts.model}; give it with --prices IN,OUT "
            "in USD per million tokens, or use --budget-tokens or --budget-calls"
        )


def _check_replay(path: Path) -> None:
    from generators.chat.recording import Recording

    if not path.is_file():
        raise ValueError(f"--replay {path}: there is no such file; name the {CALLS} of a run")
    try:
        Recording(path, "replay").close()
    except ValueError as error:
        raise ValueError(f"--replay {error}") from error


def begin_record(models: RoleModels, out: Path, *, resume: bool) -> None:
    """Begin the record of a run into the folder `out`, which its workers go on with; with `resume`, one may be there.

    Raises `ValueError` where there is one already, where the file is none, or where its calls have no known price and a
    budget in money is set.
    """
    from generators.chat.model_run import ModelRun

    path = out / CALLS
    if not resume and path.exists() and path.stat().st_size:
        raise ValueError(f"{path}: there are calls of models already; go on with --resume, or move the file away")
    ModelRun(record=path, mode="resume" if resume else "record", budget=models.budget()).close()


def paid(record: Path) -> Usage:
    """What the calls of a record took. Raises `ValueError` where the file is none."""
    from generators.chat.recording import Recording

    with Recording(record, "replay") as told:
        return told.paid()


@contextlib.contextmanager
def employed(models: RoleModels, out: Path) -> Iterator[Crew]:
    """A crew for one dataset in this process, whose calls go into the record in `out`; calls that it holds are not made
    again. Raises `ValueError` for what cannot be."""
    models.check()
    with _opened(models, out / CALLS) as run:
        yield _crew(models, run)


def crew(record: str, models: dict[str, Any]) -> Crew:
    """The crew of one worker, with the trial in the environment; its calls go into the record of the run, which is open
    as long as the worker lives."""
    from generators.chat.library_process import start_library_process

    asked = RoleModels(**models)
    if asked.replay is None:
        start_library_process()
    threading.Thread(target=_load_ahead, name="loading ahead", daemon=True).start()
    return _crew(asked, _opened(asked, Path(record)))


def _load_ahead() -> None:
    """Import what later stages need: that is done while the model is waited for, and not before it can be asked."""
    from generators.chat.library_process import library_process, loaded

    with contextlib.suppress(Exception):  # whoever needs it imports it again, and tells what is wrong
        process = library_process()
        if process is not None:
            process.call(loaded)
            time.sleep(_FIRST_CALL_S)
        gc.disable()
        for name in _LATER:
            importlib.import_module(name)
        for name in _TEMPLATES:
            importlib.import_module(name).compile_templates()
    gc.freeze()  # modules are no garbage, and to look at them again and again takes long
    gc.enable()


def _opened(models: RoleModels, record: Path) -> ModelRun:
    from generators.chat.model_run import ModelRun

    if models.replay is not None:
        return ModelRun(record=Path(models.replay), mode="replay")
    return ModelRun(record=record, mode="resume", budget=models.budget())


def _crew(models: RoleModels, run: ModelRun) -> Crew:
    from generators.chat.model_chat import ModelChat
    from generators.runs.llm_crew import llm_crew
    from generators.runs.measured import Measured
    from mlesmith_env.trial import ScriptedTrial

    crew = llm_crew(ModelChat(models.model, models.options(), run=run), models.cast(), ScriptedTrial())
    assert run.recording is not None
    return replace(crew, measured=Measured(run.recording.path, "record" if models.replay is None else "replay"))
