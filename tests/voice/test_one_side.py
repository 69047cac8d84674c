"""One side of a call in this process, and the other in another one. Tones stand for speech."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from genesis_lib.dds.port import Participant
from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import samples, seconds
from genesis_lib.voice.brain import Brain, Bus, BusCall, Thought, Turn
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.call import Call
from genesis_lib.voice.listener import RoomListener
from genesis_lib.voice.messages import ControlKind, TranscriptSource, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.persona import load_persona
from genesis_lib.voice.room import VoiceRoom
from genesis_lib.voice.speech.ports import Recognition, VoiceStyle
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS
from tests.voice.people import OneAnswer, number_scenario
from tests.voice.tones import tone

ROOM = "one side"
ME, BEN = "me", "ben"
LONG = " ".join(f"word{number}" for number in range(100))  # 40 s
SHORT = "word0 word1"


class Tones:
    """A Speaker for which every word is a tone. It keeps the audio it makes, so that nobody but its user closes it."""

    def __init__(self, unspeakable: str = "") -> None:
        self._unspeakable = unspeakable
        self._made: list[AsyncIterator[bytes]] = []
        self.being_said = 0
        self.begun = asyncio.Event()

    def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        self._made.append(self._words(text, style))
        return self._made[-1]

    async def close(self) -> None: ...

    async def _words(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        if text == self._unspeakable:
            raise VoiceError("the voice is gone")
        self.being_said += 1
        try:
            word = tone(300, 60 / style.words_per_minute)
            for _ in text.split():
                yield word
                self.begun.set()
        finally:
            self.being_said -= 1


@dataclass
class Understands:
    """A Recogniser that hears the same in everything."""

    text: str = "the number is four two"

    async def recognise(self, pcm: bytes) -> Recognition:
        return Recognition(self.text)

    async def close(self) -> None: ...


@dataclass
class Opens:
    """A Brain that opens the call with a text, or with a call on the bus, and has nothing else to say."""

    text: str = ""
    call: BusCall | None = None

    async def open_call(self, bus: Bus) -> Thought:
        return Thought(self.text if self.call is None else await bus.call(self.call))

    async def answer(self, heard: str, turns: Sequence[Turn], bus: Bus) -> Thought:
        return Thought("")

    async def close(self) -> None: ...


class Silent:
    """A Bus where nobody ever answers."""

    async def call(self, call: BusCall) -> str:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


@dataclass
class Broken:
    """A Bus that breaks while something is being said."""

    speaker: Tones

    async def call(self, call: BusCall) -> str:
        await self.speaker.begun.wait()
        raise ZeroDivisionError("a mistake")


class Overheard:
    """What somebody hears who listens in."""

    def __init__(self) -> None:
        self.spoken: asyncio.Queue[str] = asyncio.Queue()
        self.some_words = asyncio.Event()
        self.all_words = asyncio.Event()
        self._began: int | None = None

    def frame(self, frame: VoiceFrame) -> None:
        self._began = frame.media_time if self._began is None else self._began
        if frame.media_time - self._began > samples(2):
            self.some_words.set()

    def control(self, control: VoiceControl) -> None:
        if control.kind is ControlKind.UTTERANCE_END:
            self.all_words.set()

    def transcript(self, transcript: VoiceTranscript) -> None:
        if transcript.source is TranscriptSource.SPOKEN:
            self.spoken.put_nowait(transcript.text)


@pytest.fixture
async def overheard(participant: Participant) -> AsyncIterator[Overheard]:
    ears = Overheard()
    listener = RoomListener(
        participant, ROOM, on_frame=ears.frame, on_control=ears.control, on_transcript=ears.transcript
    )
    await listener.open()
    yield ears
    await listener.close()


@pytest.fixture
async def room(participant: Participant) -> AsyncIterator[VoiceRoom]:
    joined = await VoiceRoom(participant, ROOM, ME, "Me").join()
    yield joined
    await joined.leave()


@pytest.fixture
async def ben(room: VoiceRoom) -> AsyncIterator[Peer]:
    """The other side, in another process and in the room."""
    peer = await Peer("tests.voice.room_process").start()
    await asyncio.gather(
        peer.do("join", room=ROOM, id=BEN, pace="realtime"), room.wait_for_participant(PATIENCE_SECONDS)
    )
    yield peer
    await peer.end()


def call_in(
    room: VoiceRoom, brain: Brain, speaker: Tones, bus: Bus | None = None, *, time_limit_seconds: float = 600
) -> Call:
    return Call(
        room,
        ME,
        brain,
        speaker,
        Understands(),
        bus or OneAnswer("It belongs to Ada."),
        load_persona("patient-agent"),
        opens=True,
        time_limit_seconds=time_limit_seconds,
    )


async def assert_cut_and_on_record(call: Call, overheard: Overheard) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        spoken = await overheard.spoken.get()
    assert LONG.startswith(spoken)
    assert 0 < len(spoken) < len(LONG)
    assert call.turns == [Turn(True, spoken)]


@pytest.mark.parametrize("by", ["the other side", "this side", "leaving", "dying"])
async def test_what_the_end_of_the_call_cuts_short_is_on_record(
    room: VoiceRoom, ben: Peer, overheard: Overheard, by: str
) -> None:
    speaker = Tones()
    call = call_in(room, Opens(LONG), speaker)
    running = asyncio.create_task(call.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await overheard.some_words.wait()
        match by:
            case "the other side":
                await ben.do("hang up", reason="enough")
            case "this side":
                await room.hang_up("enough")
            case "leaving":
                await ben.do("leave")
            case _:
                ben.send_signal(signal.SIGKILL)
        reason = await running
    assert reason.split(":")[0] in ("enough", "Ben left", "Ben was lost")
    assert speaker.being_said == 0
    await assert_cut_and_on_record(call, overheard)


async def test_what_the_time_limit_cuts_short_is_on_record(room: VoiceRoom, ben: Peer, overheard: Overheard) -> None:
    limit = seconds(room.now) + 4
    call = call_in(room, Opens(LONG), Tones(), time_limit_seconds=limit)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await call.run() == f"the time limit of {limit:g} s is over"
    await assert_cut_and_on_record(call, overheard)


async def test_what_nobody_confirms_any_more_as_the_call_ends_is_on_record(
    room: VoiceRoom, ben: Peer, overheard: Overheard
) -> None:
    call = call_in(room, Opens(SHORT), Tones())
    running = asyncio.create_task(call.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await overheard.all_words.wait()
        await room.hang_up("enough")
        assert await running == "enough"
        assert await overheard.spoken.get() == SHORT
    assert call.turns == [Turn(True, SHORT)]


async def test_what_is_said_while_an_agent_is_asked_is_on_record_when_the_call_ends(
    room: VoiceRoom, ben: Peer, overheard: Overheard
) -> None:
    call = call_in(room, Opens(call=BusCall("Books", "Whose?", meanwhile=LONG)), Tones(), Silent())
    running = asyncio.create_task(call.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await overheard.some_words.wait()
        await ben.do("hang up", reason="enough")
        assert await running == "enough"
    await assert_cut_and_on_record(call, overheard)


async def test_a_voice_that_fails_while_an_agent_is_asked_ends_the_call(
    room: VoiceRoom, ben: Peer, tmp_path: Path
) -> None:
    """It is not taken for a call on the bus that failed."""
    scenario, personas = number_scenario(tmp_path)
    await ben.do("answer", hertz=[500])
    call = call_in(room, ScriptedBrain(scenario, "support", personas["support"]), Tones("One moment."))
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await call.run() == "VoiceError: the voice is gone"
    assert call.turns == [Turn(True, "Which number is it?"), Turn(False, "the number is four two")]


async def test_nothing_goes_on_after_a_mistake_on_the_way_to_the_bus(room: VoiceRoom, ben: Peer) -> None:
    speaker = Tones()
    call = call_in(room, Opens(call=BusCall("Books", "Whose?", meanwhile="One moment.")), speaker, Broken(speaker))
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(ZeroDivisionError):
            await call.run()
    assert speaker.being_said == 0
    assert call.turns == [Turn(True, "One moment.")]


async def test_nothing_goes_on_after_a_call_that_is_cancelled(room: VoiceRoom, ben: Peer) -> None:
    speaker = Tones()
    call = call_in(room, Opens(call=BusCall("Books", "Whose?", meanwhile=LONG)), speaker, Silent())
    running = asyncio.create_task(call.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await speaker.begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert speaker.being_said == 0
