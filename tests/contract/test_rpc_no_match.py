"""RPC: an agent that is announced, and whose service matches nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from genesis_lib import AgentInfo, AgentUnavailable, CircuitState, GenesisInterface, RequestTimeout, load_settings
from genesis_lib.dds.port import Endpoint, Participant
from genesis_lib.discovery.wire import AGENT_TOPIC, encode_agent

FAILURES = 3


@pytest.fixture
async def bus(participant: Participant) -> AsyncIterator[GenesisInterface]:
    writer = await participant.create_writer(AGENT_TOPIC)
    await writer.write(encode_agent(AgentInfo("ghost", "Ghost", service_name="GhostService")))
    settings = load_settings(connect_timeout_seconds=1.5, breaker_failures=FAILURES, retry_attempts=1)
    async with GenesisInterface(settings=settings) as interface:
        assert await interface.wait_for_agent("ghost")
        yield interface


async def test_it_is_unavailable_and_the_error_says_why(bus: GenesisInterface) -> None:
    with pytest.raises(
        AgentUnavailable, match=r"Ghost is announced but did not match.*no reader on topic GhostService"
    ):
        await bus.request_agent("ghost", "hello", timeout_seconds=20)


async def test_calls_with_too_little_time_to_connect_do_not_open_its_circuit(bus: GenesisInterface) -> None:
    for _ in range(2 * FAILURES):
        with pytest.raises((AgentUnavailable, RequestTimeout)):
            await bus.request_agent("ghost", "hello", timeout_seconds=0.02)
    assert bus.circuit_states == {}
    calls = (bus.request_agent("ghost", "hello", timeout_seconds=20) for _ in range(FAILURES))
    await asyncio.gather(*calls, return_exceptions=True)
    assert bus.circuit_states == {"ghost": CircuitState.OPEN}


async def test_many_calls_that_fail_together_have_the_reason_looked_up_once(
    bus: GenesisInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = bus.app.participant.endpoints

    async def counted(topic: str = "") -> list[Endpoint]:
        nonlocal looks
        looks += 1
        return await look(topic)

    monkeypatch.setattr(bus.app.participant, "endpoints", counted)
    calls = (bus.request_agent("ghost", "hello", timeout_seconds=20) for _ in range(200))
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {AgentUnavailable}
    assert looks < 20
