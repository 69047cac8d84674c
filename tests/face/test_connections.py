"""A5: connections to agents: opened when first needed, shared, closed when idle, dropped when the agent is gone."""

from __future__ import annotations

import asyncio
import signal

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.rpc.wire import request_topic
from tests.face.agents import Gate, Probe
from tests.face.watching import Host, departure_of, raw_reader, soon

IDLE_SECONDS = "0.2"


async def test_connect_waits_for_the_match_in_both_directions(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="a", agent_name="Probe A")
    assert await bus.connect_to_agent("a")
    assert bus.agent_connections["a"].connected
    assert (await bus.request_agent("a", "executed"))["message"] == "1"


async def test_connect_by_name(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="a", agent_name="Probe A")
    assert await bus.connect_to_agent("Probe A", timeout_seconds=10)
    assert list(bus.agent_connections) == ["a"]


async def test_an_agent_connects_to_an_agent_of_another_process(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="a")
    await host(Probe, agent_id="b")
    assert (await bus.request_agent("a", "know b"))["message"] == "True"
    assert (await bus.request_agent("a", "connections"))["message"] == "[]"
    assert (await bus.request_agent("a", "connect b"))["message"] == "True"
    assert (await bus.request_agent("a", "connections"))["message"] == '["b"]'


async def test_connect_to_nobody_is_false(bus: GenesisInterface) -> None:
    assert await bus.connect_to_agent("nobody") is False
    assert bus.agent_connections == {}


async def test_connect_to_an_agent_that_does_not_answer_is_false(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, agent_id="frozen")
    assert await bus.wait_for_agent("frozen")
    process.send_signal(signal.SIGSTOP)
    assert await bus.connect_to_agent("frozen", timeout_seconds=0.3) is False


async def test_nothing_is_connected_before_the_first_message_and_the_connection_is_reused(
    bus: GenesisInterface, host: Host
) -> None:
    await host(Probe, agent_id="a", base_service_name="Service")
    assert await bus.wait_for_agent("a")
    assert bus.agent_connections == {}
    await asyncio.gather(*(bus.request_agent("a", "hello") for _ in range(50)))
    connection = bus.agent_connections["a"]
    await bus.request_agent("a", "hello")
    await bus.send_agent_batch("a", ["hello"])
    assert bus.agent_connections["a"] is connection
    endpoints = await bus.app.participant.endpoints(request_topic("Service_a").name)
    assert len([endpoint for endpoint in endpoints if endpoint.is_writer]) == 1


async def test_an_idle_connection_is_closed_and_opened_again_when_needed(
    bus: GenesisInterface, monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    await host(Probe, agent_id="a", base_service_name="Service")
    monkeypatch.setenv("GENESIS_POOL_IDLE_SECONDS", IDLE_SECONDS)
    async with GenesisInterface("with little patience") as caller:
        async with raw_reader(bus.app.participant, request_topic("Service_a")) as requests:
            assert await caller.connect_to_agent("a")
            await requests.until(lambda: requests.seen == 1 and not requests.writers)
            assert caller.agent_connections == {}
        assert (await caller.request_agent("a", "hello"))["message"] == "hello"
        assert list(caller.agent_connections) == ["a"]


async def test_a_connection_with_a_call_in_flight_is_not_idle(
    bus: GenesisInterface, monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    await host(Gate)
    await host(Probe, agent_id="other", base_service_name="Service")
    monkeypatch.setenv("GENESIS_POOL_IDLE_SECONDS", IDLE_SECONDS)
    async with (
        GenesisInterface("with little patience") as caller,
        raw_reader(caller.app.participant, request_topic("Service_other")) as requests,
    ):
        held = asyncio.create_task(caller.request_agent("Gate", "let me in", timeout_seconds=25))
        assert (await bus.request_agent("Gate", "waiting"))["message"] == "1"
        # Opened later than the call that is held, and closed for idleness: so that one is past its idle time too.
        assert await caller.connect_to_agent("other")
        await requests.until(lambda: requests.seen == 1 and not requests.writers)
        assert not held.done()
        await bus.request_agent("Gate", "open")
        assert (await soon(held))["message"] == "2 met"


async def test_a_recorder_on_the_request_topic_does_not_make_connect_lie(bus: GenesisInterface, host: Host) -> None:
    """A DDS recorder or spy reads every topic; its reader matches long before the agent's own does."""
    await host(Probe, agent_id="a", base_service_name="Service")
    async with raw_reader(bus.app.participant, request_topic("Service_a")) as recorder:
        assert (await bus.request_agent("a", "hello"))["message"] == "hello"
        await recorder.until(lambda: bool(recorder.samples))


async def test_a_connection_is_dropped_when_its_agent_leaves(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, agent_id="a")
    await bus.request_agent("a", "hello")
    gone = departure_of(bus, "a")
    process.send_signal(signal.SIGTERM)
    await soon(gone)
    assert bus.agent_connections == {}


async def test_a_connection_is_dropped_when_its_agent_crashes(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, agent_id="a")
    await host(Probe, agent_id="b")
    await bus.request_agent("a", "hello")
    await bus.request_agent("b", "hello")
    gone = departure_of(bus, "a")
    process.send_signal(signal.SIGKILL)
    await soon(gone)
    assert list(bus.agent_connections) == ["b"]
