"""The jitter buffer, on networks that lose, delay, reorder and repeat."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SECONDS, SILENCE
from genesis_lib.voice.jitter import CAPACITY_FRAMES, JitterBuffer, Played
from genesis_lib.voice.statistics import RoomStatistics

DELAY = 5


def frame(slot: int) -> bytes:
    return (slot + 1).to_bytes(2, "little") * (FRAME_BYTES // 2)


def play(
    count: int, arrivals: Iterable[tuple[float, int]], delay: int = DELAY, patience: int = 0
) -> tuple[list[Played | None], RoomStatistics]:
    """Play an utterance of so many frames. `arrivals` are (time in frames, slot)."""
    statistics = RoomStatistics()
    buffer = JitterBuffer(delay, statistics, patience)
    coming = sorted(arrivals)
    played: list[Played | None] = []
    while not buffer.finished:
        while coming and coming[0][0] <= len(played):
            slot = coming.pop(0)[1]
            buffer.put(slot, frame(slot))
        if len(played) >= count:
            buffer.end(count)
        played.append(buffer.pull())
    return played, statistics


# Each frame: whether it is lost, how late it comes, in frames, and how often.
fates = st.lists(st.tuples(st.booleans(), st.floats(0, 12), st.integers(1, 3)), min_size=1, max_size=120)


@given(fates)
def test_every_slot_is_played_once_in_order_with_its_frame_or_silence(fates: list[tuple[bool, float, int]]) -> None:
    arrivals = [(slot + late, slot) for slot, (lost, late, times) in enumerate(fates) if not lost for _ in range(times)]
    played, statistics = play(len(fates), arrivals)
    assert played[:DELAY] == [None] * DELAY
    heard = [each for each in played[DELAY:] if each is not None]
    assert [each.slot for each in heard] == list(range(len(fates)))
    in_time = {slot for slot, (lost, late, _) in enumerate(fates) if not lost and late <= DELAY}
    assert [each.data for each in heard] == [frame(slot) if slot in in_time else SILENCE for slot in range(len(fates))]
    assert statistics.frames_concealed == len(fates) - len(in_time)


@given(st.lists(st.integers(0, 1000), max_size=300))
def test_whatever_comes_it_holds_so_much_at_most(slots: list[int]) -> None:
    buffer = JitterBuffer(DELAY, RoomStatistics(), capacity_frames=50)
    last = -1
    for slot in slots:
        if buffer.put(slot, frame(slot)):
            assert slot > last
        played = buffer.pull()
        if played is not None:
            assert played.slot > last
            last = played.slot
        assert len(buffer._frames) <= 50


# Batches of frames, the slots left out before each of them, and how many pulls follow on each batch.
batches = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 80), st.integers(0, 60)), max_size=12)


@given(batches)
def test_nothing_that_has_come_in_order_is_left_out(batches: list[tuple[int, int, int]]) -> None:
    """However many pulls are made in a row, and however much comes in between. As many frames as fit come at a time."""
    statistics = RoomStatistics()
    buffer = JitterBuffer(DELAY, statistics, patience_frames=60 * 12)
    sent: list[int] = []
    slot = 0
    played: list[Played] = []
    for left_out, size, pulls in batches:
        slot += left_out
        for _ in range(size):
            if len(buffer._frames) < CAPACITY_FRAMES:
                assert buffer.put(slot, frame(slot))
                sent.append(slot)
                slot += 1
        played += [each for each in (buffer.pull() for _ in range(pulls)) if each is not None]
    while buffer.holds_frames:
        if (each := buffer.pull()) is not None:
            played.append(each)
    assert [each for each in played if each.data != SILENCE] == [Played(each, frame(each)) for each in sent]
    assert statistics.frames_late == 0
    if sent:
        assert statistics.frames_concealed == sent[-1] + 1 - len(sent)


def test_five_percent_loss_and_a_jitter_of_100_ms_cost_what_was_lost_and_no_more() -> None:
    network = random.Random(1)
    count = 3000
    sent = [(slot + network.uniform(0, 0.1) / FRAME_SECONDS, slot) for slot in range(count) if network.random() >= 0.05]
    played, statistics = play(count, sent)
    assert len(played) == count + DELAY
    assert statistics.frames_concealed == count - len(sent)
    assert statistics.frames_late == 0


@given(st.lists(st.floats(0, 40), min_size=1, max_size=120))
def test_nothing_is_left_out_that_comes_in_order_while_playout_is_patient(delays: list[float]) -> None:
    """As on a network that repeats what it lost: a late frame holds back those behind it."""
    arrivals = [(max(slot + late for slot, late in enumerate(delays[: each + 1])), each) for each in range(len(delays))]
    played, statistics = play(len(delays), arrivals, patience=40)
    assert [each.data for each in played if each is not None] == [frame(slot) for slot in range(len(delays))]
    assert (statistics.frames_concealed, statistics.frames_late) == (0, 0)


def test_patience_is_there_again_when_something_was_played() -> None:
    """Each frame is as late as playout waits, since each is sent when the one before it should have been played."""
    arrivals = [(DELAY + slot * 10.0, slot) for slot in range(20)]
    played, statistics = play(len(arrivals), arrivals, patience=10)
    assert [each.data for each in played if each is not None] == [frame(slot) for slot in range(20)]
    assert (statistics.frames_concealed, statistics.frames_late) == (0, 0)


@given(fates)
def test_patience_ends(fates: list[tuple[bool, float, int]]) -> None:
    arrivals = [(slot + late, slot) for slot, (lost, late, _) in enumerate(fates) if not lost]
    played, statistics = play(len(fates), arrivals, patience=4)
    assert [each.slot for each in played if each is not None] == list(range(len(fates)))
    waits = [len(list(group)) for waiting, group in groupby(played[DELAY:], lambda each: each is None) if waiting]
    assert max(waits, default=0) <= 4
    assert statistics.frames_awaited == sum(waits)
    assert statistics.frames_concealed >= sum(lost for lost, _, _ in fates)


def test_what_comes_twice_is_played_once() -> None:
    _, statistics = play(3, [(0, 0), (0, 0), (1, 1), (2, 2)])
    assert statistics.frames_duplicated == 1


def test_a_gap_is_counted_once_however_long() -> None:
    _, statistics = play(10, [(slot, slot) for slot in (0, 1, 5, 6, 8, 9)])
    assert (statistics.frames_concealed, statistics.gaps) == (4, 2)


def test_playout_jumps_over_what_is_missing_where_it_is_much() -> None:
    statistics = RoomStatistics()
    buffer = JitterBuffer(0, statistics)
    for slot in (0, 2, 1000):
        assert buffer.put(slot, frame(slot))
    played = [buffer.pull() for _ in range(4)]
    assert played == [Played(0, frame(0)), Played(1, SILENCE), Played(2, frame(2)), Played(1000, frame(1000))]
    assert (statistics.frames_concealed, statistics.gaps) == (1 + 997, 2)
    assert statistics.frames_late == 0


def test_audio_is_left_out_only_where_there_is_more_of_it_than_fits() -> None:
    statistics = RoomStatistics()
    buffer = JitterBuffer(0, statistics)
    for slot in range(CAPACITY_FRAMES + 10):
        assert buffer.put(slot, frame(slot))
    played = [buffer.pull() for _ in range(CAPACITY_FRAMES)]
    assert played == [Played(slot, frame(slot)) for slot in range(10, CAPACITY_FRAMES + 10)]
    assert statistics.frames_late == 10


def test_jitter_is_that_of_rfc_3550() -> None:
    statistics = RoomStatistics()
    for number, arrived in enumerate((0.0, 0.036, 0.040)):
        statistics.arrived("a", arrived, number * 320)
    first = 0.016 / 16
    assert abs(statistics.jitter_seconds - (first + (0.016 - first) / 16)) < 1e-12


def test_the_pause_between_utterances_is_no_jitter() -> None:
    statistics = RoomStatistics()
    statistics.arrived("a", 0.0, 0)
    statistics.paused("a")
    statistics.arrived("a", 60.0, 320)
    assert statistics.jitter_seconds == 0
