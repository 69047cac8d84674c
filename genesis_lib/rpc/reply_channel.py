"""The way back to one client: a reply writer for its inbox, and what waits for it to match or to be free again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

from genesis_lib.dds.port import Match, Participant, TopicSpec, Writer
from genesis_lib.rpc.backlog import Backlog


class ReplyChannel:
    """Replies to one inbox, in order. Sending never waits: what cannot be written now is kept.

    Args:
        topic: the service's reply topic.
        inbox: the partition that the client reads.
        caller: the key of the client's participant. Whoever else reads the inbox, a recorder for example, is not waited for
            and not sent anything ahead of the client.
        backlog: counts what is kept for that participant.
    """

    def __init__(self, topic: TopicSpec, inbox: bytes, caller: bytes, backlog: Backlog) -> None:
        self._topic = topic
        self._inbox = inbox
        self._caller = caller
        self.backlog = backlog
        self._kept: deque[bytes] = deque()
        self._writer: Writer | None = None
        self._readers = 0
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
    def takes_refusals(self) -> bool:
        """It may be told why nothing is executed for it, the first time whatever its process has on other connections."""
        return not self._kept or self.backlog.takes_refusals

    def send(self, payload: bytes) -> None:
        """Write the payload, or keep it until that is possible."""
        if self._closed:
            return
        if self._readers and self._writer is not None and not self._kept and self._writer.try_write(payload):
            return
        self._kept.append(payload)
        self.backlog.add(len(payload))
        self._flush()

    async def drained(self) -> None:
        """Wait until nothing waits any more."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

    async def close(self) -> None:
        """Drop what waits and delete the writer."""
        self._closed = True
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        while self._kept:
            self._forget_first()
        if self._writer is not None:
            await self._writer.close()

    def _on_reader(self, match: Match) -> None:
        if match.participant == self._caller:
            self._readers += 1 if match.matched else -1
            self._flush()

    def _flush(self) -> None:
        if self._kept and self._readers and self._writer is not None and not self._closed and self._flushing is None:
            self._flushing = asyncio.create_task(self._write_kept(self._writer))

    async def _write_kept(self, writer: Writer) -> None:
        try:
            while self._kept and self._readers:
                await writer.write(self._kept[0])
                self._forget_first()
        finally:
            self._flushing = None

    def _forget_first(self) -> None:
        self.backlog.remove(len(self._kept.popleft()))
