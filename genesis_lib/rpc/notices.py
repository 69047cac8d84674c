"""What a Requester tells the Replier about requests under way: that one is given up, or that more of a reply may come."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from genesis_lib.dds.port import Writer
from genesis_lib.errors import BusError
from genesis_lib.messages import AgentRequest, RequestKind
from genesis_lib.rpc.wire import encode_request


class Notices:
    """Notices that go out at once, or in order as soon as the writer is not throttled any more.

    Args:
        writer: of the requests.
        instance_name: whom they are for.
    """

    def __init__(self, writer: Writer, instance_name: str) -> None:
        self._writer = writer
        self._guid = writer.guid
        self._instance_name = instance_name
        self._waiting: deque[bytes] = deque()
        self._writing: asyncio.Task[None] | None = None

    def tell(self, request: AgentRequest, kind: RequestKind) -> None:
        """Tell it of this request."""
        notice = AgentRequest(
            "",
            self._guid,
            request.sequence_number,
            kind,
            source_agent_id=request.source_agent_id,
            instance_name=self._instance_name,
        )
        payload = encode_request(notice)
        if self._waiting or not self._writer.try_write(payload):
            self._waiting.append(payload)
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write())

    def forget(self) -> None:
        """Tell nothing that waits: there is nobody to be told."""
        self._waiting.clear()

    async def close(self) -> None:
        """Wait until nothing is being written. The writer has been closed."""
        self.forget()
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        with suppress(BusError):  # closed meanwhile
            while self._waiting:
                payload = self._waiting.popleft()
                await self._writer.write(payload)
