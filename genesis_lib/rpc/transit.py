"""How long requests were under way, though the clocks of two hosts disagree."""

from __future__ import annotations

_LATE_SECONDS = 0.1
_CLOCK_CHANGED_SECONDS = 5.0


class TransitTime:
    """Measures one caller's samples against the quickest of them.

    The difference between the caller's clock at sending and one's own at receiving is the clocks' own difference and the
    way. The least of it is taken for no way at all, so what lay in a socket or a reader while this process stood still
    shows. Samples that are late for 5 s without end mean that a clock was set, or that the way became longer for good.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._late_since: float | None = None

    def delay(self, sent: float, now: float) -> float:
        """Seconds that a sample was under way for longer than the quickest.

        Args:
            sent: seconds on the caller's clock.
            now: seconds on one's own.
        """
        difference = now - sent
        if self._least is None or difference <= self._least:
            self._least, self._late_since = difference, None
            return 0.0
        delay = difference - self._least
        if delay < _LATE_SECONDS:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        elif now - self._late_since > _CLOCK_CHANGED_SECONDS:
            self._least, self._late_since = difference, None
            return 0.0
        return delay
