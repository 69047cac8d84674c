"""One side of a call: hears the other, thinks, speaks, until somebody hangs up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress

from genesis_lib.errors import GenesisError
from genesis_lib.voice.audio import samples_in, seconds
from genesis_lib.voice.brain import Brain, Bus, BusCall, Thought, Turn
from genesis_lib.voice.messages import TranscriptSource, VoiceTranscript
from genesis_lib.voice.persona import Persona
from genesis_lib.voice.room import HeardUtterance, Utterance, VoiceRoom
from genesis_lib.voice.speech.ports import Recogniser, Speaker, VoiceStyle

logger = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 1.0


class Call:
    """One side of a call.

    Args:
        room: joined already.
        participant_id: this side, as the room knows it.
        brain, speaker, recogniser: what it thinks, speaks and hears with. They stay the caller's to close.
        bus: the way to other agents.
        persona: how this side sounds, and how long it lets the other talk.
        opens: this side says the first words.
        time_limit_seconds: media time after which it hangs up; in a fast room, once it has heard something more.
    """

    def __init__(
        self,
        room: VoiceRoom,
        participant_id: str,
        brain: Brain,
        speaker: Speaker,
        recogniser: Recogniser,
        bus: Bus,
        persona: Persona,
        *,
        opens: bool,
        time_limit_seconds: float,
    ) -> None:
        self._room = room
        self._id = participant_id
        self._brain = brain
        self._speaker = speaker
        self._recogniser = recogniser
        self._bus = _TalkingBus(bus, self.say)
        self._persona = persona
        self._opens = opens
        self._time_limit = time_limit_seconds
        self._speaking = asyncio.Lock()
        self.turns: list[Turn] = []

    async def run(self) -> str:
        """Talk until the call ends; the reason it ended with. What goes wrong on this side ends it, too, with what it was."""
        talking = asyncio.ensure_future(self._talk())
        barging_in = asyncio.ensure_future(self._barge_in())
        try:
            # Not left to the talking alone: a side that never says anything would keep it waiting for ever.
            time_left = None if self._room.is_fast else max(0.0, self._time_limit - seconds(self._room.now))
            await asyncio.wait({talking, self._room.ended}, timeout=time_left, return_when=asyncio.FIRST_COMPLETED)
            if not self._room.ended.done():
                await self._room.hang_up(self._reason(talking) if talking.done() else self._out_of_time)
            reason = await self._room.ended
            await self._record_last_words()
            return reason
        finally:
            for task in (talking, barging_in):
                task.cancel()
            await asyncio.gather(talking, barging_in, return_exceptions=True)

    async def _record_last_words(self) -> None:
        """Wait until what the end of the call cut short is recorded as far as it got."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS), self._speaking:
                pass

    @property
    def _out_of_time(self) -> str:
        return f"the time limit of {self._time_limit:g} s is over"

    @staticmethod
    def _reason(talking: asyncio.Future[str]) -> str:
        error = talking.exception()
        if error is None:
            return talking.result()
        if isinstance(error, GenesisError):
            logger.warning("the call ends: %s", error)
            return f"{type(error).__name__}: {error}"
        raise error

    async def _talk(self) -> str:
        if self._opens and (reason := await self._follow(self._brain.open_call(self._bus))):
            return reason
        async for heard in self._room.utterances():
            if seconds(self._room.now) > self._time_limit:
                return self._out_of_time
            if reason := await self._follow(self._answer(heard)):
                return reason
        return "the other side is silent"

    async def _follow(self, thinking: Awaitable[Thought]) -> str:
        """Say what comes of thinking; the reason to hang up with, "" when there is none."""
        thought = await thinking
        self._bus.check()
        await self.say(thought.text)
        return thought.hang_up

    async def _barge_in(self) -> None:
        patience = self._persona.interrupts_after_seconds
        while patience is not None and not self._room.ended.done():
            await self._room.wait_for_speech(patience)
            self._room.interrupt()

    async def _answer(self, heard: HeardUtterance) -> Thought:
        recognition = await self._recogniser.recognise(heard.pcm)
        self._publish(heard.speaker_id, heard.utterance_id, TranscriptSource.HEARD, recognition.text, heard.start,
                      heard.end, recognition.confidence)  # fmt: skip
        before = tuple(self.turns)
        self.turns.append(Turn(False, recognition.text))
        return await self._brain.answer(recognition.text, before, self._bus)

    async def say(self, text: str) -> str:
        """Say this when nothing else is being said; what was said of it before the other side barged in."""
        if not text:
            return ""
        async with self._speaking:
            return await self._say(text)

    async def _say(self, text: str) -> str:
        produced = _Counted(self._speaker.speak(text, self._persona.style))
        utterance = await self._room.say(produced.pieces())
        spoken = _as_far_as_played(text, utterance, produced.samples, self._persona.style)
        self.turns.append(Turn(True, spoken))
        self._publish(
            self._id, utterance.utterance_id, TranscriptSource.SPOKEN, spoken, utterance.start, utterance.end, 1.0
        )
        return spoken

    def _publish(
        self, speaker: str, utterance: int, source: TranscriptSource, text: str, start: int, end: int, confidence: float
    ) -> None:
        self._room.publish_transcript(
            VoiceTranscript(self._room.name, utterance, speaker, self._id, source, text, start, end, confidence)
        )


class _TalkingBus:
    """The bus, with what is said to the other side while an answer is awaited."""

    def __init__(self, bus: Bus, say: Callable[[str], Awaitable[str]]) -> None:
        self._bus = bus
        self._say = say
        self._unsaid: BaseException | None = None

    async def call(self, call: BusCall) -> str:
        """See Bus."""
        saying = asyncio.ensure_future(self._say(call.meanwhile))
        asking = asyncio.ensure_future(self._bus.call(call))
        try:
            await asyncio.wait({saying, asking})
            self._unsaid = self._unsaid or saying.exception()
            return asking.result()
        finally:
            for task in (saying, asking):
                task.cancel()
            await asyncio.gather(saying, asking, return_exceptions=True)

    def check(self) -> None:
        """Raise what kept this side from speaking. To brains it would look like a call that failed."""
        if self._unsaid is not None:
            raise self._unsaid


class _Counted:
    """Audio on its way, and how much of it there was."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self.samples = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._source:
                self.samples += samples_in(piece)
                yield piece
        finally:
            if isinstance(self._source, AsyncGenerator):
                await self._source.aclose()


def _as_far_as_played(text: str, utterance: Utterance, produced: int, style: VoiceStyle) -> str:
    """The words of an interrupted utterance that were heard: by their share of the time the whole takes."""
    if not utterance.interrupted:
        return text
    words = text.split()
    whole = max(seconds(produced), len(words) * 60 / style.words_per_minute)
    played = seconds(utterance.end - utterance.start)
    return " ".join(words[: int(len(words) * min(1.0, played / whole))])
