"""A caller below the library's RPC, which says of itself what the test wants."""

from __future__ import annotations

import os
from typing import Self

from genesis_lib.dds.port import Participant, Writer
from genesis_lib.errors import ERRORS_BY_NAME
from genesis_lib.messages import AgentReply, AgentRequest
from genesis_lib.rpc.caller_identity import connection_data
from genesis_lib.rpc.wire import decode_reply, encode_request, reply_topic, request_topic
from tests.contract.recorder import Recorder


class RawClient:
    """Writes requests to one service, through a writer whose user data names `connected_as`."""

    def __init__(self, participant: Participant, service: str, connected_as: str) -> None:
        self._participant = participant
        self._service = service
        self._connected_as = connected_as
        self._seen = Recorder()
        self._sent = 0

    async def open(self) -> Self:
        inbox, requests, replies = os.urandom(16), Recorder(), Recorder()
        await self._participant.create_reader(
            reply_topic(self._service), self._seen.on_samples, partition=inbox.hex(), on_match=replies.on_match
        )
        self._writer: Writer = await self._participant.create_writer(
            request_topic(self._service),
            user_data=connection_data(inbox, self._connected_as),
            on_match=requests.on_match,
        )
        await requests.matched()
        await replies.matched()
        return self

    async def send(self, message: str, source_agent_id: str) -> AgentReply:
        """A request in the name of an agent, and its reply."""
        self._sent += 1
        request = AgentRequest(message, self._writer.guid, self._sent, source_agent_id=source_agent_id)
        await self._writer.write(encode_request(request))
        await self._seen.until(lambda: len(self._seen.payloads()) >= self._sent)
        return decode_reply(self._seen.payloads()[-1])


def refusal(reply: AgentReply) -> str:
    """The name of the error a reply stands for, "" for none."""
    name = str(reply.metadata.get("error", "")) if reply.remote_exception else ""
    assert not name or name in ERRORS_BY_NAME
    return name
