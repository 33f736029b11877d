"""Says plainly when another package stands in the place of one of the two lower floors."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def check_floors() -> None:
    """Raise `ImportError` naming the culprit where `generators` or `sandboxes` is not the one installed with this.

    Both are common names: a folder of a user's own project wins over an installed package when it comes first on
    the path.
    """
    for name in ("sandboxes", "generators"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parent if spec is not None and spec.origin else None
        if found != _ROOT / name:
            where = f"Python finds {found} instead" if found else "Python finds none"
            raise ImportError(
                f"mlesmith_env needs the package {name!r} that is installed with it, but {where}; "
                f"rename that package, or start Python from another directory."
            )
