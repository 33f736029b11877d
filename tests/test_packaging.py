"""The package as others get it: built, installed elsewhere, imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def python(*arguments: str, cwd: Path, interpreter: str = sys.executable) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [interpreter, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_every_package_folder_is_listed_and_every_listed_one_exists() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for floor in ("sandboxes", "generators", "mlesmith_env")
        for pattern in ("*.py", "*.jinja")
        for path in (ROOT / floor).rglob(pattern)
    }
    assert listed == found


def test_a_foreign_package_named_generators_is_named_in_the_import_error(tmp_path: Path) -> None:
    (tmp_path / "generators").mkdir()
    (tmp_path / "generators" / "__init__.py").write_text("")
    run = python("-c", "import sys; sys.path.insert(0, '.'); import mlesmith_env", cwd=tmp_path)
    assert run.returncode != 0
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: mlesmith_env needs the package 'generators'")
    assert str(tmp_path.resolve()) in last


def test_importing_prints_nothing_and_loads_no_heavy_library(tmp_path: Path) -> None:
    heavy = ("sklearn", "scipy", "jupyter_client", "zmq", "pyarrow", "rich", "typer", "jinja2", "litellm", "ray")
    code = f"import sys, mlesmith_env; print([m for m in {heavy!r} if m in sys.modules])"
    run = python("-c", code, cwd=tmp_path)
    assert run.stderr == ""
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    """Built from an sdist, installed into a new environment, and an episode is played there."""
    built = python("-m", "build", "--outdir", str(tmp_path / "dist"), str(ROOT), cwd=tmp_path)
    assert built.returncode == 0, built.stdout + built.stderr
    wheel = next((tmp_path / "dist").glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("/py.typed") for name in names)
    assert any(name.endswith(".jinja") for name in names)
    assert "sandboxes/containers/image/Dockerfile" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)

    # the libraries come from this environment, the package under test from the wheel alone
    target = tmp_path / "site"
    pip = python("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel), cwd=tmp_path)
    assert pip.returncode == 0, pip.stderr
    program = f"""
import sys
sys.path[:] = [{str(target)!r}] + [p for p in sys.path if p and p != {str(ROOT)!r}]
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", type(f).__module__)]
import mlesmith_env, gymnasium as gym
assert mlesmith_env.__file__.startswith({str(target)!r}), mlesmith_env.__file__
env = gym.make("MLESmith-v0", task="builtin:iris", max_steps=3)
obs, info = env.reset(seed=0)
obs, *_ = env.step({{"type": "run_code", "code": "print(40 + 2)"}})
env.close()
assert "42" in obs["text"], obs["text"]
"""
    environment = {**os.environ, "MLESMITH_HOME": str(tmp_path / "home")}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
