"""`mlesmith doctor`: what this machine offers, and what nobody has tried here."""

from __future__ import annotations

import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.text import Text

_PACKAGES = (
    "mlesmith-env",
    "gymnasium",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "pydantic",
    "jupyter-client",
    "ipykernel",
    "pyzmq",
)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A sandbox that was started to see whether it works."""

    ok: bool
    detail: str


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    attack: Annotated[bool, typer.Option("--attack", help="Attack the sandbox instead, and say what held.")] = False,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="With --attack: every level, user and engine that there is here.")
    ] = False,
) -> None:
    """Report versions, the isolation that this machine offers, and what is untested. Exits with 1 if nothing runs, or
    if an attack got through."""
    if everywhere and not attack:
        raise ValueError("--everywhere says where to attack: give it together with --attack")
    if attack:
        _attack(as_json=as_json, everywhere=everywhere)
    from mlesmith_env.cli import FINDINGS, OK, output
    from mlesmith_env.tasks import home
    from sandboxes.isolation import host_report

    with output.stderr().status("probing", spinner="dots"):
        report = host_report()
        started = _start_sandbox()
    versions = {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    untested = [route.name for route in report.routes if not route.tried]
    if as_json:
        output.print_json(
            {
                "level": report.level.value,
                "probes": [asdict(probe) for probe in report.probes],
                "sandbox": asdict(started),
                "versions": versions,
                "home": home(),
                "routes": [asdict(route) for route in report.routes],
                "untested": untested,
            }
        )
    else:
        out = output.stdout()
        out.print(f"Isolation: {report.level.value}")
        rows: list[list[str | Text]] = [
            [output.styled("ok" if probe.ok else "failed"), probe.name, probe.detail, "" if probe.ok else probe.remedy]
            for probe in report.probes
        ]
        out.print(output.table(["", "probe", "found", "remedy"], rows))
        out.print()
        ways = [["yes" if route.tried else "no", route.name, route.detail] for route in report.routes]
        out.print(output.table(["tried here", "way to isolate", "found"], ways))
        out.print()
        word = output.styled("ok" if started.ok else "failed")
        out.print(output.table(["", "tried", "found"], [[word, "a session", started.detail]]))
        out.print()
        out.print(output.table(["package", "version"], list(versions.items())))
        out.print(f"\nCache: {home()}\nUntested here: {'; '.join(untested)}.", markup=False)
    raise typer.Exit(OK if started.ok else FINDINGS)


def _attack(*, as_json: bool, everywhere: bool) -> NoReturn:
    from mlesmith_env.cli import FINDINGS, OK, attack, output

    with output.stderr().status("attacking", spinner="dots") as status:
        attacked = attack.attack(
            everywhere=everywhere, on_result=lambda target, result: status.update(f"{target}: {result.name}")
        )
    if as_json:
        output.print_json({"attacks": attack.to_json(attacked)})
    else:
        attack.show(attacked)
    held = not any(one.leaks for one in attacked) and any(one.results for one in attacked)
    raise typer.Exit(OK if held else FINDINGS)


def _start_sandbox() -> _Trial:
    """Start a session, run one line in it."""
    from sandboxes.errors import SandboxError
    from sandboxes.local import LocalSandbox
    from sandboxes.sandbox import IsolationLevel

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as public:
        sandbox = LocalSandbox(public=Path(public), min_isolation=IsolationLevel.PROCESS)
        try:
            sandbox.start()
            result = sandbox.execute("print(6 * 7)")
            level = sandbox.report.level.value
        except SandboxError as error:
            return _Trial(ok=False, detail=str(error))
        finally:
            sandbox.close()
    if result.stdout.strip() != "42":
        return _Trial(ok=False, detail=f"it answered {result.stdout!r}, {result.error_name} {result.error_message}")
    return _Trial(ok=True, detail=f"started and answered in {time.perf_counter() - started:.2f} s at level {level}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
