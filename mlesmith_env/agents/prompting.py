"""The prompts of playing agents: files in `prompts/`, rendered with what they are told."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


def rendered(name: str, **facts: Any) -> str:
    """The prompt in the file `prompts/<name>.txt.jinja`, without blank lines at its ends."""
    return _environment().get_template(f"{name}.txt.jinja").render(facts).strip()


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("mlesmith_env.agents", "prompts"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - prompts are plain text, no markup
    )
