"""Media: what the head of a picture or a sound file says of it, without decoding the rest."""

from __future__ import annotations

import wave
from pathlib import Path

from generators.roles.llm.capability import CallRefused


def media_facts(path: Path) -> str:
    """Format, size and channels. Raises `CallRefused` where the file is neither picture nor WAV sound."""
    return _sound(path) or _picture(path)


def _sound(path: Path) -> str:
    try:
        with path.open("rb") as stream, wave.open(stream) as sound:
            seconds = sound.getnframes() / sound.getframerate()
            return (
                f"WAV sound: {sound.getnchannels()} channels, {sound.getframerate()} samples per second, "
                f"{8 * sound.getsampwidth()} bit, {seconds:.3f} s"
            )
    except (wave.Error, EOFError, OSError, RuntimeError, ZeroDivisionError):
        return ""


def _picture(path: Path) -> str:
    try:
        from PIL import Image
    except ImportError:
        raise CallRefused(
            "it is no WAV sound, and pictures cannot be read here (Pillow is not installed); "
            "look at its bytes with `read_file`"
        ) from None
    try:
        with Image.open(path) as picture:
            frames = getattr(picture, "n_frames", 1)
            return (
                f"{picture.format} picture: {picture.width} x {picture.height} pixels, mode {picture.mode}, "
                f"{frames} frame{'s' if frames != 1 else ''}"
            )
    except Exception:  # noqa: BLE001 - the readers of some formats raise anything on broken bytes
        raise CallRefused("it is neither a picture nor a WAV sound; look at its bytes with `read_file`") from None
