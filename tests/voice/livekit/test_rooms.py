"""Calls in LiveKit rooms, on a real livekit-server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.livekit.orchestrator import LiveKitVenue
from genesis_lib.voice.livekit.worker import LiveKitCustomer, LiveKitSupport
from genesis_lib.voice.production import CallResult, Production, produce
from genesis_lib.voice.scenario import SIDES, Side, load_scenario
from tests.voice.heard import assert_heard_alternating
from tests.voice.livekit.server import LiveKitServerProcess

PATIENCE_SECONDS = 30


@pytest.fixture
async def bus(genesis_domain: int, livekit_server: LiveKitServerProcess) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


async def hold(bus: GenesisInterface, scenario: str, directory: Path) -> CallResult:
    """Let the workers "customer" and "support", which have been started, hold a call."""
    for agent_id in SIDES:
        assert await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)
    script = load_scenario(scenario)
    agents: dict[Side, str] = {"customer": "customer", "support": "support"}
    personas = {side: script.persona_of(side) for side in SIDES}
    production = Production(scenario, script, agents, personas, "room", directory)
    return await produce(bus, production, venue=LiveKitVenue(bus, production))


async def test_two_workers_talk_hear_each_other_and_are_recorded(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    result = await hold(bus, "appointment", tmp_path / "call")
    assert result.missing == ()
    assert result.reason == "the appointment is made"
    call = read_captured(tmp_path / "call")
    assert len(call.utterances) >= 6
    assert_heard_alternating(call, tmp_path / "call")
    for side in SIDES:
        error = result.figures.word_error[side]
        assert error.words > 20
        assert error.rate is not None
        assert error.rate <= 0.15
        assert result.figures.statistics[side] == {"dispatches": 1}
    assert [each.spoken for each in call.utterances if each.side == "customer"][-1] == "Wonderful, thank you. Goodbye."
