"""RPC: agents that die, leave, freeze and come back; clients that die or freeze."""

from __future__ import annotations

import asyncio
import signal

import pytest

from genesis_lib import AgentLost, AgentNotFound, AgentUnavailable, Attachment, GenesisError, GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Relay
from tests.contract.agents import Streamer, Worker
from tests.contract.background import Background
from tests.contract.callers import diary, wait_for
from tests.contract.recorder import PATIENCE_SECONDS


async def test_an_agent_killed_in_mid_call_is_lost(background: Background, agent_process: StartAgentProcess) -> None:
    process = await agent_process(Worker, {"agent_id": "doomed"})
    async with GenesisInterface() as bus:
        calls = [background(bus.request_agent("doomed", f"block {n}", timeout_seconds=60)) for n in range(5)]
        for number in range(5):
            await wait_for(bus, "doomed", f"started {number}")
        process.send_signal(signal.SIGKILL)
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, AgentLost)
            assert error.target == "doomed"
            assert error.elapsed_seconds > 0


async def test_a_stream_whose_agent_is_killed_is_lost(agent_process: StartAgentProcess) -> None:
    process = await agent_process(Streamer, {"agent_id": "doomed"})
    async with GenesisInterface() as bus:
        stream = bus.stream_agent_request("doomed", "endless it")
        await anext(stream)
        process.send_signal(signal.SIGKILL)
        with pytest.raises(AgentLost):
            async for _ in stream:
                pass


async def test_an_agent_that_was_killed_is_unavailable(
    background: Background, agent_process: StartAgentProcess
) -> None:
    process = await agent_process(Worker, {"agent_id": "doomed"})
    async with GenesisInterface() as bus:
        call = background(bus.request_agent("doomed", "block it", timeout_seconds=60))
        await wait_for(bus, "doomed", "started it")
        process.send_signal(signal.SIGKILL)
        with pytest.raises(AgentLost):
            await call
        await _until_gone(bus, "doomed")
        with pytest.raises(AgentUnavailable, match="doomed"):
            await bus.request_agent("doomed", "run it")
        with pytest.raises(AgentUnavailable):
            await bus.request_agent("Worker", "run it")


async def test_an_agent_that_left_is_unavailable(agent_process: StartAgentProcess) -> None:
    process = await agent_process(Worker, {"agent_id": "leaver"})
    async with GenesisInterface() as bus:
        await bus.request_agent("leaver", "run it")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        await _until_gone(bus, "leaver")
        with pytest.raises(AgentUnavailable, match="leaver"):
            await bus.request_agent("leaver", "run it")
        assert await bus.send_agent_request("leaver", "run it") is None


async def test_an_agent_never_seen_is_not_found(genesis_domain: int) -> None:
    async with GenesisInterface() as bus:
        with pytest.raises(AgentNotFound, match="nobody"):
            await bus.request_agent("nobody", "run it")


async def test_a_restarted_agent_is_found_again(agent_process: StartAgentProcess) -> None:
    async with GenesisInterface() as bus:
        for number, ending in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
            process = await agent_process(Worker, {"agent_id": "phoenix"})
            reply = await bus.request_agent("phoenix", f"run {number}", timeout_seconds=20, wait=True)
            assert reply["message"] == f"{number} done"
            process.send_signal(ending)
            await process.wait()
            await _until_gone(bus, "phoenix")


async def test_an_agent_replaced_without_a_gap_stays_available(agent_process: StartAgentProcess) -> None:
    """A rolling restart: the new process is there before the old one leaves."""
    old = await agent_process(Worker, {"agent_id": "phoenix"})
    async with GenesisInterface() as bus:
        await bus.request_agent("phoenix", "run old")
        new = await agent_process(Worker, {"agent_id": "phoenix"})
        replaced = await bus.app.directory.wait_for(
            lambda: bus.discovered_agents["phoenix"].pid == new.pid, PATIENCE_SECONDS
        )
        assert replaced
        old.send_signal(signal.SIGTERM)
        assert await old.wait() == 0
        async with GenesisInterface() as late:
            for caller in (bus, late):
                assert (await caller.request_agent("phoenix", "run new", timeout_seconds=20))["message"] == "new done"
        assert (await diary(bus, "phoenix")) == {"ran new": 2}


async def test_an_agent_that_replaced_another_is_lost_when_it_is_killed(
    background: Background, agent_process: StartAgentProcess
) -> None:
    old = await agent_process(Worker, {"agent_id": "phoenix"})
    async with GenesisInterface() as bus:
        await bus.request_agent("phoenix", "run old")
        new = await agent_process(Worker, {"agent_id": "phoenix"})
        await bus.app.directory.wait_for(lambda: bus.discovered_agents["phoenix"].pid == new.pid, PATIENCE_SECONDS)
        old.send_signal(signal.SIGTERM)
        await old.wait()
        call = background(bus.request_agent("phoenix", "block it", timeout_seconds=60))
        await wait_for(bus, "phoenix", "started it")
        new.send_signal(signal.SIGKILL)
        with pytest.raises(AgentLost):
            await call
        await _until_gone(bus, "phoenix")


async def test_an_agent_that_froze_longer_than_its_lease_is_found_again(
    background: Background, agent_process: StartAgentProcess
) -> None:
    process = await agent_process(Worker, {"agent_id": "sleeper"})
    async with GenesisInterface() as bus:
        call = background(bus.request_agent("sleeper", "block it", timeout_seconds=60))
        await wait_for(bus, "sleeper", "started it")
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(AgentLost):
            await call
        await _until_gone(bus, "sleeper")
        process.send_signal(signal.SIGCONT)
        reply = await bus.request_agent("sleeper", "run it", timeout_seconds=20, wait=True)
        assert reply["message"] == "it done"
        # Its client was gone for it too, so what it ran for it was cancelled.
        await wait_for(bus, "sleeper", "cancelled it")


async def test_calls_waiting_for_a_throttled_agent_that_dies_are_lost(
    background: Background, agent_process: StartAgentProcess
) -> None:
    process = await agent_process(Worker, {"agent_id": "doomed"})
    big = [Attachment("big", "x/y", bytes(2**20))]
    async with GenesisInterface() as bus:
        await bus.request_agent("doomed", "run it")
        process.send_signal(signal.SIGSTOP)
        calls = [
            background(bus.request_agent("doomed", "run it", timeout_seconds=60, attachments=big)) for _ in range(30)
        ]
        process.send_signal(signal.SIGKILL)
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} <= {AgentLost, AgentUnavailable}
    assert AgentLost in {type(error) for error in errors}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_client_that_is_gone_delays_no_other(
    background: Background,
    agent_process: StartAgentProcess,
    worker: str,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relay = await agent_process(Relay, {"agent_id": "relay"})
    async with GenesisInterface() as bus:
        big = [Attachment("big", "x/y", bytes(2**20))]
        # The relay's requests make the worker reply to a process that does not take the replies in.
        blocked = [background(bus.request_agent("relay", f"{worker} block {n}", timeout_seconds=30)) for n in range(20)]
        for n in range(20):
            await wait_for(bus, worker, f"started {n}")
        relay.send_signal(number)
        for n in range(20):
            await bus.request_agent(worker, f"release {n}")
        for n in range(20):
            reply = await bus.request_agent(worker, f"echo {n}", attachments=big)
            assert reply["message"] == f"echo {n}"
        await asyncio.gather(*blocked, return_exceptions=True)


async def test_a_frozen_reader_of_a_stream_delays_no_other(
    background: Background, agent_process: StartAgentProcess
) -> None:
    await agent_process(Streamer, {"agent_id": "streamer"})
    relay = await agent_process(Relay, {"agent_id": "relay"})
    async with GenesisInterface() as bus:
        # The relay joins the parts of an endless stream of large ones until it stands still.
        call = background(bus.request_agent("relay", "streamer endless it 100000", timeout_seconds=30))
        await wait_for(bus, "streamer", "produced it", 100)
        relay.send_signal(signal.SIGSTOP)
        parts = [part["message"] async for part in bus.stream_agent_request("streamer", "count 500")]
        assert parts == [f"{number} " for number in range(500)]
        await wait_for(bus, "streamer", "closed it")
        with pytest.raises(GenesisError):
            await call


async def test_calls_survive_others_coming_and_going(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    async with GenesisInterface() as bus:
        call = background(bus.request_agent(worker, "block it", timeout_seconds=60))
        await wait_for(bus, worker, "started it")
        for number in (signal.SIGKILL, signal.SIGTERM):
            other = await agent_process(Worker, {"agent_id": f"other{number}"})
            assert await bus.wait_for_agent(other.agent_id)
            await bus.request_agent(other.agent_id, "run it")
            other.send_signal(number)
            await other.wait()
            await _until_gone(bus, other.agent_id)
        async with GenesisInterface() as another:
            await another.request_agent(worker, "run it")
        await bus.request_agent(worker, "release it")
        assert (await call)["message"] == "it finished"


async def _until_gone(bus: GenesisInterface, agent_id: str) -> None:
    left = asyncio.Event()
    bus.add_departure_callback(lambda info: left.set() if info.agent_id == agent_id else None)
    if bus.is_agent_discovered(agent_id):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await left.wait()
    assert not bus.is_agent_discovered(agent_id)
