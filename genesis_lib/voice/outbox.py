"""Sends samples in order and never waits: what a throttled writer does not take now goes later."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from genesis_lib.dds.port import Writer

_MOST_WAITING = 256


class Outbox:
    """In front of a writer, and before there is one.

    Args:
        on_stuck: called when 256 samples wait, instead of keeping another one.
    """

    def __init__(self, on_stuck: Callable[[], None]) -> None:
        self._on_stuck = on_stuck
        self._writer: Writer | None = None
        self._waiting: deque[bytes] = deque()
        self._sending: asyncio.Task[None] | None = None

    def open(self, writer: Writer) -> None:
        """Send through this writer, which stays the caller's to close."""
        self._writer = writer
        self._send_waiting_soon()

    def send(self, payload: bytes) -> None:
        """Send now, or after those that wait."""
        if self._writer is not None and not self._waiting and self._writer.try_write(payload):
            return
        if len(self._waiting) == _MOST_WAITING:
            self._on_stuck()
            return
        self._waiting.append(payload)
        self._send_waiting_soon()

    async def flush(self) -> None:
        """Wait until everything is written."""
        if self._sending is not None:
            await self._sending

    def _send_waiting_soon(self) -> None:
        if self._writer is not None and self._waiting and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send_waiting(self._writer))

    async def _send_waiting(self, writer: Writer) -> None:
        while self._waiting:
            await writer.write(self._waiting[0])
            self._waiting.popleft()
