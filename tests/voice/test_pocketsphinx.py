"""PocketSphinx as Recogniser and VoiceActivity, hearing espeak-ng."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import SAMPLE_RATE
from genesis_lib.voice.persona import list_personas
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.open import open_recogniser, open_voice_activity
from genesis_lib.voice.speech.ports import Recogniser, VoiceStyle
from genesis_lib.voice.words import word_errors
from tests.voice.samples import SENTENCES, audio_of, decibels, errors_of, share_of_speech, white_noise

SILENCE = bytes(2 * SAMPLE_RATE * 2)
SHIPPED_VOICES = sorted({persona.voice.name for persona in list_personas().values()} | {"en-us+f2", "en-us+f5"})


@pytest.fixture
def speaker() -> EspeakSpeaker:
    return EspeakSpeaker()


@pytest.fixture
async def recogniser() -> AsyncIterator[Recogniser]:
    opened = await open_recogniser("pocketsphinx", SENTENCES)
    yield opened
    await opened.close()


@pytest.mark.parametrize("voice", ["en-us+f2", "en-us+f5"])
async def test_expected_sentences_are_understood(recogniser: Recogniser, speaker: EspeakSpeaker, voice: str) -> None:
    errors = await errors_of(recogniser, speaker, VoiceStyle(voice, 150))
    assert errors.rate <= 0.15, errors.edits


async def test_the_first_utterance_is_understood_like_later_ones(
    recogniser: Recogniser, speaker: EspeakSpeaker
) -> None:
    pcm = await audio_of(speaker, SENTENCES[1])
    first = (await recogniser.recognise(pcm)).text
    for voice in ("en-gb+m3", "en-us+f4"):
        await recogniser.recognise(await audio_of(speaker, SENTENCES[0], VoiceStyle(voice)))
    assert (await recogniser.recognise(pcm)).text == first


async def test_words_of_one_syllable_are_understood(speaker: EspeakSpeaker) -> None:
    recogniser = await open_recogniser("pocketsphinx", ["Yes.", "No.", "I am here."])
    assert [(await recogniser.recognise(await audio_of(speaker, word))).text for word in ("Yes.", "No.")] == [
        "yes",
        "no",
    ]
    await recogniser.close()


async def test_words_that_no_dictionary_has_are_understood(speaker: EspeakSpeaker) -> None:
    sentences = ["My Zentrofax is broken.", "Ask Quillibald about it.", "My kettle is here.", "日本"]
    recogniser = await open_recogniser("pocketsphinx", sentences)
    heard = [(await recogniser.recognise(await audio_of(speaker, sentence))).text for sentence in sentences[:3]]
    await recogniser.close()
    assert "zentrofax" in heard[0]
    assert "quillibald" in heard[1]
    assert "zentrofax" not in heard[2]


async def test_other_words_than_the_expected_do_not_come_out(recogniser: Recogniser, speaker: EspeakSpeaker) -> None:
    heard = await recogniser.recognise(await audio_of(speaker, "Elephants rarely dance beneath purple umbrellas."))
    assert word_errors("elephants rarely dance beneath purple umbrellas", heard.text).rate >= 1


async def test_without_sentences_the_general_model_hears(speaker: EspeakSpeaker) -> None:
    recogniser = await open_recogniser("pocketsphinx")
    heard = await recogniser.recognise(await audio_of(speaker, "I would like to order a new phone."))
    await recogniser.close()
    assert word_errors("I would like to order a new phone.", heard.text).rate <= 0.5


async def test_confidence_is_lower_for_what_was_not_expected(recogniser: Recogniser, speaker: EspeakSpeaker) -> None:
    expected = await recogniser.recognise(await audio_of(speaker, SENTENCES[1]))
    strange = await recogniser.recognise(await audio_of(speaker, "Elephants rarely dance beneath purple umbrellas."))
    assert 0 < strange.confidence < expected.confidence <= 1


@pytest.mark.parametrize("deviation", [0, 3, 30, 100, 300, 1000, 2000, 3000, 10_000])
async def test_silence_and_noise_are_no_words(recogniser: Recogniser, deviation: float) -> None:
    heard = [await recogniser.recognise(white_noise(deviation, seed=seed)) for seed in range(5)]
    assert [recognition.text for recognition in heard] == [""] * 5


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(640)])
async def test_next_to_nothing_is_no_words(recogniser: Recogniser, pcm: bytes) -> None:
    assert (await recogniser.recognise(pcm)).text == ""


async def test_who_gives_up_does_not_leave_its_answer_to_the_next(
    recogniser: Recogniser, speaker: EspeakSpeaker
) -> None:
    long, short = await audio_of(speaker, SENTENCES[0]), await audio_of(speaker, SENTENCES[3])
    given_up = asyncio.create_task(recogniser.recognise(long))
    await asyncio.sleep(0)
    given_up.cancel()
    assert (await recogniser.recognise(short)).text == "yes it is four seven one one"


def children() -> set[int]:
    """The process ids of this process's children."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                found.add(int(stat.parent.name))
    return found


async def test_a_process_that_died_is_an_error(speaker: EspeakSpeaker) -> None:
    before = children()
    recogniser = await open_recogniser("pocketsphinx", SENTENCES)
    (worker,) = children() - before
    os.kill(worker, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(VoiceError, match="open the recogniser again"):
            await recogniser.recognise(await audio_of(speaker, SENTENCES[0]))
    await recogniser.close()


async def test_closing_ends_the_process() -> None:
    before = children()
    recogniser = await open_recogniser("pocketsphinx", SENTENCES)
    assert children() - before
    await recogniser.close()
    await recogniser.close()
    assert children() <= before


@pytest.mark.parametrize("voice", SHIPPED_VOICES)
async def test_voice_activity_detects_every_shipped_voice(speaker: EspeakSpeaker, voice: str) -> None:
    activity = await open_voice_activity("pocketsphinx")
    for sentence in SENTENCES[:3]:
        pcm = await audio_of(speaker, sentence, VoiceStyle(voice))
        assert share_of_speech(activity, pcm) > 0.8
        assert share_of_speech(activity, SILENCE) < 0.4
        assert not activity.feed(SILENCE[:640])


@pytest.mark.parametrize("deviation", [0, 30, 100, 300, 1000])
async def test_voice_activity_takes_neither_silence_nor_noise_for_speech(deviation: float) -> None:
    noise = white_noise(deviation, seconds=5)
    assert decibels(noise) < -29
    assert share_of_speech(await open_voice_activity("pocketsphinx"), noise) == 0


async def test_voice_activity_forgets_on_reset(speaker: EspeakSpeaker) -> None:
    activity = await open_voice_activity("pocketsphinx")
    share_of_speech(activity, (await audio_of(speaker, SENTENCES[0]))[: SAMPLE_RATE * 2])
    assert activity.feed(bytes(640))
    activity.reset()
    assert not activity.feed(bytes(640))
