"""Speech engines by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.speech.open import ENGINES, available, open_recogniser, open_speaker, open_voice_activity

OPENING = """
import asyncio
from genesis_lib.errors import VoiceError
from genesis_lib.voice.speech import open as engines
async def main():
    try:
        await engines.{call}
    except VoiceError as error:
        print(error)
asyncio.run(main())
"""


@pytest.mark.parametrize("spec", ["", "nothing", "pocketsphinx", "Espeak", "espeak:en", "espeak:", "piper", "piper:"])
async def test_a_speaker_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(VoiceError, match=r"espeak|write piper:VOICE\.onnx"):
        await open_speaker(spec)


@pytest.mark.parametrize("spec", ["", "nothing", "espeak", "pocketsphinx:en"])
async def test_a_recogniser_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(VoiceError, match="pocketsphinx"):
        await open_recogniser(spec)


@pytest.mark.parametrize("spec", ["", "nothing", "whisper"])
async def test_voice_activity_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(VoiceError, match="pocketsphinx"):
        await open_voice_activity(spec)


def test_what_is_installed_is_available() -> None:
    assert {"espeak", "openai"} <= {engine.name for engine in available("speaker")}
    assert {"pocketsphinx", "openai"} <= {engine.name for engine in available("recogniser")}
    assert [engine.name for engine in available("voice activity")] == ["pocketsphinx", "livekit"]
    assert set(available()) <= set(ENGINES)


@pytest.mark.parametrize(
    ("call", "module", "extra"),
    [
        ("open_speaker('espeak')", "espeakng_loader", "voice"),
        ("open_speaker('espeak')", "soxr", "voice"),
        ("open_recogniser('pocketsphinx', ['Hello.'])", "pocketsphinx", "voice"),
        ("open_voice_activity('pocketsphinx')", "pocketsphinx", "voice"),
        ("open_speaker('piper:voice.onnx')", "piper", "voice-neural"),
        ("open_recogniser('whisper')", "faster_whisper", "voice-neural"),
    ],
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    call: str, module: str, extra: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text("raise ImportError('it is not there')")
    run = subprocess.run(
        [sys.executable, "-c", OPENING.format(call=call)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert f"pip install 'genesis-lib[{extra}]'" in run.stdout
    assert module in run.stdout


def test_opening_is_what_loads_the_engines() -> None:
    heavy = ("espeakng_loader", "pocketsphinx", "numpy", "soxr", "num2words", "rapidfuzz", "piper", "openai")
    program = f"import sys, genesis_lib.voice.speech.open; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
