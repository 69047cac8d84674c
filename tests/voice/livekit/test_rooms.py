"""Calls in LiveKit rooms, on a real livekit-server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import GenesisInterface, RemoteAgentError, VoiceError, load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.livekit.credentials import load_credentials
from genesis_lib.voice.livekit.orchestrator import LiveKitVenue
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.server import LiveKitServer
from genesis_lib.voice.livekit.track_recorder import TrackRecorder
from genesis_lib.voice.livekit.worker import LiveKitCustomer, LiveKitSupport
from genesis_lib.voice.messages import ControlKind, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.production import CallResult, Production, produce
from genesis_lib.voice.scenario import SIDES, Side, load_scenario
from tests.voice.heard import LOUD, assert_cut_short, assert_heard_alternating, channels, loudness
from tests.voice.livekit.person import Person
from tests.voice.livekit.server import LiveKitServerProcess
from tests.voice.livekit.workers import MutedCustomer, ShySupport

PATIENCE_SECONDS = 30
SHORT = str(Path(__file__).parent / "short.toml")


@pytest.fixture
async def bus(genesis_domain: int, livekit_server: LiveKitServerProcess) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


class Watch:
    """Waits for what a side does; a CallWatcher."""

    def __init__(self, side: Side, kind: ControlKind) -> None:
        self._awaited = (side, kind)
        self.happened = asyncio.Event()

    def control(self, control: VoiceControl) -> None:
        if (control.participant_id, control.kind) == self._awaited:
            self.happened.set()

    def transcript(self, transcript: VoiceTranscript) -> None:
        pass

    def bus_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None:
        pass


async def hold(
    bus: GenesisInterface,
    scenario: str,
    directory: Path,
    *watchers: Watch,
    person: Side | None = None,
    room: str = "room",
) -> CallResult:
    """Let the workers "customer" and "support", which have been started, hold a call; or one of them with a person."""
    for agent_id in SIDES:
        assert agent_id == person or await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)
    script = load_scenario(scenario)
    agents: dict[Side, str] = {"customer": "customer", "support": "support"}
    personas = {side: script.persona_of(side) for side in SIDES}
    production = Production(scenario, script, agents, personas, room, directory)
    return await produce(bus, production, watchers, LiveKitVenue(bus, production, person=person))


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


async def test_a_dispatch_that_nobody_takes_is_tried_again_and_counted(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(ShySupport, {"agent_id": "support"})
    result = await hold(bus, SHORT, tmp_path / "call")
    assert result.missing == ()
    assert result.figures.statistics == {"customer": {"dispatches": 1}, "support": {"dispatches": 2}}


async def test_a_worker_that_does_not_come_is_named(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    support = await agent_process(LiveKitSupport, {"agent_id": "support"})
    async with GenesisInterface("impatient", settings=load_settings(retry_attempts=1)) as impatient:
        for agent_id in SIDES:
            assert await impatient.wait_for_agent(agent_id, PATIENCE_SECONDS)
        support.send_signal(signal.SIGSTOP)
        with pytest.raises(VoiceError, match="did not come after 1 dispatches; is it a worker of this server"):
            await hold(impatient, SHORT, tmp_path / "call")
        support.send_signal(signal.SIGCONT)
    assert "did not come" in read_captured(tmp_path / "call").reason


@pytest.mark.parametrize(
    ("kinds", "heard"),
    [
        ({"customer": "agents", "support": "agents"}, {"customer", "support"}),
        ({"customer": "people", "support": "agents"}, {"support"}),
        ({"customer": "people", "support": "people"}, set()),
    ],
    ids=["both accept agents", "one does", "by default nobody does"],
)
async def test_who_accepts_no_agents_is_mute_among_them(
    bus: GenesisInterface, agent_process: StartAgentProcess, kinds: dict[Side, str], heard: set[str]
) -> None:
    """The kinds that a session accepts by default are those of people: it waits for one, and publishes no track."""
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    credentials = load_credentials(bus.app.settings)
    tracks = TrackRecorder(credentials, "room", {"customer": "Ann", "support": "Ben"}, lambda frame: None)
    partners: dict[Side, str] = {"customer": "support", "support": "customer"}
    async with LiveKitServer(credentials) as server:
        await server.create_room("room", 60)
        await tracks.join()
        for side, partner in partners.items():
            with_people = kinds[side] == "people"
            order = CallOrder(scenario=SHORT, side=side, partner_id=partner, partner_is_person=with_people)
            await server.dispatch("room", side, order)
        await tracks.wait_for_participants(SIDES, PATIENCE_SECONDS)
        if heard == set(SIDES):
            await tracks.wait_for_tracks(PATIENCE_SECONDS)
        else:
            missing = [name for name, identity in (("Ann", "customer"), ("Ben", "support")) if identity not in heard]
            with pytest.raises(VoiceError, match=f"^{' and '.join(missing)} was not to be heard"):
                await tracks.wait_for_tracks(8)
        await tracks.leave()
        await server.delete_room("room")


async def test_who_waits_for_a_side_is_told_when_its_call_ends_before_it_began(
    bus: GenesisInterface, agent_process: StartAgentProcess
) -> None:
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    assert await bus.wait_for_agent("support", PATIENCE_SECONDS)
    credentials = load_credentials(bus.app.settings)
    tracks = TrackRecorder(credentials, "room", {"support": "Ben"}, lambda frame: None)
    order = CallOrder(scenario=SHORT, side="support", partner_id="nobody", patience_seconds=2)
    async with LiveKitServer(credentials) as server:
        await server.create_room("room", 60)
        await tracks.join()
        await server.dispatch("room", "support", order)
        await tracks.wait_for_participants(["support"], PATIENCE_SECONDS)
        with pytest.raises(RemoteAgentError, match="ended before it began: the call did not begin within 2 s"):
            await bus.call_function("support", "wait_until_ready", timeout_seconds=PATIENCE_SECONDS, room="room")
        await tracks.leave()
        await server.delete_room("room")


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
        await person.say("I need an appointment with the dentist.")
        result = await calling
    assert result.missing == ()
    assert result.reason == "it is granted"
    call = read_captured(tmp_path / "call")
    said = [each for each in call.utterances if each.side == "customer"]
    assert "appointment with the dentist" in " ".join(each.heard or "" for each in said)
    left, right = channels(tmp_path / "call")
    assert loudness(left[said[0].start : said[-1].end]) > LOUD
    assert loudness(right) > LOUD / 10


async def test_nobody_takes_the_side_of_a_person(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    assert await bus.wait_for_agent("support", PATIENCE_SECONDS)
    script = load_scenario(SHORT)
    agents: dict[Side, str] = {"customer": "somebody", "support": "support"}
    personas = {side: script.persona_of(side) for side in SIDES}
    production = Production(SHORT, script, agents, personas, "room", tmp_path / "call")
    venue = LiveKitVenue(bus, production, person="customer", person_patience_seconds=1)
    with pytest.raises(VoiceError, match="somebody was not in the room, LiveKit room room, within 1 s"):
        await produce(bus, production, venue=venue)


async def test_a_line_that_carries_no_speech_breaks_the_conversation(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(MutedCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    result = await hold(bus, SHORT, tmp_path / "call")
    assert result.missing
    assert result.reason in ("support does not understand customer", "customer does not understand support")
    assert not any(each.heard for each in read_captured(tmp_path / "call").utterances if each.side == "customer")


async def test_a_worker_that_is_killed_ends_the_call_and_the_recording_is_readable(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    support = await agent_process(LiveKitSupport, {"agent_id": "support"})
    answered = Watch("customer", ControlKind.UTTERANCE_START)
    calling = asyncio.create_task(hold(bus, "appointment", tmp_path / "call", answered))
    await answered.happened.wait()
    support.send_signal(signal.SIGKILL)
    result = await calling
    assert "lost" in result.reason or "left" in result.reason
    assert_greeting_is_readable(tmp_path / "call", result)


async def test_a_server_that_is_killed_ends_the_call_and_the_recording_is_readable(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, livekit_server: LiveKitServerProcess
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    answered = Watch("customer", ControlKind.UTTERANCE_START)
    calling = asyncio.create_task(hold(bus, "appointment", tmp_path / "call", answered))
    await answered.happened.wait()
    livekit_server.kill()
    result = await calling
    assert "connection to the LiveKit server" in result.reason
    assert_greeting_is_readable(tmp_path / "call", result)
    livekit_server.start()
    again = await hold(bus, SHORT, tmp_path / "again", room="another room")
    assert again.missing == ()


def assert_greeting_is_readable(directory: Path, result: CallResult) -> None:
    assert result.missing
    call = read_captured(directory)
    assert call.reason == result.reason
    greeting = call.utterances[0]
    assert greeting.spoken
    assert greeting.spoken.startswith("Good afternoon")
    assert loudness(channels(directory)[1][greeting.start : greeting.end]) > LOUD


async def test_calls_are_steered_on_the_bus(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    for agent_id in SIDES:
        assert await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)

    async def ask(agent_id: str, function: str, **arguments: str) -> Any:
        return await bus.call_function(agent_id, function, timeout_seconds=PATIENCE_SECONDS, **arguments)

    with pytest.raises(RemoteAgentError, match="is in no call"):
        await ask("support", "hang_up")
    with pytest.raises(RemoteAgentError, match="is not in LiveKit room room"):
        await ask("support", "begin_call", room="room")
    greeted = Watch("support", ControlKind.UTTERANCE_END)
    calling = asyncio.create_task(hold(bus, "appointment", tmp_path / "call", greeted))
    await greeted.happened.wait()
    assert "LiveKit room room" in (await bus.request_agent("support", "What are you doing?"))["message"]
    assert await ask("support", "say", text="Please hold the line.") == "Please hold the line."
    assert await ask("support", "hang_up", reason="enough") == "enough"
    assert (await calling).reason == "enough"
    assert await ask("customer", "wait_for_end") == "enough"
    transcript = await ask("support", "get_transcript")
    assert {"by": "me", "text": "Please hold the line."} in transcript


@pytest.mark.long
async def test_barging_in_truncates_what_was_said(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    result = await hold(bus, "cancellation", tmp_path / "call")
    assert_cut_short(result, "cancellation", tmp_path / "call")
