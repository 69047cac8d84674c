"""Frames and their time, on a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SECONDS, samples_in
from genesis_lib.voice.clock import FastClock, RealtimeClock
from genesis_lib.voice.pacing import Frames, Pacer, paced
from tests.voice.tones import pieces

BURST = 5


class Time:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@given(st.binary(max_size=5000), st.integers(1, 2000))
async def test_frames_are_the_audio_and_silence_behind_its_end(audio: bytes, size: int) -> None:
    audio = audio[: len(audio) // 2 * 2]
    frames = [frame async for frame in Frames(pieces(audio, size))]
    assert all(len(frame.data) == FRAME_BYTES for frame in frames)
    assert b"".join(frame.data for frame in frames)[: len(audio)] == audio
    assert sum(frame.samples for frame in frames) == samples_in(audio)
    assert not any(b"".join(frame.data for frame in frames)[len(audio) :])


async def test_audio_that_ends_within_a_sample_is_refused() -> None:
    with pytest.raises(VoiceError, match="16-bit"):
        [frame async for frame in Frames(pieces(b"abc"))]


async def test_no_audio_is_no_frame() -> None:
    assert not await Frames(pieces(b"")).begin()


# How long each frame takes to be ready, in frames.
works = st.lists(st.floats(0, 12), min_size=1, max_size=80)


@given(works)
def test_deadlines_are_absolute_and_bursts_are_bounded(works: list[float]) -> None:
    time = Time()
    pacer = Pacer(time, BURST)
    sent: list[float] = []
    slots: list[int] = []
    for work in works:
        time.seconds += work * FRAME_SECONDS
        ready = time.seconds
        slot = pacer.next_slot()
        time.seconds += pacer.seconds_until(slot)
        assert time.seconds >= pacer.deadline(slot) - 1e-9
        assert time.seconds == ready or abs(time.seconds - pacer.deadline(slot)) < 1e-9
        assert time.seconds - pacer.deadline(slot) <= (BURST + 1) * FRAME_SECONDS
        slots.append(slot)
        sent.append(time.seconds)
    assert slots == sorted(set(slots))
    for start in range(len(sent)):
        at_once = [moment for moment in sent[start:] if moment - sent[start] < 1e-9]
        assert len(at_once) <= BURST + 2


def test_a_late_frame_does_not_shift_those_after_it() -> None:
    time = Time()
    pacer = Pacer(time, BURST)
    assert pacer.next_slot() == 0
    time.seconds += 3.5 * FRAME_SECONDS
    assert [pacer.next_slot() for _ in range(4)] == [1, 2, 3, 4]
    assert pacer.seconds_until(3) == 0
    assert abs(pacer.seconds_until(4) - 0.5 * FRAME_SECONDS) < 1e-9


def test_after_a_long_stall_missed_slots_are_left_out() -> None:
    time = Time()
    pacer = Pacer(time, BURST)
    pacer.next_slot()
    time.seconds += 50.5 * FRAME_SECONDS
    assert pacer.next_slot() == 50
    assert pacer.seconds_until(pacer.next_slot()) > 0


async def test_a_fast_room_takes_frames_as_they_are_produced() -> None:
    paced_frames = [slot async for slot, _ in paced(Frames(pieces(bytes(10 * FRAME_BYTES))), None)]
    assert paced_frames == list(range(10))


def test_a_latecomer_moves_on_to_the_time_of_the_room() -> None:
    time = Time()
    first = RealtimeClock(time)
    time.seconds += 60
    late = RealtimeClock(time)
    late.reach(first.now)
    first.reach(0)
    assert late.now == first.now == 60 * 16_000
    time.seconds += 1
    assert late.now == first.now == 61 * 16_000


@given(st.lists(st.integers(-(2**53), 2**53)))
def test_no_clock_goes_back(heard: list[int]) -> None:
    for clock in (RealtimeClock(Time()), FastClock()):
        before = clock.now
        for media_time in heard:
            clock.reach(media_time)
            assert clock.now >= before
            assert clock.now - before <= 24 * 3600 * 16_000 + 1
            before = clock.now
