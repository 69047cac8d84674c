"""espeak-ng as a Speaker, and resampling."""

from __future__ import annotations

import asyncio
import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import SAMPLE_RATE, samples_in, seconds
from genesis_lib.voice.persona import list_personas
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.ports import VoiceStyle
from genesis_lib.voice.speech.pronunciation import arpabet
from genesis_lib.voice.speech.resampling import Resampler
from tests.voice.samples import SENTENCES, audio_of, decibels

TEXT = SENTENCES[0]
FAMILIES = ["", *(f"+f{number}" for number in range(1, 6)), *(f"+m{number}" for number in range(1, 8))]
VOICES = [language + variant for language in ("en-us", "en-gb") for variant in FAMILIES] + [
    "en-gb-scotland",
    "en-gb-x-rp",
]
PERSONAS = sorted({persona.voice.name for persona in list_personas().values()})


@pytest.fixture
def speaker() -> EspeakSpeaker:
    return EspeakSpeaker()


@pytest.mark.parametrize("voice", sorted({*VOICES, *PERSONAS}))
async def test_every_voice_is_loud_and_does_not_clip(speaker: EspeakSpeaker, voice: str) -> None:
    pcm = await audio_of(speaker, TEXT, VoiceStyle(voice))
    assert seconds(samples_in(pcm)) > 2
    assert decibels(pcm) > -30
    assert max(map(abs, array("h", pcm))) < 32767


async def test_voices_differ(speaker: EspeakSpeaker) -> None:
    audio = {voice: await audio_of(speaker, TEXT, VoiceStyle(voice)) for voice in ("en-us+f5", "en-us+m3", "en-gb")}
    assert len({samples_in(pcm) for pcm in audio.values()}) == len(audio)


async def test_pace_changes_how_long_it_takes(speaker: EspeakSpeaker) -> None:
    lengths = [samples_in(await audio_of(speaker, TEXT, VoiceStyle(words_per_minute=pace))) for pace in (110, 150, 180)]
    assert lengths[0] > 1.2 * lengths[1] > 1.2 * 1.1 * lengths[2]


async def test_volume_changes_loudness(speaker: EspeakSpeaker) -> None:
    loud, quiet = [decibels(await audio_of(speaker, TEXT, VoiceStyle(volume=volume))) for volume in (100, 30)]
    assert loud > quiet + 6


async def test_pitch_changes_the_audio_and_not_its_length(speaker: EspeakSpeaker) -> None:
    low, high = [await audio_of(speaker, TEXT, VoiceStyle(pitch=pitch)) for pitch in (20, 80)]
    assert low != high
    assert samples_in(low) == pytest.approx(samples_in(high), rel=0.05)


async def test_audio_comes_in_pieces(speaker: EspeakSpeaker) -> None:
    pieces = [piece async for piece in speaker.speak(TEXT, VoiceStyle())]
    assert len(pieces) > 10
    assert all(len(piece) % 2 == 0 for piece in pieces)


async def test_numbers_are_spoken_as_they_are_compared(speaker: EspeakSpeaker) -> None:
    digits, words = [samples_in(await audio_of(speaker, text)) for text in ("Order 4711.", "Order four seven one one.")]
    assert digits == pytest.approx(words, rel=0.01)


async def test_speakers_at_the_same_time_do_not_mix(speaker: EspeakSpeaker) -> None:
    styles = [VoiceStyle("en-us+f5", 120), VoiceStyle("en-gb+m3", 180), VoiceStyle("de", 150)]
    alone = [samples_in(await audio_of(speaker, TEXT, style)) for style in styles]
    together = await asyncio.gather(*(audio_of(EspeakSpeaker(), TEXT, style) for style in styles))
    assert [samples_in(pcm) for pcm in together] == pytest.approx(alone, rel=0.01)


async def test_who_stops_listening_leaves_the_engine_usable(speaker: EspeakSpeaker) -> None:
    whole = samples_in(await audio_of(speaker, TEXT))
    pieces = speaker.speak(TEXT * 50, VoiceStyle())
    assert await anext(pieces)
    await pieces.aclose()  # type: ignore[attr-defined]
    assert samples_in(await audio_of(speaker, TEXT)) == pytest.approx(whole, rel=0.01)


@pytest.mark.parametrize("text", ["", "   ", "\0", "..."])
async def test_text_without_words_is_nearly_silent(speaker: EspeakSpeaker, text: str) -> None:
    assert seconds(samples_in(await audio_of(speaker, text))) < 0.5


@pytest.mark.parametrize("text", ["a\0b", "<break/> [[h@l'oU]]", "naïve café 🙂", "\ud800 lone"])
async def test_any_text_can_be_spoken(speaker: EspeakSpeaker, text: str) -> None:
    assert decibels(await audio_of(speaker, text)) > -40


@pytest.mark.parametrize("voice", ["en-us+nobody", "xx-yy", "nobody", "+f5", "en-us+", "en-us+../f5"])
async def test_a_voice_that_is_not_there_is_an_error(speaker: EspeakSpeaker, voice: str) -> None:
    with pytest.raises(VoiceError) as raised:
        await audio_of(speaker, TEXT, VoiceStyle(voice))
    assert repr(voice) in str(raised.value)


async def test_voices_that_are_listed_can_be_spoken_with(speaker: EspeakSpeaker) -> None:
    assert {"en-us", "en-gb", "de"} <= set(speaker.voices())
    assert {"f1", "f5", "m3"} <= set(speaker.variants())
    assert decibels(await audio_of(speaker, TEXT, VoiceStyle(f"{speaker.voices()[0]}+{speaker.variants()[0]}"))) > -40


@pytest.mark.parametrize(
    ("word", "pronounced"),
    [("support", "S AH P AO R T"), ("kettle", "K EH T AH L"), ("goodbye", "G UH D B AY"), ("church", "CH ER CH")],
)
def test_pronunciations_are_those_of_a_dictionary(word: str, pronounced: str) -> None:
    assert arpabet(word) == pronounced


def tone(hertz: float, sample_rate: int) -> bytes:
    waves = (math.sin(2 * math.pi * hertz * sample / sample_rate) for sample in range(sample_rate))
    return array("h", (round(16000 * wave) for wave in waves)).tobytes()


TONE = tone(440, 22_050)


@given(st.lists(st.integers(0, len(TONE)), max_size=20))
def test_pieces_cut_anywhere_resample_like_the_whole(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(TONE)]
    pieced, whole = Resampler(22_050), Resampler(22_050)
    joined = b"".join([pieced.feed(TONE[start:end]) for start, end in pairwise(bounds)])
    assert joined + pieced.finish() == whole.feed(TONE) + whole.finish()


def test_silence_stays_silent() -> None:
    resampler = Resampler(24_000)
    assert not any(resampler.feed(bytes(48_000)) + resampler.finish())


def test_a_resampled_tone_has_no_clicks() -> None:
    resampler = Resampler(22_050)
    pieces = [resampler.feed(TONE[start : start + 2646]) for start in range(0, len(TONE), 2646)]
    samples = array("h", b"".join([*pieces, resampler.finish()]))
    assert len(samples) == pytest.approx(SAMPLE_RATE, abs=2)
    inner = samples[100:-100]
    steepest = 16000 * 2 * math.pi * 440 / SAMPLE_RATE
    assert max(abs(after - before) for before, after in pairwise(inner)) <= 1.02 * steepest
    assert max(map(abs, inner)) == pytest.approx(16000, rel=0.02)
