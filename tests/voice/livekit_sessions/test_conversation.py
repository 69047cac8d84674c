"""One side of a call in a LiveKit room, where no server is needed: what keeps it from the call, and what it tells of a person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, JobContext, UserStateChangedEvent

from genesis_lib.errors import VoiceError
from genesis_lib.settings import resolve_settings
from genesis_lib.voice.audio import samples
from genesis_lib.voice.livekit import presence
from genesis_lib.voice.livekit.conversation import Conversation, Worker
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.presence import Presence
from genesis_lib.voice.livekit.telling import LineThere, SessionTeller
from genesis_lib.voice.messages import ControlKind, VoiceControl, VoiceTranscript
from genesis_lib.voice.speech.ports import Recognition
from tests.voice.livekit_sessions.wires import Wire

PATIENCE_SECONDS = 10
ORDER = CallOrder(scenario="weather", side="support", partner_id="customer")


class Job:
    """A job that cannot get into its room."""

    def __init__(self, failure: Exception) -> None:
        self.job = SimpleNamespace(room=SimpleNamespace(name="room"))
        self._failure = failure
        self.shut_down: list[str] = []

    async def connect(self) -> None:
        raise self._failure

    def shutdown(self, reason: str) -> None:
        self.shut_down.append(reason)


def conversation_of(job: Job) -> Conversation:
    nothing = cast("Any", None)
    worker = Worker(
        "support", "Ben", resolve_settings({}).settings, "espeak", "pocketsphinx", nothing, nothing, nothing
    )
    return Conversation(cast("JobContext", job), ORDER, worker)


async def test_a_room_that_cannot_be_entered_ends_the_call_with_what_to_look_at() -> None:
    job = Job(rtc.ConnectError("ICE failed"))
    conversation = conversation_of(job)
    await conversation.start()
    told = "Ben cannot enter LiveKit room room: ICE failed; can it reach the server's ports for media?"
    assert conversation.over.result(0) == f"VoiceError: {told}"
    assert str(conversation.ready.exception(0)) == told
    assert job.shut_down == [told]


async def test_an_error_that_nobody_expected_ends_the_call_too() -> None:
    conversation = conversation_of(Job(LookupError("no such codec")))
    with pytest.raises(LookupError):
        await conversation.start()
    assert conversation.over.result(0) == "LookupError: no such codec"
    assert "LookupError: no such codec" in str(conversation.ready.exception(0))


class Notes:
    """A LineThere that keeps what it is told."""

    def __init__(self, my_id: str) -> None:
        self.line = SimpleNamespace(room="room", my_id=my_id)
        self.controls: list[tuple[ControlKind, int]] = []
        self.transcripts: list[VoiceTranscript] = []

    def control(
        self, kind: ControlKind, media_time: int, utterance_id: int = 0, target_id: str = "", text: str = ""
    ) -> None:
        self.controls.append((kind, utterance_id))

    def transcript(self, transcript: VoiceTranscript) -> None:
        self.transcripts.append(transcript)


async def test_what_a_person_says_while_the_call_begins_is_told() -> None:
    own, theirs = Notes("support"), Notes("customer")
    teller = SessionTeller(cast("LineThere", own), "customer", cast("LineThere", theirs))
    session = Listening("speaking")
    teller.begin(cast("AgentSession[None]", session), time.time())
    session.becomes("listening")
    teller.heard_before(teller.now, bytes(640), Recognition("hello", 0.9))
    assert theirs.controls == [(ControlKind.UTTERANCE_START, 1), (ControlKind.UTTERANCE_END, 1)]
    assert [(each.utterance_id, each.text) for each in own.transcripts] == [(1, "hello")]


class Listening(rtc.EventEmitter[str]):
    """As much of a session as tells whether the person speaks."""

    def __init__(self, user_state: Any) -> None:
        super().__init__()
        self.user_state = user_state
        self.output = SimpleNamespace(audio=Wire().mouth)

    def becomes(self, user_state: Any) -> None:
        before, self.user_state = self.user_state, user_state
        self.emit("user_state_changed", UserStateChangedEvent(old_state=before, new_state=user_state))


@pytest.mark.parametrize(("seconds_ago", "since_then"), [(1.5, True), (-60, False), (600, False)])
async def test_media_time_begins_when_the_call_does_unless_that_was_long_ago(
    seconds_ago: float, since_then: bool
) -> None:
    """As the orchestrator tells it; where the clocks of machines differ much, it begins when it is told."""
    teller = SessionTeller(cast("LineThere", Notes("support")), "customer", None)
    teller.begin(cast("AgentSession[None]", Listening("listening")), time.time() - seconds_ago)
    assert samples(1.5 if since_then else 0) <= teller.now < samples(seconds_ago if seconds_ago > 100 else 60)


async def test_nobody_barges_in_on_what_has_ended() -> None:
    own = Notes("support")
    teller = SessionTeller(cast("LineThere", own), "customer", None)
    teller.interrupt()
    assert own.controls == []
    for kind in (ControlKind.UTTERANCE_START, ControlKind.UTTERANCE_END):
        teller.on_control(VoiceControl("room", "customer", kind, 0, 7))
        teller.interrupt()
    assert own.controls == [(ControlKind.INTERRUPT, 7)]


class Place(rtc.EventEmitter[str]):
    """As much of a room as tells who is audible."""

    name = "room"

    def __init__(self) -> None:
        super().__init__()
        self.remote_participants: dict[str, Any] = {}

    def becomes_audible(self, identity: str) -> None:
        track = SimpleNamespace(subscribed=True, kind=rtc.TrackKind.KIND_AUDIO)
        self.remote_participants[identity] = SimpleNamespace(track_publications={"1": track})
        self.emit("track_subscribed")


@pytest.mark.parametrize("told_first", [True, False])
async def test_an_agent_is_there_when_it_is_audible_and_heard_on_the_bus(told_first: bool) -> None:
    room = Place()
    waiting_for = Presence(cast("rtc.Room", room), "customer", announces=True)
    waiting = asyncio.create_task(waiting_for.wait())
    steps: list[Callable[[], None]] = [waiting_for.on_control, lambda: room.becomes_audible("customer")]
    for step in steps if told_first else reversed(steps):
        await asyncio.sleep(0)
        assert not waiting.done()
        step()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting


async def test_a_person_is_there_when_audible() -> None:
    room = Place()
    room.becomes_audible("customer")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await Presence(cast("rtc.Room", room), "customer", announces=False).wait()


async def test_an_agent_that_is_not_heard_on_the_bus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_BUS_SECONDS", 0)
    room = Place()
    room.becomes_audible("customer")
    with pytest.raises(VoiceError, match="customer is heard in LiveKit room room but not on the bus"):
        await Presence(cast("rtc.Room", room), "customer", announces=True).wait()
