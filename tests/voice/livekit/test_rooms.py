"""Calls in LiveKit rooms, on a real livekit-server."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import GenesisInterface, RemoteAgentError, VoiceError, load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.livekit.bus_line import BusLine
from genesis_lib.voice.livekit.credentials import load_credentials
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.server import LiveKitServer
from genesis_lib.voice.livekit.track_recorder import TrackRecorder
from genesis_lib.voice.livekit.worker import LiveKitCustomer, LiveKitSupport
from genesis_lib.voice.messages import ControlKind, VoiceControl
from genesis_lib.voice.production import CallResult
from genesis_lib.voice.scenario import SIDES, Side
from tests.voice.heard import LOUD, assert_cut_short, assert_heard_alternating, channels, loudness
from tests.voice.livekit.calls import PATIENCE_SECONDS, SHORT, Watch, hold
from tests.voice.livekit.server import LiveKitServerProcess
from tests.voice.livekit.workers import MutedCustomer, ShySupport

# Whoever publishes does so at once, when it has announced itself.
MUTE_SECONDS = 3


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
        assert result.figures.statistics[side]["dispatches"] >= 1
    assert [each.spoken for each in call.utterances if each.side == "customer"][-1] == "Wonderful, thank you. Goodbye."


async def test_workers_take_the_next_call_at_once(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long they take to enter: a dispatch that no worker is offered is lost."""
    monkeypatch.setattr("genesis_lib.voice.livekit.orchestrator._ENTERING_SECONDS", PATIENCE_SECONDS)
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(LiveKitSupport, {"agent_id": "support"})
    for room in ("one", "another"):
        result = await hold(bus, SHORT, tmp_path / room, room=room)
        assert result.missing == ()
        assert result.figures.statistics == {side: {"dispatches": 1} for side in SIDES}


async def test_a_dispatch_that_nobody_takes_is_tried_again_and_counted(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    await agent_process(ShySupport, {"agent_id": "support"})
    result = await hold(bus, SHORT, tmp_path / "call")
    assert result.missing == ()
    assert result.figures.statistics["support"]["dispatches"] >= 2


async def test_a_worker_that_does_not_come_is_named(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(LiveKitCustomer, {"agent_id": "customer"})
    support = await agent_process(LiveKitSupport, {"agent_id": "support"})
    async with GenesisInterface("impatient", settings=load_settings(retry_attempts=1)) as impatient:
        for agent_id in SIDES:
            assert await impatient.wait_for_agent(agent_id, PATIENCE_SECONDS)
        support.send_signal(signal.SIGSTOP)
        with pytest.raises(VoiceError, match=r"^[Ss]upport did not come after 1 dispatches; is it a worker of"):
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
    names = {"customer": "Ann", "support": "Ben"}
    tracks = TrackRecorder(credentials, "room", names, lambda frame: None)
    partners: dict[Side, str] = {"customer": "support", "support": "customer"}
    joined: dict[str, asyncio.Event] = {"Customer": asyncio.Event(), "Support": asyncio.Event()}

    def listen(control: VoiceControl) -> None:
        # Whoever takes the other side for a person joins in the name of that, too.
        if control.kind is ControlKind.JOIN and control.text in joined:
            joined[control.text].set()

    line = await BusLine(bus.app.participant, "room", "listener", "Listener", listen).open()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(line.close)
        server = await stack.enter_async_context(LiveKitServer(credentials))
        await server.create_room("room", 60)
        await tracks.join()
        for side, partner in partners.items():
            with_people = kinds[side] == "people"
            order = CallOrder(scenario=SHORT, side=side, partner_id=partner, partner_is_person=with_people)
            await server.dispatch("room", side, order)
        await tracks.wait_for_participants(SIDES, PATIENCE_SECONDS)
        await tracks.wait_for_tracks(PATIENCE_SECONDS, heard)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(each.wait() for each in joined.values()))
        if heard != set(SIDES):
            mute = " and ".join(name for identity, name in names.items() if identity not in heard)
            with pytest.raises(VoiceError, match=f"^{mute} was not to be heard"):
                await tracks.wait_for_tracks(MUTE_SECONDS)
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


# Two minutes and ten seconds is how long a worker of livekit-agents tries to get back, if nobody tells it otherwise.
@pytest.mark.parametrize("outage_seconds", [0, pytest.param(150, marks=pytest.mark.long)])
async def test_a_server_that_is_killed_ends_the_call_and_the_recording_is_readable(
    bus: GenesisInterface,
    agent_process: StartAgentProcess,
    tmp_path: Path,
    livekit_server: LiveKitServerProcess,
    outage_seconds: float,
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
    doing = (await bus.request_agent("support", "What are you doing?"))["message"]
    assert "It gets no calls: the LiveKit server at" in doing
    await asyncio.sleep(outage_seconds)
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
    with pytest.raises(RemoteAgentError, match="is not in LiveKit room another, but in room"):
        await ask("support", "hang_up", room="another")
    assert await ask("support", "hang_up", reason="enough", room="room") == "enough"
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
