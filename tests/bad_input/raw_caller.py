"""A caller below the library's RPC: sends what it likes through one connection, and reads replies when it likes."""

from __future__ import annotations

import os
from typing import Any, Self

from genesis_lib.dds.port import Participant, Reader, Writer
from genesis_lib.messages import AgentReply, AgentRequest
from genesis_lib.rpc.caller_identity import connection_data
from genesis_lib.rpc.wire import decode_reply, encode_request, reply_topic, request_topic
from tests.contract.recorder import Recorder


class RawCaller:
    """One connection to a service."""

    def __init__(self, participant: Participant, service: str) -> None:
        self._participant = participant
        self._service = service
        self._inbox = os.urandom(16)
        self._seen = Recorder()
        self._sent = 0

    async def open(self) -> Self:
        """Create the request writer and wait for its match; nobody reads replies yet."""
        matches = Recorder()
        self._writer: Writer = await self._participant.create_writer(
            request_topic(self._service), user_data=connection_data(self._inbox, ""), on_match=matches.on_match
        )
        await matches.matched()
        return self

    async def listen(self) -> None:
        """Read replies from now on."""
        matches = Recorder()
        self._reader: Reader = await self._participant.create_reader(
            reply_topic(self._service), self._seen.on_samples, partition=self._inbox.hex(), on_match=matches.on_match
        )
        await matches.matched()

    async def send(self, message: str, **members: Any) -> int:
        """Write a request without a deadline; its number."""
        self._sent += 1
        request = AgentRequest(message, self._writer.guid, self._sent, **members)
        await self._writer.write(encode_request(request))
        return self._sent

    async def replies(self, count: int) -> list[AgentReply]:
        """Wait for this many replies; all there are."""
        await self._seen.until(lambda: len(self._seen.samples) >= count)
        return self.replies_so_far()

    def replies_so_far(self) -> list[AgentReply]:
        return [decode_reply(payload) for payload in self._seen.payloads()]

    def reply_sizes(self) -> list[int]:
        return [len(payload) for payload in self._seen.payloads()]


def outcome(reply: AgentReply) -> str:
    """The name of the error a reply stands for, "answered" for none."""
    return str(reply.metadata["error"]) if reply.remote_exception else "answered"
