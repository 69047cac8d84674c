"""RPC: streamed replies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from genesis_lib import AgentLost, Attachment, GenesisInterface, MessageTooLarge, RemoteAgentError, RequestTimeout
from genesis_lib.rpc.streams import CREDIT_WINDOW
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Streamer, Worker
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.contract.recorder import PATIENCE_SECONDS
from tests.contract.shared import running


@pytest.fixture(scope="module")
def shared_agents(shared_domain: int) -> Iterator[None]:
    """A Streamer and a Worker in other processes, for all tests here."""
    with running((Streamer, {"agent_id": "streamer"}, {}), (Worker, {"agent_id": "worker"}, {})):
        yield


@pytest.fixture
def genesis_domain(shared_domain: int) -> int:
    return shared_domain


@pytest.fixture
def streamer(shared_agents: None) -> str:
    """The id of a Streamer in another process."""
    return "streamer"


@pytest.fixture
def worker(shared_agents: None) -> str:
    """The id of a Worker in another process."""
    return "worker"


async def texts(parts: AsyncIterator[dict[str, Any]]) -> list[str]:
    return [part["message"] async for part in parts]


async def produced(bus: GenesisInterface, target: str, label: str) -> int:
    return int((await bus.request_agent(target, f"produced {label}"))["message"])


async def test_all_parts_come_in_order(streamer: str) -> None:
    async with GenesisInterface() as bus:
        for count in (0, 1, 2, 63, 64, 65, 5000):
            parts = await texts(bus.stream_agent_request(streamer, f"count {count}"))
            assert parts == [f"{number} " for number in range(count)]


async def test_streams_at_the_same_time_do_not_mix(streamer: str) -> None:
    async with GenesisInterface() as bus:
        counts = [200, 1, 0, 300, 150] * 4
        streams = await asyncio.gather(
            *(texts(bus.stream_agent_request(streamer, f"count {count}")) for count in counts)
        )
    assert streams == [[f"{number} " for number in range(count)] for count in counts]


async def test_a_part_carries_all_a_reply_carries(streamer: str) -> None:
    sent = [Attachment("a", "b/c", b"\0\1")]
    async with GenesisInterface() as bus:
        parts = [part async for part in bus.stream_agent_request(streamer, "pair ä", "talk", attachments=sent)]
    assert [(part["message"], part["metadata"], part["status"]) for part in parts] == [
        ("ä", {"a": 1, "b": 1}, 0),
        ("ä", {"b": 2}, 5),
    ]
    assert all(part["attachments"] == sent and part["conversation_id"] == "talk" for part in parts)


async def test_request_agent_joins_the_parts(streamer: str) -> None:
    sent = [Attachment("a", "b/c", b"\0\1")]
    async with GenesisInterface() as bus:
        reply = await bus.request_agent(streamer, "count 500")
        assert reply["message"] == "".join(f"{number} " for number in range(500))
        pair = await bus.request_agent(streamer, "pair ä", attachments=sent)
        assert (pair["message"], pair["metadata"], pair["attachments"]) == ("ää", {"a": 1, "b": 2}, sent + sent)


async def test_request_agent_joins_no_parts_to_nothing(streamer: str) -> None:
    async with GenesisInterface() as bus:
        reply = await bus.request_agent(streamer, "count 0")
    assert (reply["message"], reply["status"], reply["attachments"]) == ("", 0, [])


async def test_a_joined_reply_stays_within_its_limit(streamer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESIS_MAX_MESSAGE_BYTES", "100000")
    async with GenesisInterface() as bus:
        with pytest.raises(MessageTooLarge, match="stream_agent_request"):
            await bus.request_agent(streamer, "endless s1 1000")
        await wait_for(bus, streamer, "closed s1")


async def test_a_hook_that_returns_is_a_stream_of_one(worker: str) -> None:
    async with GenesisInterface() as bus:
        assert await texts(bus.stream_agent_request(worker, "run it")) == ["it done"]


async def test_an_error_in_mid_stream_comes_after_the_parts(streamer: str) -> None:
    async with GenesisInterface() as bus:
        stream = bus.stream_agent_request(streamer, "count 100!")
        assert [(await anext(stream))["message"] for _ in range(100)] == [f"{number} " for number in range(100)]
        with pytest.raises(RemoteAgentError, match="the stream broke off"):
            await anext(stream)
        with pytest.raises(RemoteAgentError, match="the stream broke off"):
            await bus.request_agent(streamer, "count 3!")


async def test_a_slow_consumer_holds_the_producer_back(streamer: str) -> None:
    async with GenesisInterface() as bus:
        stream = bus.stream_agent_request(streamer, "endless s2")
        async with aclosing(stream) as parts:
            for consumed in (1, 2, 100):
                while consumed > 0:
                    await anext(parts)
                    consumed -= 1
                await wait_for(bus, streamer, "produced s2", CREDIT_WINDOW)
                for _ in range(20):
                    await produced(bus, streamer, "s2")
            # 103 were taken in. The producer may hold one more part, for which it has no credit yet.
            assert 103 < await produced(bus, streamer, "s2") <= 103 + CREDIT_WINDOW + 1
        await wait_for(bus, streamer, "closed s2")


async def test_leaving_the_loop_runs_the_hooks_finally(streamer: str) -> None:
    async with GenesisInterface() as bus:
        async for part in bus.stream_agent_request(streamer, "endless s3"):
            assert part["message"] == "x"
            break
        await wait_for(bus, streamer, "closed s3")
        before = await produced(bus, streamer, "s3")
        for _ in range(20):
            await produced(bus, streamer, "s3")
        assert await produced(bus, streamer, "s3") == before


async def test_an_error_in_the_consumers_loop_runs_the_hooks_finally(streamer: str) -> None:
    async with GenesisInterface() as bus:

        async def consume() -> None:
            async for _ in bus.stream_agent_request(streamer, "endless s4"):
                raise LookupError

        with pytest.raises(LookupError):
            await consume()
        await wait_for(bus, streamer, "closed s4")


async def test_a_cancelled_consumer_runs_the_hooks_finally(background: Background, streamer: str) -> None:
    async with GenesisInterface() as bus:
        task = background(texts(bus.stream_agent_request(streamer, "endless s5")))
        await wait_for(bus, streamer, "produced s5", 1000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_for(bus, streamer, "closed s5")


async def test_a_stream_ends_with_its_deadline(streamer: str) -> None:
    async with GenesisInterface() as bus:
        assert await bus.connect_to_agent(streamer)
        with pytest.raises(RequestTimeout):
            await texts(bus.stream_agent_request(streamer, "endless s6", timeout_seconds=1))
        await wait_for(bus, streamer, "closed s6")


async def test_a_consumer_that_takes_too_long_learns_of_the_deadline(streamer: str) -> None:
    async with GenesisInterface() as bus:
        assert await bus.connect_to_agent(streamer)
        stream = bus.stream_agent_request(streamer, "endless s7", timeout_seconds=2)
        assert (await anext(stream))["message"] == "x"
        await wait_for(bus, streamer, "closed s7")
        with pytest.raises(RequestTimeout):
            await texts(stream)


async def test_many_streams_left_early_leave_nothing_behind(streamer: str) -> None:
    async with GenesisInterface() as bus:

        async def taste() -> None:
            async for _ in bus.stream_agent_request(streamer, "endless s8"):
                break

        await asyncio.gather(*(taste() for _ in range(30)))
        await wait_for(bus, streamer, "closed s8", 30)
        assert bus.agent_connections[streamer].in_flight == 0


async def test_leaving_the_bus_does_not_wait_for_a_stream_whose_agent_has_left(
    agent_process: StartAgentProcess,
) -> None:
    """Its consumer is between two parts and does not ask for the next one."""
    leaver = await agent_process(Streamer, {"agent_id": "leaver"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with GenesisInterface() as bus:
            stream = bus.stream_agent_request("leaver", "endless s9", timeout_seconds=60)
            assert (await anext(stream))["message"] == "x"
            leaver.send_signal(signal.SIGTERM)
            await bus.app.directory.wait_for(lambda: "leaver" not in bus.discovered_agents, PATIENCE_SECONDS)
        with pytest.raises(AgentLost):
            await texts(stream)


async def test_a_stream_ends_at_its_deadline_though_parts_are_left_to_take(streamer: str) -> None:
    taken: list[str] = []

    async def take_slowly(parts: AsyncIterator[dict[str, Any]]) -> None:
        async for part in parts:
            taken.append(part["message"])
            await asyncio.sleep(0.1)  # slow: the window is full of parts that it does not come to

    async with GenesisInterface() as bus:
        assert await bus.connect_to_agent(streamer)
        with pytest.raises(RequestTimeout):
            await take_slowly(bus.stream_agent_request(streamer, "endless it9", timeout_seconds=0.5))
    assert len(taken) < CREDIT_WINDOW
