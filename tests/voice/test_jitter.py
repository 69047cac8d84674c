"""The jitter buffer, on networks that lose, delay, reorder and repeat."""

from __future__ import annotations

import random
from collections.abc import Iterable

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
    for time in range(count + delay + patience):
        while coming and coming[0][0] <= time:
            slot = coming.pop(0)[1]
            buffer.put(slot, frame(slot))
        played.append(buffer.pull())
        if time == count:
            buffer.end(count)
    assert buffer.finished
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


@given(st.lists(st.integers(0, 400), max_size=300))
def test_whatever_comes_it_holds_a_second_at_most(slots: list[int]) -> None:
    buffer = JitterBuffer(DELAY, RoomStatistics())
    last = -1
    for slot in slots:
        if buffer.put(slot, frame(slot)):
            assert slot > last
        played = buffer.pull()
        if played is not None:
            assert played.slot > last
            last = played.slot
        assert len(buffer._frames) <= CAPACITY_FRAMES


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


@given(fates)
def test_patience_ends(fates: list[tuple[bool, float, int]]) -> None:
    arrivals = [(slot + late, slot) for slot, (lost, late, _) in enumerate(fates) if not lost]
    played, statistics = play(len(fates), arrivals, patience=10)
    assert [each.slot for each in played if each is not None] == list(range(len(fates)))
    assert statistics.frames_awaited <= 10
    assert statistics.frames_concealed >= sum(lost for lost, _, _ in fates)


def test_what_comes_twice_is_played_once() -> None:
    _, statistics = play(3, [(0, 0), (0, 0), (1, 1), (2, 2)])
    assert statistics.frames_duplicated == 1


def test_a_gap_is_counted_once_however_long() -> None:
    _, statistics = play(10, [(slot, slot) for slot in (0, 1, 5, 6, 8, 9)])
    assert (statistics.frames_concealed, statistics.gaps) == (4, 2)


def test_after_a_stall_playout_jumps_to_what_is_newest() -> None:
    statistics = RoomStatistics()
    buffer = JitterBuffer(DELAY, statistics)
    for slot in range(100):
        buffer.put(slot, frame(slot))
    played = [buffer.pull() for _ in range(DELAY + 1)][-1]
    assert played is not None
    assert played.slot >= 100 - CAPACITY_FRAMES
    assert played.data == frame(played.slot)


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
