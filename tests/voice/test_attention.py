"""Whom a room's ears are for, and who is told what they hear. Without any room."""

from __future__ import annotations

import asyncio

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.attention import Attention
from genesis_lib.voice.audio import FRAME_SAMPLES, SILENCE, samples
from genesis_lib.voice.ears import Ears
from genesis_lib.voice.hearing import HeardUtterance, Hearing, Progress
from genesis_lib.voice.messages import VoiceFrame
from genesis_lib.voice.statistics import RoomStatistics
from genesis_lib.voice.voice_only import Loudness
from tests.voice.tones import tone

MOST_UNFETCHED = 16


@pytest.fixture
async def statistics() -> RoomStatistics:
    return RoomStatistics()


@pytest.fixture
async def attention(statistics: RoomStatistics) -> Attention:
    return Attention(statistics)


@pytest.fixture
async def ears(statistics: RoomStatistics, attention: Attention) -> Ears:
    hearing = Hearing(attention.played, lambda speaker: None, attention.heard)
    return Ears(Loudness(), fast=False, statistics=statistics, hearing=hearing)


def frame(who: str, slot: int = 0) -> VoiceFrame:
    return VoiceFrame("desk", who, 1, slot, slot * FRAME_SAMPLES, tone(300, 0.02))


def utterance(number: int, pcm: bytes = SILENCE) -> HeardUtterance:
    return HeardUtterance("ben", number, 0, FRAME_SAMPLES, pcm, interrupted=False, ended_by="control")


def progress(who: str, start: int, position: int) -> Progress:
    return Progress(who, 1, start, position, SILENCE, tell=False)


async def test_of_those_who_send_no_controls_one_is_heard(ears: Ears) -> None:
    assert ears.take(frame("phone"))
    assert not ears.take(frame("phone", 1))
    assert not ears.take(frame("other phone"))
    assert ears.hears_by_voice("phone")
    assert not ears.hears_by_voice("other phone")
    assert ears.controlled("phone") is None
    ears.drop("phone")
    assert ears.controlled("phone") is not None
    assert ears.take(frame("other phone"))


async def test_a_room_has_so_many_ears(ears: Ears) -> None:
    assert all(ears.controlled(str(number)) for number in range(16))
    assert ears.controlled("one more") is None
    assert ears.controlled("0") is not None


async def test_whoever_is_held_is_held_in_the_utterance_that_it_started_last(ears: Ears) -> None:
    ear = ears.controlled("ben")
    assert ear is not None
    ear.start(3, 0)
    assert ears.hold("ben") == 3
    assert ears.hold("nobody") == 0


async def test_what_ears_hear_is_fetched(ears: Ears, attention: Attention) -> None:
    ear = ears.controlled("ben")
    assert ear is not None
    ear.start(1, 0)
    for slot in range(10):
        ears.take(frame("ben", slot))
    ear.end(1, 10 * FRAME_SAMPLES, interrupted=False)
    speech = asyncio.create_task(attention.wait_for_speech(0.1))
    await asyncio.sleep(0)  # it waits from now on
    for _ in range(20):
        ears.tick()
    assert (await anext(attention.utterances())).pcm == tone(300, 0.02) * 10
    assert await speech == "ben"


async def test_who_waits_for_speech_is_told_when_it_has_lasted_so_long(attention: Attention) -> None:
    attention.played(progress("ben", 0, samples(0.3)))
    late, in_time = (asyncio.create_task(attention.wait_for_speech(seconds)) for seconds in (0.2, 0.4))
    await asyncio.sleep(0)  # they wait from now on
    attention.played(progress("ben", 0, samples(0.4)))
    assert await in_time == "ben"
    assert not late.done()
    attention.forget("ben")
    attention.played(progress("ben", 0, samples(0.42)))
    assert await late == "ben"


async def test_what_nobody_fetches_is_counted(attention: Attention, statistics: RoomStatistics) -> None:
    for number in range(MOST_UNFETCHED + 3):
        attention.heard(utterance(number))
    attention.end("enough")
    assert [each.utterance_id async for each in attention.utterances()] == list(range(3, MOST_UNFETCHED + 3))
    assert statistics.utterances_dropped == 3


async def test_the_end_is_told_to_all_who_wait(attention: Attention) -> None:
    sounds = attention.sounds()
    speech = asyncio.create_task(attention.wait_for_speech(1))
    await asyncio.sleep(0)  # it waits from now on
    attention.tick(0)
    attention.end("enough")
    attention.tick(FRAME_SAMPLES)
    assert [sound.media_time async for sound in sounds] == [0]
    assert [each async for each in attention.sounds()] == []
    for waiting in (speech, attention.wait_for_speech(1)):
        with pytest.raises(VoiceError, match="nobody will speak any more: enough"):
            await waiting
