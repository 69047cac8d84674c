"""One side of a call in a LiveKit room, where no server is needed: what keeps it from the call, and what it tells of a person."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, JobContext, ModelSettings, UserStateChangedEvent

from genesis_lib.settings import resolve_settings
from genesis_lib.voice.livekit.announced_turns import AnnouncedTurnsAgent
from genesis_lib.voice.livekit.conversation import Conversation, Worker
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.telling import LineThere, SessionTeller
from genesis_lib.voice.messages import ControlKind, VoiceTranscript
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
    teller.begin(cast("AgentSession[None]", session))
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


async def test_audio_that_cannot_be_taken_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    reasons: list[str] = []

    def hang_up(reason: str) -> None:
        reasons.append(reason)
        hearing.set_result(None)

    agent = AnnouncedTurnsAgent(cast("Any", None), lambda utterance, recognition: None, hang_up)
    hearing = asyncio.get_running_loop().create_future()
    events = agent.stt_node(one_frame(), ModelSettings())
    listening = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await hearing
    listening.cancel()
    assert "pip install" in reasons[0]


async def one_frame() -> AsyncIterator[rtc.AudioFrame]:
    yield rtc.AudioFrame(bytes(960), 24_000, 1, 480)
