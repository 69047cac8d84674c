"""Keeps a program that sends faster than it can be refused from filling this process's memory."""

from __future__ import annotations

_CAUGHT_UP_SECONDS = 0.1
_LATE_SECONDS = 1.0
MOST_REFUSED_LATE = 2**14


class FloodGate:
    """Says which requests of one connection are worth reading.

    Reading a request to refuse it takes several times as long as dropping it. Where requests have lain here for over a
    second, and 16,384 more of these were refused than admitted, the next ones are dropped until the connection has caught
    up. Who waits for replies before it sends more never comes to that.
    """

    __slots__ = ("_late", "_refused")

    def __init__(self) -> None:
        self._late = False
        self._refused = 0

    def lets_in(self, delay: float) -> bool:
        """Whether to read a request that was so many seconds under way for longer than the quickest."""
        if delay < _CAUGHT_UP_SECONDS:
            self._late, self._refused = False, 0
            return True
        self._late = delay > _LATE_SECONDS
        return self._refused < MOST_REFUSED_LATE

    def refused(self) -> bool:
        """What was let in last was refused. Does the gate close with it?"""
        if not self._late:
            return False
        self._refused += 1
        return self._refused == MOST_REFUSED_LATE

    def admitted(self) -> None:
        """What was let in last was admitted."""
        if self._refused:
            self._refused -= 1
