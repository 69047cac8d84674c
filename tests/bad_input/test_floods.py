"""Callers that send more, larger or faster than they should: what an agent keeps of it is bounded, for each process."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface, MessageTooLarge
from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant
from genesis_lib.messages import AgentRequest
from genesis_lib.rpc.flood_gate import MOST_REFUSED_LATE
from genesis_lib.rpc.wire import encode_request
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.bad_input.agents import Stalling
from tests.bad_input.raw_caller import RawCaller, outcome
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.callers import diary, wait_for
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS

VICTIM = "WorkerService_victim"
UNREAD_REPLIES = 8192
ONE_AT_ALL = {"GENESIS_RATE_LIMIT_PER_CALLER": "0.0001", "GENESIS_RATE_BURST_PER_CALLER": "1"}


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface() as interface:
        yield interface


@pytest.fixture
async def stranger(genesis_domain: int) -> AsyncIterator[Participant]:
    """A participant beside the bus's."""
    participant = await open_participant(load_settings())
    yield participant
    await participant.close()


async def test_refusals_are_small_however_large_the_request(
    agent_process: StartAgentProcess, stranger: Participant
) -> None:
    """Nobody reads them at first: so much waits for this caller."""
    await agent_process(Worker, {"agent_id": "victim"}, ONE_AT_ALL)
    caller = await RawCaller(stranger, VICTIM).open()
    await caller.send("run first")
    for _ in range(20):
        await caller.send("run it", conversation_id="c" * 1_000_000)
    await caller.send("run last", conversation_id="short")
    await caller.listen()
    replies = await caller.replies(22)
    refused = [reply for reply in replies if outcome(reply) == "RateLimited"]
    assert [reply.conversation_id for reply in refused] == 20 * [""] + ["short"]
    assert max(caller.reply_sizes()) < 10_000


async def test_more_connections_make_no_room_for_more_unread_replies(
    agent_process: StartAgentProcess, stranger: Participant, bus: GenesisInterface
) -> None:
    await agent_process(Worker, {"agent_id": "victim"}, {"GENESIS_MAX_QUEUE": str(2 * UNREAD_REPLIES)})
    assert await bus.wait_for_agent("victim")
    first, second = [await RawCaller(stranger, VICTIM).open() for _ in range(2)]
    for _ in range(UNREAD_REPLIES):
        await first.send("run first")
    await wait_for(bus, "victim", "ran first", UNREAD_REPLIES)
    await second.send("run second")
    await second.listen()
    assert [outcome(reply) for reply in await second.replies(1)] == ["Overloaded"]
    await first.listen()
    await first.replies(UNREAD_REPLIES)
    await second.send("run second")
    assert [outcome(reply) for reply in await second.replies(2)] == ["Overloaded", "answered"]


async def test_a_request_over_the_agents_limit_is_refused(
    agent_process: StartAgentProcess, bus: GenesisInterface
) -> None:
    await agent_process(Worker, {"agent_id": "victim"}, {"GENESIS_MAX_MESSAGE_BYTES": "100000"})
    assert await bus.wait_for_agent("victim")
    for metadata in ({}, {"a": "x" * 100_000}):
        with pytest.raises(MessageTooLarge, match="agent victim takes 100000") as raised:
            await bus.request_agent("victim", "run " + "x" * 100_000, metadata=metadata)
        assert raised.value.target == "victim"
    assert await diary(bus, "victim") == {}
    assert (await bus.request_agent("victim", "run " + "x" * 90_000))["status"] == 0


async def test_what_comes_faster_than_it_can_be_refused_is_dropped(
    agent_process: StartAgentProcess,
    stranger: Participant,
    bus: GenesisInterface,
    background: Background,
    tmp_path: Path,
) -> None:
    """The flood arrives while the agent stands still, so it is late whatever the speed of this machine."""
    lock = tmp_path / "lock"
    os.mkfifo(lock)
    victim = await agent_process(Stalling, {"agent_id": "victim"}, ONE_AT_ALL)
    caller = await RawCaller(stranger, "StallingService_victim").open()
    await caller.listen()
    await caller.send("hello")
    await caller.replies(1)
    assert await bus.wait_for_agent("victim")
    stalled = background(bus.request_agent("victim", f"stall {lock}", timeout_seconds=120))
    opened = await asyncio.to_thread(lock.open, "w")  # when the agent reads from it
    for _ in range(MOST_REFUSED_LATE + 3000):
        await caller.send("hello")
    await asyncio.sleep(1.5)  # the fault
    opened.close()
    await stalled
    outcomes = Counter(outcome(reply) for reply in await caller.replies(MOST_REFUSED_LATE + 1))
    assert outcomes == {"answered": 1, "RateLimited": MOST_REFUSED_LATE}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(caller.replies_so_far()) == MOST_REFUSED_LATE + 1:
            await caller.send("hello")
            with suppress(TimeoutError):  # an agent that is late again drops this, too
                async with asyncio.timeout(1):
                    await caller.replies(MOST_REFUSED_LATE + 2)
    assert len(caller.replies_so_far()) < MOST_REFUSED_LATE + 1000
    assert "it comes faster than it can be refused" in victim.errors()


async def test_requests_of_a_writer_without_an_inbox_do_not_flood_the_log(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    request = encode_request(AgentRequest("run it", bytes(16), 1)).hex()
    for name, user_data in (("without", ""), ("good", "ab" * 16)):
        await hostile.do("writer", name=name, topic=f"{VICTIM}Request", type="AgentAgentRequest", user_data=user_data)
        await hostile.matched(name)
    for _ in range(300):
        await hostile.do("write", name="without", payload=request)
    await hostile.do("write", name="good", payload=request)
    assert await bus.wait_for_agent("victim")
    await wait_for(bus, "victim", "ran it")
    assert 0 < process.errors().count("holds no inbox id") < 150
