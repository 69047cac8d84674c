"""Results that are asked for again and again, kept in a bounded number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

_MOST = 1024


class Memo(dict[K, V]):
    """`memo[key]` is `compute(key)`, looked up where it is known. Cheaper than `functools.lru_cache`, and what is not small
    is not kept: who sends it decides what there is to keep.

    Args:
        compute: the function; what it raises comes through.
        is_small: whether a result for this key may be kept, 1024 of them at most.
    """

    def __init__(self, compute: Callable[[K], V], is_small: Callable[[K], bool]) -> None:
        super().__init__()
        self._compute = compute
        self._is_small = is_small

    def __missing__(self, key: K) -> V:
        value = self._compute(key)
        if self._is_small(key):
            if len(self) >= _MOST:
                self.clear()
            self[key] = value
        return value
