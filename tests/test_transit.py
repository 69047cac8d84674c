"""How long samples were under way, by clocks that disagree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.rpc.transit import TransitTime

_OFFSET = 1e9  # the two clocks' difference


def test_the_quickest_is_the_measure() -> None:
    transit = TransitTime()
    assert transit.delay(_OFFSET + 0.0, 0.010) == 0
    assert transit.delay(_OFFSET + 1.0, 1.500) == pytest.approx(0.490)
    assert transit.delay(_OFFSET + 2.0, 2.001) == 0
    assert transit.delay(_OFFSET + 3.0, 3.011) == pytest.approx(0.010)


def test_a_standstill_shows_however_long_it_was() -> None:
    transit = TransitTime()
    transit.delay(_OFFSET, 0.0)
    assert transit.delay(_OFFSET + 1.0, 61.0) == pytest.approx(60)
    assert transit.delay(_OFFSET + 59.0, 61.0) == pytest.approx(2)
    assert transit.delay(_OFFSET + 62.0, 62.0) == pytest.approx(0)


def test_a_clock_that_was_set_back_is_the_measure_after_a_while() -> None:
    transit = TransitTime()
    transit.delay(_OFFSET, 0.0)
    delays = [transit.delay(_OFFSET - 3600 + second, float(second)) for second in range(1, 10)]
    assert delays[0] == pytest.approx(3600)
    assert delays[-1] == 0


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=50))
def test_no_delay_is_negative(samples: list[tuple[float, float]]) -> None:
    transit = TransitTime()
    assert all(transit.delay(sent, now) >= 0 for sent, now in samples)
