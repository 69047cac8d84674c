"""People in LiveKit rooms, on a real livekit-server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from genesis_lib import GenesisError, GenesisInterface, RemoteAgentError, VoiceError, load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.livekit.credentials import load_credentials
from genesis_lib.voice.livekit.orchestrator import LiveKitVenue
from genesis_lib.voice.livekit.server import LiveKitServer
from genesis_lib.voice.livekit.track_recorder import TrackRecorder
from genesis_lib.voice.livekit.worker import LiveKitSupport
from genesis_lib.voice.messages import ControlKind, VoiceFrame
from genesis_lib.voice.production import Production, produce
from genesis_lib.voice.scenario import SIDES, Side, load_scenario
from tests.voice.heard import LOUD, channels, loudness
from tests.voice.livekit.calls import PATIENCE_SECONDS, SHORT, Watch, hold
from tests.voice.livekit.person import Person
from tests.voice.livekit.server import LiveKitServerProcess

# A person who gets no answer for so long says it again.
ANSWERING_SECONDS = 15


async def test_a_person_who_comes_back_is_recorded(livekit_server: LiveKitServerProcess) -> None:
    credentials = load_credentials(load_settings())
    heard = asyncio.Event()

    def listen(frame: VoiceFrame) -> None:
        if any(frame.data):
            heard.set()

    tracks = TrackRecorder(credentials, "room", {"customer": "Ann"}, listen)
    async with LiveKitServer(credentials) as server, asyncio.timeout(PATIENCE_SECONDS):
        await server.create_room("room", 60)
        await tracks.join()
        async with Person(credentials, "room", "customer"):
            await tracks.wait_for_tracks(PATIENCE_SECONDS)
        tracks.begin()
        async with Person(credentials, "room", "customer") as person:
            while not heard.is_set():
                await person.say("Here I am again.")
        await tracks.leave()
        await server.delete_room("room")


async def test_a_person_takes_the_customers_side(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    greeted = Watch("support", ControlKind.UTTERANCE_END)
    calling = asyncio.create_task(hold(bus, SHORT, tmp_path / "call", greeted, person="customer"))
    begun = asyncio.create_task(greeted.happened.wait())
    async with Person(load_credentials(bus.app.settings), "room", "customer") as person:
        await asyncio.wait({calling, begun}, return_when=asyncio.FIRST_COMPLETED)
        assert begun.done()
        while not calling.done():
            await person.say("I need an appointment with the dentist.")
            await asyncio.wait({calling}, timeout=ANSWERING_SECONDS)
        result = await calling
    assert result.reason == "it is granted"
    assert result.missing == ()
    call = read_captured(tmp_path / "call")
    said = [each for each in call.utterances if each.side == "customer"]
    assert "appointment with the dentist" in " ".join(each.heard or "" for each in said)
    left, right = channels(tmp_path / "call")
    assert max(loudness(left[each.start : each.end]) for each in said) > LOUD
    assert loudness(right) > LOUD / 10


async def test_nobody_takes_the_side_of_a_person(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    with pytest.raises(VoiceError, match="somebody was not in the room, LiveKit room room, within 1 s"):
        await call_somebody(bus, tmp_path / "call", patience_seconds=1)


async def test_an_agent_that_fails_is_told_before_the_person_comes(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    with pytest.raises(RemoteAgentError, match="nosuch"):
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            await call_somebody(bus, tmp_path / "call", scenario="nosuch")


async def test_a_server_that_is_killed_before_the_person_comes_ends_the_call(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, livekit_server: LiveKitServerProcess
) -> None:
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    entered = Watch("support", ControlKind.JOIN)
    calling = asyncio.create_task(call_somebody(bus, tmp_path / "call", entered))
    begun = asyncio.create_task(entered.happened.wait())
    await asyncio.wait({calling, begun}, return_when=asyncio.FIRST_COMPLETED)
    assert not calling.done()
    livekit_server.kill()
    with pytest.raises(GenesisError):
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            await calling


async def call_somebody(
    bus: GenesisInterface, directory: Path, *watchers: Watch, scenario: str = SHORT, patience_seconds: float = 300
) -> None:
    """Let the support call a person who does not come. It may know another scenario than who lets it."""
    assert await bus.wait_for_agent("support", PATIENCE_SECONDS)
    script = load_scenario(SHORT)
    agents: dict[Side, str] = {"customer": "somebody", "support": "support"}
    personas = {side: script.persona_of(side) for side in SIDES}
    production = Production(scenario, script, agents, personas, "room", directory)
    venue = LiveKitVenue(bus, production, person="customer", person_patience_seconds=patience_seconds)
    await produce(bus, production, watchers, venue)
