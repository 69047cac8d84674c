"""RPC: a request is executed at most once, resends included. The resends come from a writer below the library's RPC."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.dds.port import Participant, Writer
from genesis_lib.messages import AgentReply, AgentRequest, RequestKind
from genesis_lib.rpc.wire import decode_reply, encode_request, reply_topic, request_topic
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.callers import diary, wait_for
from tests.contract.recorder import Recorder

SERVICE = "WorkerService_worker"
UNREAD_REPLIES = 16_384


class RawClient:
    """Writes request samples and records the reply samples."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._seen = Recorder()

    async def open(self) -> None:
        await self.connect()
        await self.listen()

    async def connect(self) -> None:
        """Be able to send."""
        self._inbox, requests = os.urandom(16), Recorder()
        self._writer: Writer = await self._participant.create_writer(
            request_topic(SERVICE), user_data=self._inbox, on_match=requests.on_match
        )
        await requests.matched()

    async def listen(self) -> None:
        """Take replies in."""
        replies = Recorder()
        await self._participant.create_reader(
            reply_topic(SERVICE), self._seen.on_samples, partition=self._inbox.hex(), on_match=replies.on_match
        )
        await replies.matched()

    async def send(self, number: int, message: str, kind: RequestKind = RequestKind.CALL) -> None:
        await self._writer.write(encode_request(AgentRequest(message, self._writer.guid, number, kind)))

    async def replies(self, count: int) -> list[AgentReply]:
        """Wait for this many replies."""
        await self._seen.until(lambda: len(self._seen.payloads()) >= count)
        return [decode_reply(payload) for payload in self._seen.payloads()]


@pytest.fixture
async def raw(agent_process: StartAgentProcess, participant: Participant) -> RawClient:
    """A raw client of a Worker in another process."""
    await agent_process(Worker, {"agent_id": "worker"})
    client = RawClient(participant)
    await client.open()
    return client


@pytest.fixture
async def bus(raw: RawClient) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface() as interface:
        yield interface


async def test_a_resend_is_not_executed_and_gets_the_same_reply(raw: RawClient, bus: GenesisInterface) -> None:
    for number in (1, 2, 3):
        await raw.send(1, "run it")
        await raw.replies(number)
    first, second, third = await raw.replies(3)
    assert first == second == third
    assert first.message == "it done"
    assert (await diary(bus, "worker"))["ran it"] == 1


async def test_resends_of_who_takes_no_reply_in_are_not_answered_without_bound(
    raw: RawClient, participant: Participant
) -> None:
    deaf = RawClient(participant)
    await deaf.connect()
    for _ in range(UNREAD_REPLIES + 5_000):
        await deaf.send(1, "run it")
    await raw.send(1, "run another")
    await raw.replies(1)
    await deaf.listen()
    await deaf.replies(UNREAD_REPLIES)
    await deaf.send(2, "run the last")
    numbers = [reply.sequence_number for reply in await deaf.replies(UNREAD_REPLIES + 1)]
    assert numbers == [1] * UNREAD_REPLIES + [2]


async def test_a_resend_while_the_first_runs_is_not_executed(raw: RawClient, bus: GenesisInterface) -> None:
    await raw.send(1, "block it")
    await wait_for(bus, "worker", "started it")
    await raw.send(1, "block it")
    await raw.send(2, "run another")
    assert [reply.sequence_number for reply in await raw.replies(1)] == [2]
    await bus.request_agent("worker", "release it")
    await raw.replies(2)
    await raw.send(1, "block it")
    replies = await raw.replies(3)
    assert [reply.sequence_number for reply in replies] == [2, 1, 1]
    assert replies[1] == replies[2]
    noted = await diary(bus, "worker")
    assert (noted["started it"], noted["finished it"]) == (1, 1)


async def test_a_resend_of_a_failed_request_gets_the_same_failure(raw: RawClient, bus: GenesisInterface) -> None:
    for number in (1, 2):
        await raw.send(1, "status not-a-number")
        await raw.replies(number)
    first, second = await raw.replies(2)
    assert first == second
    assert first.metadata["error"] == "RemoteAgentError"


async def test_a_resend_after_a_cancel_is_not_executed(raw: RawClient, bus: GenesisInterface) -> None:
    await raw.send(1, "block it")
    await wait_for(bus, "worker", "started it")
    await raw.send(1, "", RequestKind.CANCEL)
    await wait_for(bus, "worker", "cancelled it")
    await raw.send(1, "block it")
    await raw.send(2, "run another")
    await raw.replies(1)
    assert (await diary(bus, "worker"))["started it"] == 1


async def test_a_resend_of_a_request_long_forgotten_is_not_executed(raw: RawClient, bus: GenesisInterface) -> None:
    for number in range(1, 1501):
        await raw.send(number, "run it")
    await raw.replies(1500)
    for number in (1, 2, 700):
        await raw.send(number, "run it")
    await raw.send(1501, "run last")
    await wait_for(bus, "worker", "ran last")
    assert (await diary(bus, "worker"))["ran it"] == 1500


async def test_cancels_and_credits_for_requests_nobody_knows_do_nothing(raw: RawClient, bus: GenesisInterface) -> None:
    for kind in (RequestKind.CANCEL, RequestKind.CREDIT):
        await raw.send(99, "", kind)
    await raw.send(99, "run it")
    assert (await raw.replies(1))[0].message == "it done"


async def test_numbers_may_start_anywhere_and_be_large(raw: RawClient, bus: GenesisInterface) -> None:
    numbers = [2**32 - 1, 2**32, 2**62]
    for number in numbers:
        await raw.send(number, "run it")
    assert [reply.sequence_number for reply in await raw.replies(3)] == numbers
