"""How calls in LiveKit rooms end, or do not begin, on a real livekit-server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface, RemoteAgentError, load_settings
from genesis_lib.testing.domains import free_domain
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.livekit.credentials import load_credentials
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.server import LiveKitServer
from genesis_lib.voice.livekit.track_recorder import TrackRecorder
from genesis_lib.voice.livekit.worker import LiveKitCustomer, LiveKitSupport
from genesis_lib.voice.messages import ControlKind, VoiceFrame
from genesis_lib.voice.scenario import SIDES, other_side
from tests.voice.livekit.calls import PATIENCE_SECONDS, SHORT, Watch, hold
from tests.voice.livekit.failing_workers import BreathlessSupport
from tests.voice.livekit.person import Person
from tests.voice.livekit.server import LiveKitServerProcess

GREETING = "Good afternoon, you have reached the dental office."


async def test_a_speaker_that_fails_ends_the_call_with_what_it_failed_with(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(BreathlessSupport, {"agent_id": "support"})
    result = await hold(bus, SHORT, tmp_path / "call")
    assert result.reason == "VoiceError: out of breath"
    told = await bus.call_function("customer", "wait_for_end", timeout_seconds=PATIENCE_SECONDS)
    assert told == "VoiceError: out of breath"


async def test_what_was_being_said_when_somebody_hung_up_is_told(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    speaking = Watch("support", ControlKind.UTTERANCE_START)
    calling = asyncio.create_task(hold(bus, SHORT, tmp_path / "call", speaking))
    await speaking.happened.wait()
    await bus.call_function("support", "hang_up", timeout_seconds=PATIENCE_SECONDS, reason="enough")
    assert (await calling).reason == "enough"
    (greeting,) = read_captured(tmp_path / "call").utterances
    assert greeting.interrupted
    assert greeting.spoken is not None
    assert GREETING.startswith(greeting.spoken)
    assert greeting.spoken != GREETING


async def test_an_agent_on_another_domain_is_named(bus: GenesisInterface, agent_process: StartAgentProcess) -> None:
    """LiveKit brings them together, but neither would know when the other speaks."""
    credentials = load_credentials(bus.app.settings)
    tracks = TrackRecorder(credentials, "room", {side: side for side in SIDES}, lambda frame: None)
    async with AsyncExitStack() as stack:
        elsewhere = stack.enter_context(free_domain())
        await agent_process(LiveKitCustomer, {"agent_id": "customer"}, {"GENESIS_DOMAIN_ID": str(elsewhere)})
        await agent_process(LiveKitSupport, {"agent_id": "support"})
        assert await bus.wait_for_agent("support", PATIENCE_SECONDS)
        server = await stack.enter_async_context(LiveKitServer(credentials))
        await server.create_room("room", 60)
        await tracks.join()
        stack.push_async_callback(tracks.leave)
        for side in SIDES:
            await server.dispatch("room", side, CallOrder(scenario=SHORT, side=side, partner_id=other_side(side)))
        await tracks.wait_for_participants(SIDES, PATIENCE_SECONDS)
        with pytest.raises(RemoteAgentError, match="customer is heard in LiveKit room room but not on the bus"):
            await bus.call_function("support", "wait_until_ready", timeout_seconds=2 * PATIENCE_SECONDS, room="room")
        await server.delete_room("room")


async def test_a_recording_that_fails_ends_the_call(livekit_server: LiveKitServerProcess) -> None:
    def listen(frame: VoiceFrame) -> None:
        raise OSError("no space left")

    credentials = load_credentials(load_settings())
    tracks = TrackRecorder(credentials, "room", {"customer": "Ann"}, listen)
    async with LiveKitServer(credentials) as server, asyncio.timeout(2 * PATIENCE_SECONDS):
        await server.create_room("room", 60)
        await tracks.join()
        async with Person(credentials, "room", "customer") as person:
            await tracks.wait_for_tracks(PATIENCE_SECONDS)
            tracks.begin()
            while not tracks.ended.done():
                await person.say("Is this recorded?")
        assert tracks.ended.result() == "Ann cannot be recorded: OSError: no space left"
        await tracks.leave()
        await server.delete_room("room")
