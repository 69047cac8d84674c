"""Speakers and listeners that stand still for a while: what is heard all the same. On clocks that the tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesis_lib.dds.port import Participant
from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_BYTES, SILENCE, samples_in
from genesis_lib.voice.hearing import (
    DELAY_FRAMES,
    PATIENCE_FRAMES,
    ControlledEar,
    HeardUtterance,
    Hearing,
    Progress,
)
from genesis_lib.voice.livekit.dds_audio import RoomEar
from genesis_lib.voice.messages import VoiceFrame
from genesis_lib.voice.pacing import Pacer
from genesis_lib.voice.room import Sound, VoiceRoom
from genesis_lib.voice.sounds import Sounds
from genesis_lib.voice.statistics import RoomStatistics
from genesis_lib.voice.voice_only import Loudness, VoiceOnlyEar
from tests.voice.tones import tone

SPEAKER = "ben"
BEGAN = 16_000
AUDIO = tone(300, 3.0)
COUNT = len(AUDIO) // FRAME_BYTES
LONGEST_STALL = PATIENCE_FRAMES * FRAME_SECONDS
simulated = settings(deadline=None, max_examples=50)


class Time:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def stalls(most_seconds: float) -> st.SearchStrategy[dict[int, float]]:
    """Before which slot somebody stands still, and for how long: a second lies between two stalls."""
    lengths = st.lists(st.floats(0, most_seconds), min_size=3, max_size=3)
    return st.builds(
        lambda first, each: dict(zip(range(first, COUNT, 50), each, strict=False)), st.integers(0, 49), lengths
    )


def moments(count: int, most_in_a_burst: int, stalls: dict[int, float]) -> Iterator[tuple[int, float]]:
    """The slots that a process gets that stands still meanwhile, and when."""
    time = Time()
    pacer = Pacer(time, most_in_a_burst)
    for number in range(count):
        time.seconds += stalls.get(number, 0.0)
        slot = pacer.next_slot()
        time.seconds += pacer.seconds_until(slot)
        yield slot, time.seconds


@dataclass
class Heard:
    """What an ear tells."""

    statistics: RoomStatistics = field(default_factory=RoomStatistics)
    sounds: Sounds = field(default_factory=Sounds)
    utterances: list[HeardUtterance] = field(default_factory=list)
    played: list[Progress] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def hearing(self) -> Hearing:
        return Hearing(self._on_played, lambda speaker: None, self._on_heard)

    def _on_played(self, progress: Progress) -> None:
        self.played.append(progress)
        self.sounds.played(progress)

    def _on_heard(self, utterance: HeardUtterance) -> None:
        self.utterances.append(utterance)
        self.complete.set()
        self.sounds.ended()


class Listening:
    """An ear that takes what comes and ticks as a room's does. With `late`, what comes during a stall is taken only after
    the ticks that follow on it at once."""

    def __init__(self, ear: ControlledEar | VoiceOnlyEar, heard: Heard, *, late: bool) -> None:
        self._ear = ear
        self._heard = heard
        self._late = late
        self.ticks = 0

    def hear(self, audio: bytes, of_speaker: dict[int, float], of_listener: dict[int, float]) -> None:
        """Everything, to the end of the utterance and a second after it."""
        frames = [audio[start : start + FRAME_BYTES] for start in range(0, len(audio), FRAME_BYTES)]
        coming = list(enumerate(moments(len(frames), PATIENCE_FRAMES, of_speaker)))
        known, before = 0.0, 0.0
        for _, now in moments(len(frames) + 200, DELAY_FRAMES, of_listener):
            known = known if self._late and now == before else before if self._late else now
            before = now
            while coming and coming[0][1][1] <= known:
                number, (slot, _) = coming.pop(0)
                self._take(VoiceFrame("desk", SPEAKER, 1, number, BEGAN + slot * FRAME_SAMPLES, frames[number]))
                if not coming:
                    self._end(BEGAN + (slot + 1) * FRAME_SAMPLES)
            self._ear.tick()
            self._heard.sounds.tick(0)
            self.ticks += 1

    def _take(self, frame: VoiceFrame) -> None:
        if isinstance(self._ear, ControlledEar) and frame.sequence == 0:
            self._ear.start(1, BEGAN)
        self._ear.take(frame)

    def _end(self, media_time: int) -> None:
        if isinstance(self._ear, ControlledEar):
            self._ear.end(1, media_time, interrupted=False)


def heard_with_controls(of_speaker: dict[int, float], of_listener: dict[int, float], *, late: bool = False) -> Heard:
    heard = Heard()
    ear = ControlledEar(SPEAKER, fast=False, statistics=heard.statistics, hearing=heard.hearing)
    Listening(ear, heard, late=late).hear(AUDIO, of_speaker, of_listener)
    return heard


def assert_heard_whole(heard: Heard) -> None:
    (utterance,) = heard.utterances
    assert utterance.pcm == AUDIO
    assert b"".join(each.data for each in heard.played) == AUDIO
    assert (heard.statistics.frames_concealed, heard.statistics.frames_late) == (0, 0)


@simulated
@given(stalls(LONGEST_STALL))
async def test_what_a_speaker_says_that_stands_still_is_heard_whole(of_speaker: dict[int, float]) -> None:
    assert_heard_whole(heard_with_controls(of_speaker, {}))


@simulated
@given(stalls(LONGEST_STALL), st.booleans())
async def test_who_stands_still_hears_all_of_it(of_listener: dict[int, float], late: bool) -> None:
    assert_heard_whole(heard_with_controls({}, of_listener, late=late))


@simulated
@given(stalls(0.6), stalls(0.6), st.booleans())
async def test_both_stand_still(of_speaker: dict[int, float], of_listener: dict[int, float], late: bool) -> None:
    assert_heard_whole(heard_with_controls(of_speaker, of_listener, late=late))


async def test_a_stall_is_made_up_for_within_the_utterance() -> None:
    """Behind by no more than the delay at its end, so that stalls do not add up, nor an answer takes longer."""
    heard = Heard()
    ear = ControlledEar(SPEAKER, fast=False, statistics=heard.statistics, hearing=heard.hearing)
    ear.start(1, BEGAN)
    for slot in range(COUNT):
        ear.take(VoiceFrame("desk", SPEAKER, 1, slot, BEGAN + slot * FRAME_SAMPLES, bytes(FRAME_BYTES)))
        if slot >= PATIENCE_FRAMES:
            ear.tick()
    ear.end(1, BEGAN + COUNT * FRAME_SAMPLES, interrupted=False)
    assert heard.utterances == []
    for _ in range(DELAY_FRAMES):
        ear.tick()
    assert len(heard.utterances) == 1


async def test_a_stall_that_is_longer_leaves_silence_as_long_as_it_was() -> None:
    heard = heard_with_controls({50: 1.5}, {})
    (utterance,) = heard.utterances
    skipped = samples_in(utterance.pcm) // FRAME_SAMPLES - COUNT
    assert skipped * FRAME_SECONDS == pytest.approx(1.5, abs=2 * FRAME_SECONDS)
    before = 50 * FRAME_BYTES
    assert utterance.pcm[:before] == AUDIO[:before]
    assert not any(utterance.pcm[before : before + skipped * FRAME_BYTES])
    assert utterance.pcm[before + skipped * FRAME_BYTES :] == AUDIO[before:]


SPOKEN = SILENCE * 20 + tone(300, 1.0) + SILENCE * 60
AS_HEARD = SILENCE * 10 + tone(300, 1.0)


@simulated
@given(stalls(LONGEST_STALL), stalls(LONGEST_STALL), st.sampled_from(["speaker", "listener"]), st.booleans())
async def test_a_voice_without_controls_is_heard_whole(
    of_speaker: dict[int, float], of_listener: dict[int, float], who: str, late: bool
) -> None:
    heard = Heard()
    ear = VoiceOnlyEar(SPEAKER, Loudness(), fast=False, statistics=heard.statistics, hearing=heard.hearing)
    listening = Listening(ear, heard, late=late)
    listening.hear(SPOKEN, of_speaker if who == "speaker" else {}, of_listener if who == "listener" else {})
    (utterance,) = heard.utterances
    assert utterance.pcm == AS_HEARD
    assert utterance.start == BEGAN + 10 * FRAME_SAMPLES


async def test_a_voice_without_controls_that_breaks_off_has_ended_when_patience_has() -> None:
    heard = Heard()
    ear = VoiceOnlyEar(SPEAKER, Loudness(), fast=False, statistics=heard.statistics, hearing=heard.hearing)
    for slot in range(20):
        ear.take(VoiceFrame("desk", SPEAKER, 0, slot, slot * FRAME_SAMPLES, AUDIO[:FRAME_BYTES]))
    for _ in range(20 + DELAY_FRAMES + PATIENCE_FRAMES):
        ear.tick()
    assert [utterance.pcm for utterance in heard.utterances] == [AUDIO[:FRAME_BYTES] * 20]
    ear.take(VoiceFrame("desk", SPEAKER, 0, 20, 160_000, AUDIO[:FRAME_BYTES]))
    for _ in range(DELAY_FRAMES + PATIENCE_FRAMES + 2):
        ear.tick()
    assert [utterance.start for utterance in heard.utterances] == [0, 160_000]


async def test_a_fast_room_hears_what_comes_all_at_once() -> None:
    heard = Heard()
    ear = ControlledEar(SPEAKER, fast=True, statistics=heard.statistics, hearing=heard.hearing)
    for slot in range(COUNT):
        data = AUDIO[slot * FRAME_BYTES : (slot + 1) * FRAME_BYTES]
        ear.take(VoiceFrame("desk", SPEAKER, 1, slot, BEGAN + slot * FRAME_SAMPLES, data))
        if slot == 100:
            ear.start(1, BEGAN)
    ear.end(1, BEGAN + COUNT * FRAME_SAMPLES, interrupted=False)
    await heard.complete.wait()
    assert_heard_whole(heard)


class FedRoom(VoiceRoom):
    """Its sounds are the test's."""

    fed: Sounds

    def sounds(self) -> AsyncIterator[Sound]:
        return self.fed


@pytest.mark.parametrize("dry", [2, 6, 12, PATIENCE_FRAMES - DELAY_FRAMES])
async def test_a_session_hears_no_silence_where_playout_stands_still(participant: Participant, dry: int) -> None:
    heard = heard_with_controls({60: (DELAY_FRAMES + dry) * FRAME_SECONDS}, {})
    assert heard.statistics.frames_awaited > 0
    heard.sounds.close()
    room = FedRoom(participant, "desk", "anna", "Anna")
    room.fed = heard.sounds
    pcm = b"".join([bytes(frame.data) async for frame in RoomEar(room)])
    start = pcm.index(AUDIO[:FRAME_BYTES])
    assert pcm[start : start + len(AUDIO)] == AUDIO
    assert not any(pcm[:start])
    after = pcm[start + len(AUDIO) :]
    assert not any(after)
    assert len(after) > 30 * FRAME_SAMPLES * SAMPLE_BYTES
