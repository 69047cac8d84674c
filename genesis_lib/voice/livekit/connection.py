"""The connection to a LiveKit room: whether it holds, and when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from livekit import rtc

_RECONNECTING_SECONDS: Final = 10.0


class Connection:
    """Watches the connection to a room. It is lost when the room is disconnected, or could not be reconnected for 10 s.

    Args:
        room: entered, or not yet.
        on_lost: called when the connection is lost, and maybe again.
    """

    def __init__(self, room: rtc.Room, on_lost: Callable[[], None]) -> None:
        self._room = room
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._giving_up: asyncio.TimerHandle | None = None
        room.on("reconnecting", self._on_reconnecting)
        room.on("reconnected", self._on_reconnected)
        room.on("disconnected", lambda *_: on_lost())

    @property
    def holds(self) -> bool:
        """Whether the room is connected, and not being reconnected."""
        return self._giving_up is None and self._room.isconnected()

    def _on_reconnecting(self) -> None:
        if self._giving_up is None:
            self._giving_up = self._loop.call_later(_RECONNECTING_SECONDS, self._on_lost)

    def _on_reconnected(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
