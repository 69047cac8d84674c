"""How much waits for one process that does not take it in."""

from __future__ import annotations

import asyncio

_ROOM_BYTES = 8 * 2**20
_LARGEST = 4  # messages of the largest size
_MESSAGES = 2**13


class Backlog:
    """Replies to one process that wait, on all its connections together: to open more of them gains nothing.

    Args:
        max_message_bytes: largest reply.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self.messages = 0
        self.bytes = 0
        self._most_bytes = _LARGEST * max_message_bytes
        self._shrunk = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Nothing more is to be executed for this process."""
        return self.messages >= _MESSAGES or self.bytes > self._most_bytes

    @property
    def takes_refusals(self) -> bool:
        """It may be told why; up to twice as much."""
        return self.messages < 2 * _MESSAGES and self.bytes < 2 * self._most_bytes

    def add(self, size: int) -> None:
        """One more message waits."""
        self.messages += 1
        self.bytes += size

    def remove(self, size: int) -> None:
        """One waits no more."""
        self.messages -= 1
        self.bytes -= size
        self._shrunk.set()

    async def room(self) -> None:
        """Wait until no more than 8 MiB wait."""
        while self.bytes > _ROOM_BYTES:
            self._shrunk.clear()
            await self._shrunk.wait()
