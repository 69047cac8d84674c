"""What the library logs, for tests that wait for it."""

from __future__ import annotations

import asyncio
import logging

from tests.contract.recorder import PATIENCE_SECONDS


class LogWatch(logging.Handler):
    """The library's log messages, and somebody who waits for one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._changed = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self._changed.set()

    async def until(self, *words: str, count: int = 1) -> None:
        """Wait for this many messages that have all the words in them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(all(word in message for word in words) for message in self.messages) < count:
                self._changed.clear()
                await self._changed.wait()
