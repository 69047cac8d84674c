"""Hearing an agent whose utterances are announced on the bus: each is taken whole, however long it pauses in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Final

from livekit import rtc
from livekit.agents import LanguageCode, ModelSettings, TurnHandlingOptions, stt

from genesis_lib.errors import GenesisError
from genesis_lib.voice.audio import FRAME_BYTES, SAMPLE_BYTES, samples, samples_in
from genesis_lib.voice.hearing import LONGEST_UTTERANCE_FRAMES
from genesis_lib.voice.livekit.audio import RoomPcm, is_quiet
from genesis_lib.voice.livekit.failures import reason_of
from genesis_lib.voice.livekit.llm import BrainAgent, OnHangUp
from genesis_lib.voice.livekit.stt import NOTHING_HEARD
from genesis_lib.voice.messages import ControlKind, VoiceControl
from genesis_lib.voice.speech.ports import Recogniser, Recognition

# Announcements and audio come by different ways. What came shortly before the announcement of a beginning may belong to it;
# and that of an end is ahead of the audio, which waits in jitter buffers.
_BEFORE_BYTES: Final = samples(0.5) * SAMPLE_BYTES
_SHORTEST_TAIL: Final = samples(0.2)
_QUIET: Final = samples(0.15)
_LONGEST_TAIL_SECONDS: Final = 1.0
_LONGEST_BYTES: Final = LONGEST_UTTERANCE_FRAMES * FRAME_BYTES

ANNOUNCED: Final = TurnHandlingOptions(
    turn_detection="stt",
    endpointing={"min_delay": 0.0, "max_delay": 0.0},
    interruption={"mode": "vad", "resume_false_interruption": False},
    preemptive_generation={"enabled": False},
)


@dataclass(slots=True)
class Announced:
    """An utterance as its speaker announced it, with the audio that came meanwhile.

    Attributes:
        start, end: media times in samples; `end` is 0 until it is announced.
        pcm: what was heard.
        lasted: how many samples came from the first loud ones on.
        quiet: how many samples it has been quiet for.
        tail: how many samples came after its end was announced.
    """

    number: int
    start: int
    end: int = 0
    pcm: bytearray = field(default_factory=bytearray)
    lasted: int = 0
    quiet: int = 0
    tail: int = 0

    def add(self, pcm: bytes) -> None:
        """Something more was heard."""
        if len(self.pcm) < _LONGEST_BYTES:
            self.pcm += pcm
        length, is_loud = samples_in(pcm), not is_quiet(pcm)
        self.quiet = 0 if is_loud else self.quiet + length
        if self.lasted or is_loud:
            self.lasted += length

    @property
    def is_complete(self) -> bool:
        """Whether as much was heard as was said, and it is quiet now: speakers pause between sentences, too."""
        return self.tail >= _SHORTEST_TAIL and self.quiet >= _QUIET and self.lasted >= self.end - self.start


class _Sign(Enum):
    STARTED = auto()
    NO_MORE = auto()


class AnnouncedTurnsAgent(BrainAgent):
    """The agent of a session with `turn_handling=ANNOUNCED`, a GenesisLLM, and no voice activity detection.

    Args:
        recogniser: what hears. It stays the caller's to close.
        on_heard: told what it made of each utterance.
        on_hang_up: told the reason when the recogniser fails, or the audio cannot be taken.
    """

    def __init__(
        self, recogniser: Recogniser, on_heard: Callable[[Announced, Recognition], None], on_hang_up: OnHangUp
    ) -> None:
        super().__init__()
        self._recogniser = recogniser
        self._on_heard = on_heard
        self._on_hang_up = on_hang_up
        self._loop = asyncio.get_running_loop()
        self._before = bytearray()
        self._collecting: Announced | None = None
        self._tail: asyncio.TimerHandle | None = None
        self._heard: asyncio.Queue[Announced | _Sign] = asyncio.Queue()

    def on_control(self, control: VoiceControl) -> None:
        """Take what the other side announces."""
        if control.kind is ControlKind.UTTERANCE_START:
            self._finish()
            self._start(Announced(control.utterance_id, control.media_time))
        elif control.kind is ControlKind.UTTERANCE_END and self._collecting is not None and self._tail is None:
            self._collecting.end = control.media_time
            self._tail = self._loop.call_later(_LONGEST_TAIL_SECONDS, self._finish)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[stt.SpeechEvent]:
        """See Agent of livekit-agents."""
        collecting = asyncio.create_task(self._collect(audio))
        collecting.add_done_callback(lambda _: self._heard.put_nowait(_Sign.NO_MORE))
        with ExitStack() as stack:
            stack.push(self._hang_up_on_failure)
            try:
                while (heard := await self._heard.get()) is not _Sign.NO_MORE:
                    if isinstance(heard, Announced):
                        yield await self._recognised(heard)
                        yield stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH)
                    else:
                        yield stt.SpeechEvent(stt.SpeechEventType.START_OF_SPEECH)
                await collecting
            finally:
                collecting.cancel()
                await asyncio.gather(collecting, return_exceptions=True)

    def _hang_up_on_failure(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """A session whose hearing ends goes on, deaf; it writes to its log what this library did not expect."""
        if isinstance(error, Exception):
            self._on_hang_up(reason_of(error))
        return isinstance(error, GenesisError)

    async def _recognised(self, utterance: Announced) -> stt.SpeechEvent:
        recognition = await self._recogniser.recognise(bytes(utterance.pcm)) if utterance.pcm else Recognition("", 0.0)
        self._on_heard(utterance, recognition)
        heard = stt.SpeechData(LanguageCode("en"), recognition.text or NOTHING_HEARD, confidence=recognition.confidence)
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard])

    async def _collect(self, audio: AsyncIterable[rtc.AudioFrame]) -> None:
        stream: RoomPcm | None = None
        async for frame in audio:
            stream = stream or RoomPcm(frame.sample_rate)
            self._take(stream.feed(frame))

    def _take(self, pcm: bytes) -> None:
        if self._collecting is None:
            self._before = (self._before + pcm)[-_BEFORE_BYTES:]
            return
        self._collecting.add(pcm)
        if self._tail is not None:
            self._collecting.tail += samples_in(pcm)
            if self._collecting.is_complete:
                self._finish()

    def _start(self, utterance: Announced) -> None:
        for at in range(0, len(self._before), FRAME_BYTES):
            utterance.add(bytes(self._before[at : at + FRAME_BYTES]))
        self._before.clear()
        self._collecting = utterance
        self._heard.put_nowait(_Sign.STARTED)

    def _finish(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
            self._tail = None
        if self._collecting is not None:
            self._heard.put_nowait(self._collecting)
            self._collecting = None
