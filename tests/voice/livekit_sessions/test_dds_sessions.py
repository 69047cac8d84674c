"""Sessions of livekit-agents talk in voice rooms over real DDS, each in a process of its own, without any server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import AgentSession

from genesis_lib import GenesisInterface
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.audio import samples, samples_in
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.livekit.llm import BrainAgent, GenesisLLM
from genesis_lib.voice.livekit.session_call import SessionCall, between_agents
from genesis_lib.voice.livekit.stt import GenesisSTT
from genesis_lib.voice.livekit.tts import GenesisTTS
from genesis_lib.voice.messages import ControlKind, TranscriptSource, VoiceControl, VoiceTranscript
from genesis_lib.voice.recorder import CallRecorder
from genesis_lib.voice.recording import Recording
from genesis_lib.voice.room import VoiceRoom
from genesis_lib.voice.scenario import SIDES, Side
from genesis_lib.voice.speech.open import open_speaker
from genesis_lib.voice.speech.ports import VoiceStyle
from genesis_lib.voice.words import word_errors
from tests.voice.heard import LOUD, channels, loudness
from tests.voice.livekit_sessions.people import Broken
from tests.voice.livekit_sessions.session_agents import Books, SessionCaller
from tests.voice.people import OneAnswer, number_scenario
from tests.voice.samples import audio_of

ROOM = "sessions"
PATIENCE_SECONDS = 120
OPENING = (
    "Good afternoon. You have reached the office of numbers, where we know who has which one. Please take your time and"
    " look it up. Which number is it?"
)


class Noted:
    """Watches a call: what was heard, and whether anything was spoken."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.first_words = asyncio.Event()

    def control(self, control: VoiceControl) -> None:
        if control.kind is ControlKind.UTTERANCE_START:
            self.first_words.set()

    def transcript(self, transcript: VoiceTranscript) -> None:
        if transcript.source is TranscriptSource.HEARD:
            self.heard.append(transcript.text)

    def bus_call(self, *arguments: Any, **options: Any) -> None:
        pass


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


@asynccontextmanager
async def recorded(bus: GenesisInterface, folder: Path) -> AsyncIterator[tuple[CallRecorder, Noted]]:
    recording, noted = Recording(folder, ROOM, *SIDES), Noted()
    agents = bus.app.directory.agents
    recorder = CallRecorder(bus.app.participant, ROOM, recording, *SIDES, agents=agents, watchers=[noted])
    await recorder.open()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield recorder, noted
    finally:
        await recorder.close()
        await recording.close("over")


async def begin(
    bus: GenesisInterface, start: StartAgentProcess, folder: Path, *, muted: bool = False, time_limit: float = 60
) -> dict[Side, AgentProcess]:
    """Let two sessions begin to talk; with `muted` nothing that the support says gets on the wire."""
    number_scenario(folder)
    processes = {side: await start(SessionCaller, {"agent_name": side.title(), "agent_id": side}) for side in SIDES}
    for side in SIDES:
        assert await bus.wait_for_agent(side)
    await asyncio.gather(*(take_part(bus, folder, side, muted and side == "support", time_limit) for side in SIDES))
    return processes


async def take_part(bus: GenesisInterface, folder: Path, side: Side, muted: bool, time_limit: float) -> None:
    options = {"room": ROOM, "folder": str(folder), "side": side, "muted": muted, "time_limit": time_limit}
    await bus.call_function(side, "take_part", timeout_seconds=60, **options)


async def end_of(bus: GenesisInterface, side: Side) -> dict[str, Any]:
    ended: dict[str, Any] = await bus.call_function(side, "wait_for_end", timeout_seconds=30)
    return ended


def assert_heard(spoken: str, turns: list[list[str]]) -> None:
    """The other side was understood, but for a word."""
    heard = " ".join(text for who, text in turns if who == "other")
    assert len(word_errors(spoken, heard).edits) <= 1, heard


async def test_two_sessions_talk_hear_each_other_and_are_recorded(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(Books, {"agent_id": "books"})
    assert await bus.wait_for_agent("books")
    async with recorded(bus, tmp_path / "call") as (recorder, _):
        await begin(bus, agent_process, tmp_path)
        assert await recorder.ended == "the owner is known"
        ended = {side: await end_of(bus, side) for side in SIDES}
    assert {each["reason"] for each in ended.values()} == {"the owner is known"}
    # What follows each other closely may be one turn or two, for who hears it.
    turns = ended["customer"]["turns"]
    assert [who for who, _ in groupby(turns, lambda turn: turn[0])] == ["other", "me", "other", "me"], turns
    assert_heard("Which number is it? One moment. It belongs to Ada.", turns)
    call = read_captured(tmp_path / "call")
    assert [each.side for each in call.utterances] == ["support", "customer", "support", "support", "customer"]
    assert [each.spoken for each in call.utterances] == [
        "Which number is it?",
        "The number is four two.",
        "One moment.",
        "It belongs to Ada.",
        "Thank you, goodbye.",
    ]
    assert not any(each.interrupted for each in call.utterances)
    left, right = channels(tmp_path / "call")
    for each in call.utterances:
        own, other = (left, right) if each.side == "customer" else (right, left)
        assert loudness(own[each.start : each.end]) > LOUD
        assert not any(other[each.start : each.end])
    figures = write_documents(tmp_path / "call")
    for side in SIDES:
        rate = figures.word_error[side].rate
        assert rate is not None
        assert rate <= 0.15
    assert [(made.side, made.target, made.error) for made in call.bus_calls] == [("support", "Books", "")]


async def test_a_wire_that_carries_no_speech_breaks_the_conversation(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    async with recorded(bus, tmp_path / "call") as (recorder, noted):
        await begin(bus, agent_process, tmp_path, muted=True, time_limit=8)
        assert await recorder.ended == "the time limit of 8 s is over"
        customer = await end_of(bus, "customer")
    assert customer["turns"] == []
    assert noted.heard == []
    assert read_captured(tmp_path / "call").utterances[0].spoken == "Which number is it?"


async def test_a_side_that_is_killed_ends_the_call(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    async with recorded(bus, tmp_path / "call") as (recorder, noted):
        processes = await begin(bus, agent_process, tmp_path)
        await noted.first_words.wait()
        processes["support"].send_signal(signal.SIGKILL)
        assert "Support was lost" in await recorder.ended
        assert "Support was lost" in (await end_of(bus, "customer"))["reason"]


async def test_barging_in_on_a_session_truncates_what_it_said(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    """The other side is a plain participant of the room, as a VoiceAgent is."""
    _, personas = number_scenario(tmp_path)
    scenario = tmp_path / "number.toml"
    scenario.write_text(scenario.read_text().replace("Which number is it?", OPENING))
    await agent_process(SessionCaller, {"agent_name": "Support", "agent_id": "support"})
    assert await bus.wait_for_agent("support")
    speaker = await open_speaker("espeak")
    async with recorded(bus, tmp_path / "call") as (recorder, _):
        room = await VoiceRoom(bus.app.participant, ROOM, "customer", "Customer").join()
        await take_part(bus, tmp_path, "support", muted=False, time_limit=60)
        assert await room.wait_for_speech(0.6) == "support"
        room.interrupt()
        mine = await room.say(speaker.speak("The number is four two.", VoiceStyle("en-us+f5")))
        assert not mine.interrupted
        # The books are not there, and it says so.
        assert await room.wait_for_speech(0.5) == "support"
        await room.hang_up("enough")
        assert await recorder.ended == "enough"
        turns = (await end_of(bus, "support"))["turns"]
        await room.leave()
    whole = await audio_of(speaker, OPENING, personas["support"].style)
    await speaker.close()
    cut = read_captured(tmp_path / "call").utterances[0]
    assert (cut.side, cut.interrupted) == ("support", True)
    assert cut.spoken is not None
    assert cut.spoken != OPENING
    assert OPENING.startswith(cut.spoken)
    assert samples(0.6) <= cut.end - cut.start < samples_in(whole)
    assert turns[0] == ["me", cut.spoken] or cut.spoken == ""
    assert_heard("The number is four two.", turns)


@pytest.mark.parametrize(("opens", "reason"), [(True, "VoiceError: out of breath"), (False, "VoiceError: deaf")])
async def test_speech_that_fails_ends_the_call_with_what_it_failed_with(
    bus: GenesisInterface, tmp_path: Path, opens: bool, reason: str
) -> None:
    scenario, personas = number_scenario(tmp_path)
    participant, broken = bus.app.participant, Broken()
    room = await VoiceRoom(participant, ROOM, "support", "Support").join()
    customer = await VoiceRoom(participant, ROOM, "customer", "Customer").join()
    call, brain = SessionCall(room, "support"), ScriptedBrain(scenario, "support", personas["support"])
    session = AgentSession[Any](
        tts=GenesisTTS(broken),
        stt=GenesisSTT(broken),
        llm=GenesisLLM(brain, OneAnswer(""), call.hang_up),
        **between_agents(),
    )
    speaker = await open_speaker("espeak")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await room.wait_for_participant(PATIENCE_SECONDS)
        talking = asyncio.create_task(call.run(session, BrainAgent(), opens=opens))
        if not opens:
            await customer.say(speaker.speak("The number is four two.", VoiceStyle()))
        assert await talking == reason
        assert await customer.ended == reason
    for each in (customer, room):
        await each.leave()
    await speaker.close()


async def test_a_pause_within_an_utterance_does_not_end_the_turn(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    """The room says when an utterance is over, however long it pauses."""
    number_scenario(tmp_path)
    await agent_process(SessionCaller, {"agent_name": "Support", "agent_id": "support"})
    assert await bus.wait_for_agent("support")
    speaker = await open_speaker("espeak")

    async def hesitating() -> AsyncIterator[bytes]:
        for words in ("The number is", "four two."):
            async for piece in speaker.speak(words, VoiceStyle("en-us+f5")):
                yield piece
            yield bytes(2 * samples(1.5))

    async with recorded(bus, tmp_path / "call") as (recorder, _):
        room = await VoiceRoom(bus.app.participant, ROOM, "customer", "Customer").join()
        await take_part(bus, tmp_path, "support", muted=False, time_limit=60)
        heard = room.utterances()
        await anext(heard)
        await room.say(hesitating())
        await anext(heard)
        await room.hang_up("enough")
        assert await recorder.ended == "enough"
        turns = (await end_of(bus, "support"))["turns"]
        await room.leave()
    await speaker.close()
    # One turn with what was said before the pause and after it.
    assert len([text for who, text in turns if who == "other"]) == 1
    assert_heard("The number is four two.", turns)
