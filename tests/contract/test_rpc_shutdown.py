"""RPC: an agent that is asked to leave finishes what runs; one that is asked twice goes at once."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from genesis_lib import AgentLost, AgentUnavailable, GenesisInterface, RequestCancelled
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Relay
from tests.contract.agents import Streamer, Worker
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.contract.recorder import PATIENCE_SECONDS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_agent_leaves_with_status_zero(agent_process: StartAgentProcess, number: signal.Signals) -> None:
    process = await agent_process(Worker, {"agent_id": "leaver"})
    async with GenesisInterface() as bus:
        await bus.request_agent("leaver", "run it")
        process.send_signal(number)
        assert await process.wait() == 0
    assert process.errors() == ""


async def test_a_running_request_finishes_and_its_caller_gets_the_reply(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    process = await _relay(agent_process, grace_seconds=30)
    async with GenesisInterface() as bus:
        call = await _call_through(background, bus, worker)
        await _ask_to_leave(bus, process)
        assert not call.done()
        await bus.request_agent(worker, "release it")
        assert (await call)["message"] == "it finished"
        assert await process.wait() == 0


async def test_a_leaving_agent_takes_nothing_new(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    process = await _relay(agent_process, grace_seconds=30)
    async with GenesisInterface() as bus:
        call = await _call_through(background, bus, worker)
        await _ask_to_leave(bus, process)
        with pytest.raises(AgentUnavailable):
            await bus.request_agent("relay", f"{worker} run new")
        await bus.request_agent(worker, "release it")
        assert await process.wait() == 0
        await asyncio.gather(call, return_exceptions=True)
        assert "ran new" not in (await bus.request_agent(worker, "diary"))["metadata"]


async def test_what_outlasts_the_grace_time_is_cancelled(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    process = await _relay(agent_process, grace_seconds=0.2)
    async with GenesisInterface() as bus:
        call = await _call_through(background, bus, worker)
        process.send_signal(signal.SIGTERM)
        with pytest.raises((AgentLost, RequestCancelled)):
            await call
        assert await process.wait() == 0
        await wait_for(bus, worker, "cancelled it")


async def test_a_second_signal_ends_at_once(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    process = await _relay(agent_process, grace_seconds=600)
    async with GenesisInterface() as bus:
        call = await _call_through(background, bus, worker)
        await _ask_to_leave(bus, process)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.wait() == 128 + signal.SIGTERM
        with pytest.raises(AgentLost):
            await call
        await wait_for(bus, worker, "cancelled it")


async def test_the_last_replies_arrive_before_their_agent_is_gone(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    process = await _relay(agent_process, grace_seconds=30)
    async with GenesisInterface() as bus:
        labels = [f"{number} " + "x" * 200_000 for number in range(20)]
        calls = [
            background(bus.request_agent("relay", f"{worker} block {label}", timeout_seconds=60)) for label in labels
        ]
        for label in labels:
            await wait_for(bus, worker, f"started {label}")
        await _ask_to_leave(bus, process)
        await asyncio.gather(*(bus.request_agent(worker, f"release {label}", timeout_seconds=60) for label in labels))
        assert [reply["message"] for reply in await asyncio.gather(*calls)] == [f"{label} finished" for label in labels]
        assert await process.wait() == 0


async def test_a_running_stream_comes_to_its_end(agent_process: StartAgentProcess) -> None:
    process = await agent_process(Streamer, {"agent_id": "leaver"}, {"GENESIS_GRACE_SECONDS": "30"})
    async with GenesisInterface() as bus:
        stream = bus.stream_agent_request("leaver", "count 1000")
        parts = [(await anext(stream))["message"]]
        await _ask_to_leave(bus, process)
        parts += [part["message"] async for part in stream]
        assert parts == [f"{number} " for number in range(1000)]
        assert await process.wait() == 0


async def _relay(agent_process: StartAgentProcess, *, grace_seconds: float) -> AgentProcess:
    return await agent_process(Relay, {"agent_id": "relay"}, {"GENESIS_GRACE_SECONDS": str(grace_seconds)})


async def _call_through(background: Background, bus: GenesisInterface, worker: str) -> asyncio.Task[dict[str, Any]]:
    """A call of the relay that lasts until the worker is told to let it go."""
    call = background(bus.request_agent("relay", f"{worker} block it", timeout_seconds=60))
    await wait_for(bus, worker, "started it")
    return call


async def _ask_to_leave(bus: GenesisInterface, process: AgentProcess) -> None:
    """Send SIGTERM and wait until the agent has said that it leaves."""
    left = asyncio.Event()
    bus.add_departure_callback(lambda info: left.set() if info.agent_id == process.agent_id else None)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await left.wait()
