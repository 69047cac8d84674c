"""Where the pieces of a track are put in a recording."""

from __future__ import annotations

from itertools import pairwise

from genesis_lib.voice.audio import FRAME_SAMPLES, samples
from genesis_lib.voice.livekit.placing import Placing

SECOND = samples(1.0)


def placed(placing: Placing, arrivals: list[int]) -> list[int | None]:
    return [placing.of(arrived, FRAME_SAMPLES) for arrived in arrivals]


def on_time(begin: int, end: int) -> list[int]:
    """When pieces arrive that come as they are made, in samples."""
    return list(range(begin + FRAME_SAMPLES, end + 1, FRAME_SAMPLES))


def test_nothing_is_lost_when_the_recorder_stands_still() -> None:
    """All that waited comes at once, and a little later as ever."""
    made = on_time(0, 6 * SECOND)
    stall = [max(arrived, 4 * SECOND) if arrived > 2 * SECOND else arrived for arrived in made]
    assert placed(Placing(), stall) == [arrived - FRAME_SAMPLES for arrived in made]


def test_nothing_is_lost_when_it_stands_still_again_before_it_has_caught_up() -> None:
    made = on_time(0, 6 * SECOND)
    half_way = [4 * SECOND if arrived <= 3 * SECOND else 4 * SECOND + samples(0.4) for arrived in made]
    stalls = [
        arrived if arrived <= 2 * SECOND else max(arrived, late) for arrived, late in zip(made, half_way, strict=True)
    ]
    assert placed(Placing(), stalls) == [arrived - FRAME_SAMPLES for arrived in made]


def test_after_a_gap_pieces_are_where_they_arrive() -> None:
    placing = Placing()
    before = placed(placing, on_time(0, SECOND))
    after = placed(placing, on_time(3 * SECOND, 5 * SECOND))
    assert after[-1] == 5 * SECOND - FRAME_SAMPLES
    at = [*before, *after]
    assert None not in at
    assert all(one is not None and other is not None and other - one >= FRAME_SAMPLES for one, other in pairwise(at))


def test_what_comes_faster_than_it_can_be_made_is_left_out() -> None:
    at = [each for each in placed(Placing(), [SECOND] * 100) if each is not None]
    assert at[-1] < SECOND + samples(0.2)
    assert at[0] == SECOND - FRAME_SAMPLES
