"""One timer for many deadlines, since a timer of its own is a good part of what a short call costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class ExpiryTimer:
    """Fires when the earliest deadline has come, no later and at most once more for each that was met before.

    Args:
        loop: whose clock the deadlines are on.
        sweep: called with the current time; ends what has expired and returns the earliest deadline that is left.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sweep: Callable[[float], float | None]) -> None:
        self._loop = loop
        self._sweep = sweep
        self._when = float("inf")
        self._handle: asyncio.TimerHandle | None = None

    def cover(self, deadline: float) -> None:
        """Make sure that the timer fires by this deadline."""
        if deadline < self._when:
            self.cancel()
            self._when = deadline
            self._handle = self._loop.call_at(deadline, self._fire)

    def cancel(self) -> None:
        """Fire no more."""
        if self._handle is not None:
            self._handle.cancel()
        self._when = float("inf")

    def _fire(self) -> None:
        self._when = float("inf")
        left = self._sweep(self._loop.time())
        if left is not None:
            self.cover(left)
