"""The memo: what it keeps, and what it does not."""

from __future__ import annotations

import pytest

from genesis_lib.memo import Memo


def test_a_small_result_is_computed_once() -> None:
    computed: list[str] = []

    def measure(text: str) -> int:
        computed.append(text)
        return len(text)

    memo = Memo(measure, lambda text: len(text) < 5)
    assert [memo[text] for text in ("abc", "abc", "abcdef", "abcdef")] == [3, 3, 6, 6]
    assert computed == ["abc", "abcdef", "abcdef"]


def test_it_stays_small_whatever_is_asked_for() -> None:
    memo: Memo[int, str] = Memo(str, lambda number: True)
    for number in range(10_000):
        assert memo[number] == str(number)
        assert len(memo) <= 1024


def test_what_cannot_be_computed_is_asked_for_anew() -> None:
    memo: Memo[str, int] = Memo(int, lambda text: True)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            memo["x"]
    assert not memo
