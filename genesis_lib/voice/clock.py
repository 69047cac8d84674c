"""The media time of a room: samples at 16 kHz since it began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from genesis_lib.voice.audio import samples, seconds

_LONGEST_STEP = samples(24 * 3600.0)


class RoomClock(Protocol):
    """The room's time as one participant has it. It never goes back."""

    @property
    def now(self) -> int:
        """The media time."""
        ...

    def reach(self, media_time: int) -> None:
        """It is at least this late in the room: somebody said so, or audio up to here was played."""
        ...


class RealtimeClock:
    """Time that passes by itself. It begins when this participant joins, and moves on to the time of whoever has been in the
    room for longer: as exact as the one way that this took.

    Args:
        seconds_now: a monotonic clock.
    """

    def __init__(self, seconds_now: Callable[[], float]) -> None:
        self._seconds_now = seconds_now
        self._origin = seconds_now()

    @property
    def now(self) -> int:
        """See RoomClock."""
        return samples(self._seconds_now() - self._origin)

    def reach(self, media_time: int) -> None:
        """See RoomClock. A step of more than a day is somebody's mistake."""
        ahead = media_time - self.now
        if 0 < ahead < _LONGEST_STEP:
            self._origin -= seconds(ahead)


class FastClock:
    """Time that passes with the audio: a conversation has the same times as it would have if it took them, and thinking
    takes none."""

    def __init__(self) -> None:
        self._now = 0

    @property
    def now(self) -> int:
        """See RoomClock."""
        return self._now

    def reach(self, media_time: int) -> None:
        """See RoomClock."""
        if media_time - self._now < _LONGEST_STEP:
            self._now = max(self._now, media_time)


class HeardClock:
    """The room's time as somebody outside can tell from what is heard: what came with the least delay is nearest to the
    truth.

    Args:
        seconds_now: a monotonic clock; one that stands still for a fast room.
    """

    def __init__(self, seconds_now: Callable[[], float]) -> None:
        self._seconds_now = seconds_now
        self._origin: float | None = None

    @property
    def now(self) -> int:
        """See RoomClock; 0 before anything was heard."""
        return 0 if self._origin is None else samples(self._seconds_now() - self._origin)

    def reach(self, media_time: int) -> None:
        """See RoomClock."""
        origin = self._seconds_now() - seconds(media_time)
        self._origin = origin if self._origin is None else min(self._origin, origin)
