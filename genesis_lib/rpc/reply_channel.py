"""The way back to one client: a reply writer for its inbox, and what waits for it to match or to be free again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

from genesis_lib.dds.port import Match, Participant, TopicSpec, Writer

_ROOM_BYTES = 8 * 2**20


class ReplyChannel:
    """Replies to one inbox, in order. Sending never waits: what cannot be written now is kept.

    `backlog_bytes` is the size of what is kept. Its bounds are that a client with a backlog gets nothing more executed, and
    that streams wait for `room`.
    """

    def __init__(self, topic: TopicSpec, inbox: bytes) -> None:
        self._topic = topic
        self._inbox = inbox
        self._backlog: deque[bytes] = deque()
        self.backlog_bytes = 0
        self._writer: Writer | None = None
        self._readers = 0
        self._shrunk = asyncio.Event()
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self, participant: Participant) -> Self:
        """Create the writer; replies wait until the inbox's reader has matched it."""
        writer = await participant.create_writer(self._topic, partition=self._inbox.hex(), on_match=self._on_reader)
        if self._closed:
            await writer.close()
        else:
            self._writer = writer
            self._flush()
        return self

    @property
    def backlog_messages(self) -> int:
        """The number of what is kept."""
        return len(self._backlog)

    def send(self, payload: bytes) -> None:
        """Write the payload, or keep it until that is possible."""
        if self._closed:
            return
        if self._readers and self._writer is not None and not self._backlog and self._writer.try_write(payload):
            return
        self._backlog.append(payload)
        self.backlog_bytes += len(payload)
        self._flush()

    async def room(self) -> None:
        """Wait until no more than 8 MiB are kept."""
        while self.backlog_bytes > _ROOM_BYTES:
            self._shrunk.clear()
            await self._shrunk.wait()

    async def drained(self) -> None:
        """Wait until nothing waits any more."""
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)

    async def close(self) -> None:
        """Drop what waits and delete the writer."""
        self._closed = True
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        self._backlog.clear()
        self.backlog_bytes = 0
        self._shrunk.set()
        if self._writer is not None:
            await self._writer.close()

    def _on_reader(self, match: Match) -> None:
        self._readers += 1 if match.matched else -1
        self._flush()

    def _flush(self) -> None:
        if self._backlog and self._readers and self._writer is not None and not self._closed and self._flushing is None:
            self._flushing = asyncio.create_task(self._write_backlog(self._writer))

    async def _write_backlog(self, writer: Writer) -> None:
        try:
            while self._backlog and self._readers:
                await writer.write(self._backlog[0])
                self.backlog_bytes -= len(self._backlog.popleft())
                self._shrunk.set()
        finally:
            self._flushing = None
