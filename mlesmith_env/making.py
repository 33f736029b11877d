"""Making and judging competitions with everything in place: the rules backend below, the trial in the environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generators.datasets.raw import RawDataset
    from generators.pipeline import Generation
    from generators.roles.diversity import Traits
    from generators.runs.crew import Crew
    from generators.runs.events import OnRunEvent
    from generators.runs.job import Job
    from generators.runs.run import Run
    from generators.verification.verdict import Verdict
    from mlesmith_env.model_crew import RoleModels


def generate(
    source: str | Path,
    out: str | Path,
    *,
    limit: int = 3,
    rounds: int = 2,
    seed: int = 0,
    overwrite: bool = False,
    tiers: Sequence[str] = (),
    existing: Sequence[Traits] | None = None,
    models: RoleModels | None = None,
    on_event: Callable[[Any], None] | None = None,
    on_dataset: Callable[[RawDataset], None] | None = None,
) -> Generation:
    """Make at most `limit` verified competitions from raw data and publish them into the folder `out`.

    `source`: a folder, a file, an archive, or `builtin:<name>`. `rounds`: repair rounds for a draft that fails its
    verification. `overwrite`: put them in the place of other competitions with the same ids. `tiers`: the
    sizes in which each is wanted besides (`micro`, `small`). `existing`: formulations that new ones are to
    differ from, by default those in `out` as it is now. `models`: roles with a language model, whose
    calls are recorded in `out`; those recorded there already are not made again. `on_event` is told of the progress,
    `on_dataset` of the dataset once it is read, its unusable files included.

    Raises `DatasetError` where the source cannot be used, `ModelError` where a model's provider fails and no other
    backend takes over, `RecordError` where the record of calls fails, `BudgetSpent` where what may be spent
    on models is spent.
    """
    from generators import pipeline
    from generators.datasets.sources import open_source
    from mlesmith_env import model_crew

    place = Path(out).expanduser().resolve()
    with ExitStack() as stack:
        dataset = stack.enter_context(open_source(source))
        hands = crew() if models is None else stack.enter_context(model_crew.employed(models, place))
        if on_dataset is not None:
            on_dataset(dataset)
        made = pipeline.generate(
            dataset,
            place,
            brainstormer=hands.brainstormer,
            designer=hands.designer,
            refactor=hands.refactor,
            reviewer=hands.reviewer,
            trial=hands.trial,
            limit=limit,
            rounds=rounds,
            seed=seed,
            overwrite=overwrite,
            tiers=tiers,
            existing=existing,
            transcripts=hands.transcripts,
            backends=hands.backends,
            on_event=on_event,
        )
        if hands.measured is not None:
            hands.measured.settle(made.packages)
        return made


def generate_many(
    sources: Sequence[str],
    out: str | Path,
    *,
    each: bool = False,
    workers: int = 1,
    resume: bool = False,
    limit: int = 3,
    rounds: int = 2,
    seed: int = 0,
    overwrite: bool = False,
    tiers: Sequence[str] = (),
    limit_s: float = 3600.0,
    models: RoleModels | None = None,
    on_event: OnRunEvent | None = None,
    on_jobs: Callable[[Sequence[Job]], None] | None = None,
) -> Run:
    """Make at most `limit` verified competitions from each of many sources, in `workers` processes; see
    `generators.runs.run.run`.

    `each`: every entry of a folder is a source. `resume`: leave out what an earlier run into `out` has finished.
    `limit_s`: seconds after which a dataset is given up. `models`: roles with a language model, whose calls are
    recorded in `out`; without it all roles are the rules backend's.
    `on_jobs` is told of the datasets before the first is begun, `on_event` of the progress.
    """
    with ExitStack() as stack:
        library = None
        if models is not None and models.replay is None:
            from generators.chat.library_process import LibraryProcess

            # the model cannot be asked before litellm is loaded: it is what the first dataset waits for
            library = stack.enter_context(closing(LibraryProcess(quiet=True)))
        from generators.runs.crew import crew_name
        from generators.runs.job import jobs_of
        from generators.runs.run import run
        from mlesmith_env import model_crew
        from mlesmith_env.tasks import made_by

        jobs = jobs_of(sources, each=each)
        place = Path(out).expanduser().resolve()
        name, version = f"{__name__}:{crew.__name__}", made_by()
        if models is not None:
            models.check(library)
            if models.replay is None:
                model_crew.begin_record(models, place, resume=resume)
            name = crew_name(f"{model_crew.__name__}:{model_crew.crew.__name__}", models.settings(place))
            version = f"{version} {models.identity()}"
        if on_jobs is not None:
            on_jobs(jobs)
        return run(
            jobs,
            place,
            crew=name,
            options={"limit": limit, "rounds": rounds, "seed": seed, "tiers": list(tiers)},
            version=version,
            workers=workers,
            resume=resume,
            overwrite=overwrite,
            limit_s=limit_s,
            library=library,
            on_event=on_event,
        )


def crew() -> Crew:
    """The rules backend and the trial in the environment."""
    from generators.runs.crew import rules
    from mlesmith_env.trial import ScriptedTrial

    return rules(ScriptedTrial())


def verify(root: str | Path, *, raw: str | Path | None = None) -> Verdict:
    """Judge the competition in `root` by all three layers. `raw`: its raw data, for the checks that prepare again."""
    from generators.roles.rules import RulesReviewer
    from generators.verification import verify as verification
    from mlesmith_env.trial import ScriptedTrial

    raw_folder = Path(raw) if raw is not None else None
    return verification.verify(Path(root), raw=raw_folder, trial=ScriptedTrial(), reviewer=RulesReviewer())
