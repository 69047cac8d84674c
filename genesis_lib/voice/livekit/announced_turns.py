"""Hearing an agent whose utterances are announced on the bus: each is taken whole, however long it pauses in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from livekit import rtc
from livekit.agents import LanguageCode, ModelSettings, TurnHandlingOptions, stt

from genesis_lib.errors import GenesisError
from genesis_lib.voice.audio import FRAME_BYTES, samples, samples_in
from genesis_lib.voice.hearing import LONGEST_UTTERANCE_FRAMES
from genesis_lib.voice.livekit.audio import RoomPcm, is_quiet
from genesis_lib.voice.livekit.llm import BrainAgent, OnHangUp
from genesis_lib.voice.livekit.stt import NOTHING_HEARD
from genesis_lib.voice.messages import ControlKind, VoiceControl
from genesis_lib.voice.speech.ports import Recogniser, Recognition

# The announcement of an end is ahead of the audio, which waits in jitter buffers: what comes after it is taken until it has
# been quiet for a while.
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
    """An utterance as its speaker announced it, with the audio that came meanwhile."""

    number: int
    start: int
    end: int = 0
    pcm: bytearray = field(default_factory=bytearray)
    tail: int = 0
    quiet: int = 0


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
        self._collecting: Announced | None = None
        self._tail: asyncio.TimerHandle | None = None
        self._heard: asyncio.Queue[Announced | None] = asyncio.Queue()

    def on_control(self, control: VoiceControl) -> None:
        """Take what the other side announces."""
        if control.kind is ControlKind.UTTERANCE_START:
            self._finish()
            self._collecting = Announced(control.utterance_id, control.media_time)
            self._heard.put_nowait(None)
        elif control.kind is ControlKind.UTTERANCE_END and self._collecting is not None and self._tail is None:
            self._collecting.end = control.media_time
            self._tail = self._loop.call_later(_LONGEST_TAIL_SECONDS, self._finish)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[stt.SpeechEvent]:
        """See Agent of livekit-agents."""
        collecting = asyncio.create_task(self._collect(audio))
        try:
            while not collecting.done():
                utterance = await self._heard.get()
                if utterance is None:
                    yield stt.SpeechEvent(stt.SpeechEventType.START_OF_SPEECH)
                    continue
                recognition = await self._recognise(utterance)
                heard = stt.SpeechData(
                    LanguageCode("en"), recognition.text or NOTHING_HEARD, confidence=recognition.confidence
                )
                yield stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard])
                yield stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH)
        except GenesisError as error:
            self._on_hang_up(f"{type(error).__name__}: {error}")
        finally:
            collecting.cancel()
            with suppress(asyncio.CancelledError):
                await collecting

    async def _recognise(self, utterance: Announced) -> Recognition:
        recognition = await self._recogniser.recognise(bytes(utterance.pcm)) if utterance.pcm else Recognition("", 0.0)
        self._on_heard(utterance, recognition)
        return recognition

    async def _collect(self, audio: AsyncIterable[rtc.AudioFrame]) -> None:
        stream: RoomPcm | None = None
        try:
            async for frame in audio:
                stream = stream or RoomPcm(frame.sample_rate)
                self._take(stream.feed(frame))
        except GenesisError as error:
            self._on_hang_up(f"{type(error).__name__}: {error}")

    def _take(self, pcm: bytes) -> None:
        if self._collecting is not None:
            if len(self._collecting.pcm) < _LONGEST_BYTES:
                self._collecting.pcm += pcm
            if self._tail is not None:
                self._take_tail(self._collecting, pcm)

    def _take_tail(self, utterance: Announced, pcm: bytes) -> None:
        length = samples_in(pcm)
        utterance.tail += length
        utterance.quiet = utterance.quiet + length if is_quiet(pcm) else 0
        if utterance.tail >= _SHORTEST_TAIL and utterance.quiet >= _QUIET:
            self._finish()

    def _finish(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
            self._tail = None
        if self._collecting is not None:
            self._heard.put_nowait(self._collecting)
            self._collecting = None
