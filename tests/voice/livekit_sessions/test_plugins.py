"""Plugins of LiveKit as speech engines of voice rooms."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from itertools import pairwise
from pathlib import Path

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SECONDS, SAMPLE_BYTES, seconds
from genesis_lib.voice.pacing import Pacer, paced
from genesis_lib.voice.speech.open import ENGINES, available, open_recogniser, open_speaker, open_voice_activity
from genesis_lib.voice.speech.ports import Recognition, Speaker, VoiceActivity, VoiceStyle
from tests.voice.livekit_sessions import parrots
from tests.voice.samples import SENTENCES, audio_of, white_noise
from tests.voice.test_open_speech import OPENING


@pytest.fixture(autouse=True)
def _parrots_are_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit.plugins.parrots", parrots)


@asynccontextmanager
async def speaking(path: str) -> AsyncIterator[Speaker]:
    speaker = await open_speaker(f"livekit:{path}")
    try:
        yield speaker
    finally:
        await speaker.close()


@pytest.mark.parametrize("path", ["parrots.Whistle", "parrots.OnTheWeb"])
async def test_a_plugin_speaks(path: str) -> None:
    async with speaking(path) as speaker:
        # As a voice agent's call, which has a context of its own.
        task = asyncio.create_task(audio_of(speaker, "Hello world."), context=Context())
        tone = array("h", await task)
    assert seconds(len(tone)) == pytest.approx(1.2, abs=0.01)
    crossings = sum((one < 0) != (other < 0) for one, other in pairwise(tone))
    assert crossings / 2 / 1.2 == pytest.approx(parrots.HERTZ, rel=0.01)


@pytest.mark.parametrize("text", ["broken", "interrupted"])
async def test_a_plugin_that_fails_is_told(text: str) -> None:
    async with speaking("parrots.Whistle") as speaker:
        with pytest.raises(VoiceError, match=r"LiveKit's parrots\.Whistle (failed: .*no breath|broke off)"):
            await audio_of(speaker, text)
        assert await audio_of(speaker, "Again.")


async def test_a_speaker_that_nobody_listens_to_any_more_stops() -> None:
    async with speaking("parrots.Whistle") as speaker:
        pieces = speaker.speak("a long text " * 20, VoiceStyle())
        assert await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]
    assert [task for task in asyncio.all_tasks() if "TTS" in task.get_name()] == []


@pytest.mark.parametrize(("path", "confidence"), [("parrots.Meter", 0.7), ("parrots.StreamMeter", 1.0)])
async def test_a_plugin_recognises(path: str, confidence: float) -> None:
    recogniser = await open_recogniser(f"livekit:{path}")
    assert await recogniser.recognise(white_noise(1000, 1.2)) == Recognition("12 tenths", confidence)
    if path == "parrots.Meter":
        with pytest.raises(VoiceError, match=r"parrots\.Meter failed: APIError: nothing to measure"):
            await recogniser.recognise(bytes(FRAME_BYTES))
    await recogniser.close()


@asynccontextmanager
async def detecting() -> AsyncIterator[VoiceActivity]:
    activity = await open_voice_activity("livekit:silero.VAD")
    try:
        yield activity
    finally:
        await activity.close()


async def shares(activity: VoiceActivity, *parts: bytes) -> list[float]:
    """The share of frames taken for speech in each part, fed in real time."""

    async def frames() -> AsyncIterator[tuple[int, bytes]]:
        for part, pcm in enumerate(parts):
            for start in range(0, len(pcm), FRAME_BYTES):
                yield part, pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")

    found: list[list[bool]] = [[] for _ in parts]
    async for _, (part, frame) in paced(frames(), Pacer(asyncio.get_running_loop().time, 50)):
        found[part].append(activity.feed(frame))
    return [sum(each) / len(each) for each in found]


async def test_silero_tells_speech_from_silence_and_noise() -> None:
    speaker = await open_speaker("espeak")
    speech = await audio_of(speaker, SENTENCES[3])
    await speaker.close()
    silence = bytes(round(0.8 / FRAME_SECONDS) * 320 * SAMPLE_BYTES)
    async with detecting() as activity:
        before, during, after = await shares(activity, silence, speech, silence)
        assert before == 0
        assert during > 0.6
        assert after < 0.5
        activity.reset()
        assert await shares(activity, white_noise(500, 1.0)) == [0]
        (again,) = await shares(activity, speech)
        assert again > 0.6


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "nosuch_thing.TTS",
            r"livekit\.plugins\.nosuch_thing cannot be imported .*pip install livekit-plugins-nosuch-thing$",
        ),
        ("parrots.Parrot", r"has no TTS class 'Parrot'; there is NeedsAKey, OnTheWeb, Whistle$"),
        ("parrots.Meter", r"has no TTS class 'Meter'"),
        ("silero.VAD", r"has no TTS class 'VAD'; there is none at all$"),
        ("parrots.NeedsAKey", r"LiveKit's parrots\.NeedsAKey cannot be opened: api_key is required"),
        ("parrots", r"write livekit:MODULE\.CLASS"),
        ("", r"write livekit:MODULE\.CLASS"),
    ],
)
async def test_what_is_no_plugin_is_refused(path: str, message: str) -> None:
    with pytest.raises(VoiceError, match=message):
        await open_speaker(f"livekit:{path}")


def test_livekit_is_available_for_all_roles() -> None:
    roles: list[str] = ["speaker", "recogniser", "voice activity"]
    assert [role for role in roles if "livekit" in {each.name for each in available(role)}] == roles  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["open_speaker('livekit:openai.TTS')", "open_voice_activity('livekit:silero.VAD')"])
def test_where_livekit_is_missing_it_is_told_how_to_install_it(call: str, tmp_path: Path) -> None:
    (tmp_path / "livekit").mkdir()
    (tmp_path / "livekit" / "__init__.py").write_text("raise ImportError('it is not there')")
    program = OPENING.format(call=call)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.check_output([sys.executable, "-c", program], text=True, env=environment)
    assert "pip install 'genesis-lib[livekit]'" in told
    assert next(engine for engine in ENGINES if engine.name == "livekit").extra == "livekit"
