"""Speech by OpenAI-compatible endpoints, spoken to by the real client."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.settings import Settings, load_settings, resolve_settings
from genesis_lib.voice.audio import SAMPLE_RATE, samples_in
from genesis_lib.voice.speech.open import open_recogniser, open_speaker
from genesis_lib.voice.speech.ports import Recognition, VoiceStyle
from tests.voice.samples import audio_of, white_noise
from tests.voice.speech_server import SpeechServer

KEY = "sk-a-key-that-nobody-may-see"
TONE = array("h", (round(16000 * math.sin(2 * math.pi * 440 * i / 24_000)) for i in range(24_000))).tobytes()
UTTERANCE = white_noise(1000, seconds=0.5)


def settings_for(server: SpeechServer) -> Settings:
    return load_settings(openai_base_url=server.base_url, openai_api_key=KEY, model_timeout_seconds=10)


async def test_speech_is_streamed_and_resampled() -> None:
    async with SpeechServer(speech=TONE) as server:
        speaker = await open_speaker("openai", settings_for(server))
        pieces = [piece async for piece in speaker.speak("Hello there.", VoiceStyle(words_per_minute=180))]
        await speaker.close()
    assert server.requests == [
        {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello there.", "response_format": "pcm", "speed": 1.2}
    ]
    assert server.keys == [f"Bearer {KEY}"]
    pcm = b"".join(pieces)
    assert samples_in(pcm) == pytest.approx(SAMPLE_RATE, abs=2)
    steepest = 16000 * 2 * math.pi * 440 / SAMPLE_RATE
    assert max(abs(after - before) for before, after in pairwise(array("h", pcm)[100:-100])) <= 1.02 * steepest


@pytest.mark.parametrize(
    ("spec", "style", "model", "voice"),
    [
        ("openai", VoiceStyle("coral"), "gpt-4o-mini-tts", "coral"),
        ("openai:kokoro", VoiceStyle("af_heart"), "kokoro", "af_heart"),
        ("openai:tts-1:nova", VoiceStyle("en-us+f5"), "tts-1", "nova"),
    ],
)
async def test_model_and_voice_are_those_of_spec_and_style(
    spec: str, style: VoiceStyle, model: str, voice: str
) -> None:
    async with SpeechServer(speech=TONE) as server:
        speaker = await open_speaker(spec, settings_for(server))
        assert await audio_of(speaker, "Hello.", style)
        await speaker.close()
    assert [(request["model"], request["voice"]) for request in server.requests] == [(model, voice)]


async def test_an_utterance_is_uploaded_as_a_wave_file() -> None:
    async with SpeechServer(transcript=" Hello there.\n") as server:
        recogniser = await open_recogniser("openai:whisper-1", (), settings_for(server))
        assert await recogniser.recognise(UTTERANCE) == Recognition("Hello there.")
        await recogniser.close()
    assert server.uploads == [
        {"model": "whisper-1", "language": "en", "response_format": "json", "file": UTTERANCE},
    ]


@pytest.mark.parametrize("pcm", [b"", bytes(32_000), white_noise(3)])
async def test_silence_is_not_uploaded(pcm: bytes) -> None:
    async with SpeechServer(transcript="Thank you for watching.") as server:
        recogniser = await open_recogniser("openai", (), settings_for(server))
        assert (await recogniser.recognise(pcm)).text == ""
        await recogniser.close()
    assert server.uploads == []


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_refusal_names_endpoint_and_reason_but_not_the_key(status: int) -> None:
    async with SpeechServer(status=status) as server:
        speaker = await open_speaker("openai", settings_for(server))
        recogniser = await open_recogniser("openai", (), settings_for(server))
        with pytest.raises(VoiceError, match="this is what is wrong") as speaking:
            await audio_of(speaker, "Hello.")
        with pytest.raises(VoiceError, match="this is what is wrong") as hearing:
            await recogniser.recognise(UTTERANCE)
        await speaker.close()
        await recogniser.close()
        for raised in (speaking, hearing):
            assert server.base_url in str(raised.value)
            assert KEY not in str(raised.value)


async def test_speech_that_breaks_off_is_an_error() -> None:
    async with SpeechServer(speech=TONE * 20, cut=True) as server:
        speaker = await open_speaker("openai", settings_for(server))
        with pytest.raises(VoiceError, match=server.base_url):
            await audio_of(speaker, "Hello.")
        await speaker.close()


async def test_nobody_there_is_an_error() -> None:
    async with SpeechServer() as server:
        settings = settings_for(server)
    speaker = await open_speaker("openai", settings)
    with pytest.raises(VoiceError, match=r"127\.0\.0\.1"):
        await audio_of(speaker, "Hello.")
    await speaker.close()


async def test_neither_key_nor_endpoint_is_an_error() -> None:
    settings = resolve_settings({}).settings
    for opening in (open_speaker("openai", settings), open_recogniser("openai", (), settings)):
        with pytest.raises(VoiceError, match="OPENAI_BASE_URL"):
            await opening
