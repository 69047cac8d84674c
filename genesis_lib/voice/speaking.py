"""The mouth: takes the floor, sends frames at their time, stops when somebody barges in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_SAMPLES, FRAME_SECONDS
from genesis_lib.voice.clock import RoomClock
from genesis_lib.voice.hearing import LONGEST_UTTERANCE_FRAMES, PATIENCE_FRAMES
from genesis_lib.voice.line import RoomLine
from genesis_lib.voice.messages import INTERRUPTED, ControlKind
from genesis_lib.voice.pacing import Frames, Pacer, paced
from genesis_lib.voice.statistics import RoomStatistics
from genesis_lib.voice.turns import FloorMachine, Say

# How far a room that is faster than real time may be ahead of the slowest ear.
_WINDOW = 10 * FRAME_SAMPLES
_PATIENCE_SECONDS = 2.0
_LONGEST_SECONDS = LONGEST_UTTERANCE_FRAMES * FRAME_SECONDS


@dataclass(frozen=True, slots=True)
class Utterance:
    """What this side said. `start` and `end` are media times in samples; with `interrupted` it was cut at `end`."""

    utterance_id: int
    start: int
    end: int
    interrupted: bool


class _Speech:
    """One utterance on its way out."""

    def __init__(self, utterance_id: int, start: int) -> None:
        self.utterance_id = utterance_id
        self.start = self.end = start
        self.interrupted = False
        self.sending: asyncio.Task[None] | None = None
        self._heard: dict[str, int] = {}
        self._news = asyncio.Event()
        self._silent: set[str] = set()

    def hear(self, listener: str, media_time: int) -> None:
        """A listener has played it up to here."""
        self._heard[listener] = max(self._heard.get(listener, 0), media_time)
        self._silent.discard(listener)
        self._news.set()

    def look_again(self) -> None:
        """Those who listen have changed."""
        self._news.set()

    async def until_heard(self, media_time: int, listeners: Callable[[], Sequence[str]]) -> None:
        """Wait until all listeners have heard it up to here. One that does not say so in time is not waited for until it says
        something again."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while self._behind(media_time, listeners()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            self._silent |= self._behind(media_time, listeners())

    def _behind(self, media_time: int, listeners: Sequence[str]) -> set[str]:
        return {
            listener
            for listener in listeners
            if listener not in self._silent and self._heard.get(listener, 0) < media_time
        }


class Mouth:
    """Speaks for one participant.

    Args:
        my_id: the participant.
        clock: the room's time.
        line: the line into the room.
        listeners: those who say what they have heard.
        fast: the room does not run in real time.
        statistics: where frames are counted.

    Attributes:
        floor: who may speak. What its methods return goes to `obey`.
    """

    def __init__(
        self,
        my_id: str,
        clock: RoomClock,
        line: RoomLine,
        listeners: Callable[[], Sequence[str]],
        *,
        fast: bool,
        statistics: RoomStatistics,
    ) -> None:
        self.floor = FloorMachine(my_id)
        self._clock = clock
        self._line = line
        self._listeners = listeners
        self._fast = fast
        self._statistics = statistics
        self._loop = asyncio.get_running_loop()
        self._one_at_a_time = asyncio.Lock()
        self._begun: asyncio.Future[_Speech] | None = None
        self._speech: _Speech | None = None
        self._last: _Speech | None = None
        self._utterances = 0
        self._closed = ""

    async def say(self, audio: AsyncIterator[bytes]) -> Utterance:
        """See VoiceRoom."""
        async with self._one_at_a_time, aclosing(Frames(audio)) as frames:
            if not await frames.begin():
                return Utterance(0, self._clock.now, self._clock.now, interrupted=False)
            speech = await self._take_floor()
            if speech.interrupted:  # before its first word
                return Utterance(speech.utterance_id, speech.start, speech.end, interrupted=True)
            speech.sending = asyncio.create_task(self._send(speech, frames))
            try:
                await asyncio.wait({speech.sending})
            finally:
                self._break_off(speech)
                await asyncio.gather(speech.sending, return_exceptions=True)
            with suppress(asyncio.CancelledError):
                speech.sending.result()
            if not speech.interrupted:
                await speech.until_heard(speech.end, self._listening)
            return Utterance(speech.utterance_id, speech.start, speech.end, speech.interrupted)

    def obey(self, says: Sequence[Say], *, at: int | None = None, utterance_id: int = 0) -> None:
        """Do what the floor demands. `at` is the media time of the message that it answers, `utterance_id` what is barged in
        on."""
        for say in says:
            if say.kind is ControlKind.UTTERANCE_START:
                self._start()
            elif say.kind is ControlKind.UTTERANCE_END:
                self._stop(say.interrupted, at)
            else:
                self._line.send_control(say.kind, self._clock.now, utterance_id, say.target_id)

    def is_saying(self, utterance_id: int) -> bool:
        """Whether this utterance is being said."""
        return self._speech is not None and self._speech.utterance_id == utterance_id

    def was_heard(self, listener: str, utterance_id: int, media_time: int) -> None:
        """A listener has played an utterance of this side up to here."""
        if self._last is not None and self._last.utterance_id == utterance_id:
            self._last.hear(listener, media_time)

    def listeners_changed(self) -> None:
        """Somebody came or went."""
        if self._last is not None:
            self._last.look_again()

    def close(self, reason: str) -> None:
        """Stop speaking, for good."""
        self._closed = reason
        self.listeners_changed()
        if self._speech is not None:
            self._break_off(self._speech)
        if self._begun is not None and not self._begun.done():
            self._begun.set_exception(VoiceError(f"nothing can be said any more: {reason}"))
        self.floor.give_up()

    def _listening(self) -> Sequence[str]:
        """Those who will say what they have heard: nobody when the call has ended."""
        return () if self._closed else self._listeners()

    async def _take_floor(self) -> _Speech:
        if self._closed:
            raise VoiceError(f"nothing can be said any more: {self._closed}")
        self._begun = self._loop.create_future()
        self.obey(self.floor.want())
        try:
            return await self._begun
        except asyncio.CancelledError:
            self.floor.give_up()
            if self._speech is not None:
                self._break_off(self._speech)
            raise

    def _start(self) -> None:
        self._utterances += 1
        self._speech = self._last = _Speech(self._utterances, self._clock.now)
        self._line.send_control(ControlKind.UTTERANCE_START, self._speech.start, self._speech.utterance_id)
        if self._begun is not None and not self._begun.done():
            self._begun.set_result(self._speech)

    def _stop(self, interrupted: bool, at: int | None) -> None:
        speech, self._speech = self._speech, None
        if speech is None:
            return
        if interrupted:
            stops_at = at if self._fast and at is not None else self._clock.now
            speech.end = min(speech.end, max(speech.start, stops_at))
        speech.interrupted = interrupted
        self._clock.reach(speech.end)
        self._line.send_control(
            ControlKind.UTTERANCE_END, speech.end, speech.utterance_id, text=INTERRUPTED if interrupted else ""
        )
        if speech.sending is not None and interrupted:
            speech.sending.cancel()

    def _break_off(self, speech: _Speech) -> None:
        if self._speech is speech:
            self.obey(self.floor.finish(interrupted=True))

    async def _send(self, speech: _Speech, frames: Frames) -> None:
        pacer = None if self._fast else Pacer(self._loop.time, PATIENCE_FRAMES)
        sequence = next_slot = 0
        async with aclosing(paced(frames, pacer)) as sending:
            async for slot, frame in sending:
                if slot >= LONGEST_UTTERANCE_FRAMES:
                    raise VoiceError(f"nobody listens for longer than {_LONGEST_SECONDS:g} s: say it in pieces")
                media_time = speech.start + slot * FRAME_SAMPLES
                sent = await self._line.send_frame(speech.utterance_id, sequence, media_time, frame.data)
                sequence += 1
                self._statistics.frames_skipped += slot - next_slot
                next_slot = slot + 1
                speech.end = media_time + frame.samples
                if sent and pacer is None:
                    await speech.until_heard(speech.end - _WINDOW, self._listening)
        if pacer is not None:
            await asyncio.sleep(pacer.seconds_until(next_slot))
        elif sent:
            await speech.until_heard(speech.end, self._listening)
        self.obey(self.floor.finish())
