"""Which NVIDIA GPUs foreign code sees: none unless asked for, then by their device files alone.

The driver's libraries come with the system's own; a sandbox adds the device files of the chosen GPUs and the ones that
all of them share. GPUs are named by the number in the name of their device file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sandboxes.errors import SandboxStartError

Gpus = str | Sequence[int] | None
"""`None` or `"none"`, `"all"`, or a list of numbers."""

READABLE = ("/proc/driver/nvidia", "/proc/devices", "/sys/module/nvidia", "/sys/bus/pci/devices", "/sys/devices")
"""What the driver's libraries read beside the device files."""
_DEVICES = Path("/dev")
_CARDS = Path("/proc/driver/nvidia/gpus")
_SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


def check(gpus: object) -> None:
    """Raise `ValueError` with advice where `gpus` is nothing that can be chosen."""
    if gpus is None or gpus in ("none", "all"):
        return
    if isinstance(gpus, list | tuple) and gpus and all(type(n) is int and n >= 0 for n in gpus):
        if len(set(gpus)) != len(gpus):
            raise ValueError(f"gpus names one twice: {list(gpus)}")
        return
    raise ValueError(f"gpus must be None, 'none', 'all' or a list of numbers such as [0, 1], got {gpus!r}")


def present() -> tuple[int, ...]:
    """Numbers of this host's GPUs."""
    found = (re.fullmatch(r"nvidia(\d+)", path.name) for path in _DEVICES.glob("nvidia*"))
    return tuple(sorted(int(match[1]) for match in found if match))


def choose(gpus: Gpus) -> tuple[int, ...]:
    """The numbers asked for.

    Raises `ValueError` as `check` does, `SandboxStartError` where this host has not all of them.
    """
    check(gpus)
    if gpus is None or gpus == "none":
        return ()
    here = present()
    wanted = here if isinstance(gpus, str) else tuple(gpus)
    known = ", ".join(map(str, here)) or "none"
    missing = ", ".join(str(n) for n in wanted if n not in here)
    if missing or not wanted:
        what = f"GPU {missing}" if missing else "GPU"
        raise SandboxStartError(f"this host has no {what}: device files in {_DEVICES}/nvidia* show {known}; see gpus=")
    return wanted


def device_files(chosen: Sequence[int]) -> tuple[str, ...]:
    """Device files of the chosen GPUs and those they share; nothing where none is chosen."""
    if not chosen:
        return ()
    shared = [_DEVICES / name for name in _SHARED]
    caps = sorted((_DEVICES / "nvidia-caps").glob("*"))
    own = [_DEVICES / f"nvidia{n}" for n in chosen]
    return tuple(str(path) for path in (*own, *shared, *caps) if path.exists())


def environment(chosen: Sequence[int]) -> dict[str, str]:
    """Variables that tell libraries which GPUs there are; they hide all where none is chosen."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(_names(chosen))}


def _names(chosen: Sequence[int]) -> list[str]:
    """Names that mean the same cards whichever of them the libraries can see."""
    if tuple(chosen) == present():
        return [str(place) for place in range(len(chosen))]
    by_number = {}
    for card in _CARDS.glob("*/information"):
        fields = dict(line.split(":", 1) for line in card.read_text().splitlines() if ":" in line)
        by_number[fields.get("Device Minor", "").strip()] = fields.get("GPU UUID", "").strip()
    # without the driver's list: the files of the others cannot be opened, so that counting starts anew
    return [by_number.get(str(n)) or str(place) for place, n in enumerate(chosen)]
