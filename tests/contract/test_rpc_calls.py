"""RPC: one request, one reply, between two processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from genesis_lib import Attachment, GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Relay
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.shared import running

ODD_TEXTS = ["", "ä€😀 日本語", "a\nb\tc", "\u202e\ufeff", "x" * 100_000, '{"message": "}"']


@pytest.fixture(scope="module")
def shared_worker(shared_domain: int) -> Iterator[str]:
    """A Worker in another process, for all tests here."""
    with running((Worker, {"agent_id": "worker"}, {})):
        yield "worker"


@pytest.fixture
def genesis_domain(shared_domain: int) -> int:
    return shared_domain


@pytest.fixture
def worker(shared_worker: str) -> str:
    """The id of a Worker in another process."""
    return shared_worker


async def test_a_request_gets_its_reply(worker: str) -> None:
    async with GenesisInterface("caller", "caller") as bus:
        reply = await bus.request_agent(worker, "run it")
    assert reply["message"] == "it done"
    assert (reply["status"], reply["agent_id"], reply["metadata"], reply["attachments"]) == (0, worker, {}, [])


async def test_a_status_of_the_hooks_own_is_a_reply(worker: str) -> None:
    async with GenesisInterface() as bus:
        for status in (-1, 4, 5, 14, 2**31 - 1, -(2**31)):
            reply = await bus.request_agent(worker, f"status {status}")
            assert (reply["status"], reply["message"], reply["metadata"]) == (status, "as told", {"told": str(status)})
            assert await bus.send_agent_request(worker, f"status {status}") == reply


async def test_conversation_and_metadata_travel_both_ways(worker: str) -> None:
    metadata = {"text": "ä€😀\0\n", "number": 1.5, "list": [None, True, {"deep": []}], "": -(2**60)}
    async with GenesisInterface("caller", "caller") as bus:
        reply = await bus.request_agent(worker, "echo", "conversation ü", metadata=metadata)
    seen = reply["metadata"]
    assert reply["conversation_id"] == seen["conversation_id"] == "conversation ü"
    assert (seen["metadata"], seen["source_agent_id"]) == (metadata, "caller")


async def test_a_reply_belongs_to_the_requests_conversation_when_the_hook_names_none(worker: str) -> None:
    async with GenesisInterface() as bus:
        assert (await bus.request_agent(worker, "run it", "talk"))["conversation_id"] == "talk"


async def test_text_arrives_as_it_was_sent(worker: str) -> None:
    async with GenesisInterface() as bus:
        for text in ODD_TEXTS:
            assert (await bus.request_agent(worker, f"echo {text}"))["message"] == f"echo {text}"


async def test_attachments_travel_both_ways(worker: str) -> None:
    sent = [
        Attachment("a.bin", "application/octet-stream", bytes(range(256))),
        Attachment("ä €.txt", "text/plain", "ünï".encode()),
        Attachment("", "", b""),
        Attachment("a.bin", "image/png", b"\0"),
    ]
    async with GenesisInterface() as bus:
        assert (await bus.request_agent(worker, "echo", attachments=sent))["attachments"] == sent


async def test_ten_megabytes_go_through_and_come_back(worker: str) -> None:
    data = bytes(range(250)) * 40_000
    async with GenesisInterface() as bus:
        reply = await bus.request_agent(
            worker, "echo", timeout_seconds=30, attachments=[Attachment("big", "x/y", data)]
        )
    assert [attachment.data for attachment in reply["attachments"]] == [data]


async def test_five_hundred_calls_at_once_get_each_their_own_reply(worker: str) -> None:
    async with GenesisInterface() as bus:
        replies = await asyncio.gather(
            *(bus.request_agent(worker, f"echo {number}", metadata={"n": number}) for number in range(500))
        )
    assert [reply["message"] for reply in replies] == [f"echo {number}" for number in range(500)]
    assert [reply["metadata"]["metadata"] for reply in replies] == [{"n": number} for number in range(500)]
    assert len({reply["metadata"]["request_id"] for reply in replies}) == 500


async def test_callers_in_two_processes_do_not_get_each_others_replies(
    agent_process: StartAgentProcess, worker: str
) -> None:
    relays = ["relay0", "relay1"]
    await asyncio.gather(*(agent_process(Relay, {"agent_id": agent_id}) for agent_id in relays))
    async with GenesisInterface() as bus:
        replies = await asyncio.gather(
            *(
                bus.request_agent(relays[number % 2], f"{worker} echo {number}", timeout_seconds=30)
                for number in range(200)
            )
        )
    assert [reply["message"] for reply in replies] == [f"echo {number}" for number in range(200)]
    assert [reply["metadata"]["source_agent_id"] for reply in replies] == [relays[number % 2] for number in range(200)]


async def test_replies_come_as_they_are_ready(background: Background, worker: str) -> None:
    async with GenesisInterface() as bus:
        slow = background(bus.request_agent(worker, "block slow", timeout_seconds=30))
        await bus.request_agent(worker, "await 1 started slow", timeout_seconds=30)
        assert (await bus.request_agent(worker, "run quick"))["message"] == "quick done"
        assert not slow.done()
        await bus.request_agent(worker, "release slow")
        assert (await slow)["message"] == "slow finished"


async def test_agents_and_callers_of_one_process_talk_over_the_bus_too(genesis_domain: int) -> None:
    async with Worker(agent_id="here"), GenesisInterface("caller", "caller") as bus:
        assert (await bus.request_agent("here", "echo"))["metadata"]["source_agent_id"] == "caller"
