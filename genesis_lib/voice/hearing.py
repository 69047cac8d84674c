"""The ear for one participant of a room: its frames and control messages, made into utterances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_BYTES
from genesis_lib.voice.jitter import CAPACITY_FRAMES, JitterBuffer
from genesis_lib.voice.messages import VoiceFrame
from genesis_lib.voice.statistics import RoomStatistics

# What playout waits for frames that come later than others, in real time.
DELAY_FRAMES = 5
# How long it stands still for frames that come later than that: networks that lose much take their time, and so do processes
# that stood still. It is also what a speaker that stood still catches up with.
PATIENCE_FRAMES = 40
LONGEST_UTTERANCE_FRAMES = 6000
_MOST_WAITING = 8
_TELL_FRAMES = 25
_TELL_FRAMES_FAST = 5
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class HeardUtterance:
    """What another participant said, as it was heard.

    Attributes:
        start, end: media times in samples; `pcm` has `end - start` samples.
        pcm: 16 kHz, one channel, signed 16-bit little-endian; silence where frames were lost.
        interrupted: the speaker was cut.
        ended_by: who knew that it was over: the speaker, by a control message, or the voice activity detector.
    """

    speaker_id: str
    utterance_id: int
    start: int
    end: int
    pcm: bytes
    interrupted: bool
    ended_by: Literal["control", "voice activity"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an utterance has been played: to the media time `position`, these 20 ms last. With `tell`, its speaker should
    know."""

    speaker_id: str
    utterance_id: int
    start: int
    position: int
    data: bytes
    tell: bool


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whom an ear tells: of every frame it plays, of voices that begin (only where no control message does), of utterances
    that are complete."""

    on_played: Callable[[Progress], None]
    on_voice: Callable[[str], None]
    on_heard: Callable[[HeardUtterance], None]


class Ear(Protocol):
    """What the room feeds with what one participant sends."""

    def take(self, frame: VoiceFrame) -> None:
        """A frame has come."""
        ...

    def tick(self) -> None:
        """20 ms have passed; in rooms that run in real time."""
        ...

    def close(self) -> None:
        """Hear no more."""
        ...


class _Incoming:
    """An utterance that is being heard."""

    def __init__(self, utterance_id: int, start: int, buffer: JitterBuffer, statistics: RoomStatistics) -> None:
        self.utterance_id = utterance_id
        self.start = start
        self.end: int | None = None
        self.interrupted = False
        self.buffer = buffer
        self._pcm = bytearray()
        self._statistics = statistics
        self._sequences: set[int] = set()

    @property
    def position(self) -> int:
        """The media time up to which it has been played."""
        return self.start + len(self._pcm) // SAMPLE_BYTES

    def put(self, frame: VoiceFrame) -> None:
        slot = (frame.media_time - self.start) // FRAME_SAMPLES
        if 0 <= slot < LONGEST_UTTERANCE_FRAMES and frame.sequence < LONGEST_UTTERANCE_FRAMES:
            self._sequences.add(frame.sequence)
            self.buffer.put(slot, frame.data)

    def finish(self, end: int, interrupted: bool) -> None:
        longest = self.start + LONGEST_UTTERANCE_FRAMES * FRAME_SAMPLES
        self.end = min(max(self.start, end), longest)
        self.interrupted = interrupted
        self.buffer.end(-(-(self.end - self.start) // FRAME_SAMPLES))

    def play(self) -> bytes | None:
        """Let 20 ms pass; what was played in them."""
        played = self.buffer.pull()
        if played is None:
            return None
        if played.slot < LONGEST_UTTERANCE_FRAMES:
            self._pcm += bytes(played.slot * FRAME_BYTES - len(self._pcm)) + played.data
        return played.data

    def heard(self, speaker_id: str) -> HeardUtterance:
        """The whole, once it is finished."""
        assert self.end is not None
        self._statistics.frames_lost += max(self._sequences, default=-1) + 1 - len(self._sequences)
        size = (self.end - self.start) * SAMPLE_BYTES
        pcm = bytes(self._pcm[:size]).ljust(size, b"\0")
        return HeardUtterance(
            speaker_id, self.utterance_id, self.start, self.end, pcm, self.interrupted, ended_by="control"
        )


class ControlledEar:
    """Hears a participant that says by control messages when it starts and ends.

    In real time it plays 20 ms at every tick, and 40 ms while more waits than the delay is for: after a stall it is back in
    time soon. In a fast room it plays what there is, one frame in each turn of the event loop, so that somebody who waits for
    a moment of it does not come late.

    Args:
        speaker_id: the participant.
        fast: the room does not run in real time.
        statistics: where frames are counted.
        hearing: whom to tell.

    Attributes:
        newest: the id of the utterance that was started last, -1 before the first.
    """

    def __init__(self, speaker_id: str, *, fast: bool, statistics: RoomStatistics, hearing: Hearing) -> None:
        self._speaker_id = speaker_id
        self._fast = fast
        self._statistics = statistics
        self._hearing = hearing
        self._loop = asyncio.get_running_loop()
        self._incoming: dict[int, _Incoming] = {}
        self._early: list[VoiceFrame] = []
        self.newest = -1
        self._is_held = False
        self._turn: asyncio.Handle | None = None
        self._patience: asyncio.TimerHandle | None = None

    def take(self, frame: VoiceFrame) -> None:
        """See Ear. A frame may overtake the start of its utterance; one that comes after the end was late."""
        incoming = self._incoming.get(frame.utterance_id)
        if incoming is not None:
            incoming.put(frame)
            self._play_soon()
        elif frame.utterance_id <= self.newest:
            self._statistics.frames_late += 1
        elif len(self._early) < CAPACITY_FRAMES:
            self._early.append(frame)

    def start(self, utterance_id: int, start: int) -> None:
        """The participant starts an utterance."""
        if utterance_id <= self.newest or len(self._incoming) >= _MOST_WAITING:
            return
        self.newest = utterance_id
        for earlier in self._incoming.values():
            if earlier.end is None:  # its end was never told; nobody says two things at once
                earlier.finish(start, interrupted=True)
        if self._fast:  # where the speaker is as far ahead as it likes
            buffer = JitterBuffer(0, self._statistics, capacity_frames=LONGEST_UTTERANCE_FRAMES)
        else:
            buffer = JitterBuffer(DELAY_FRAMES, self._statistics, PATIENCE_FRAMES)
        incoming = _Incoming(utterance_id, start, buffer, self._statistics)
        self._incoming[utterance_id] = incoming
        early, self._early = self._early, []
        for frame in early:
            self.take(frame)

    def end(self, utterance_id: int, end: int, *, interrupted: bool) -> None:
        """The participant ends it, at this media time. Frames of it may be still to come."""
        self._is_held = False
        incoming = self._incoming.get(utterance_id)
        if incoming is not None:
            incoming.finish(end, interrupted)
            self._play_soon()

    def hold(self) -> None:
        """Play no more until the utterance that goes on has ended: its speaker is being interrupted, here and now. In real
        time its voice goes on to be heard until it stops."""
        self._is_held = self._fast

    def tick(self) -> None:
        """See Ear."""
        waiting = list(self._incoming.values())
        for incoming in waiting[1:]:
            incoming.buffer.wait()
        if waiting:
            playing = waiting[0]
            self._play(playing)
            if playing.buffer.is_behind:
                self._play(playing)

    def close(self) -> None:
        """See Ear."""
        self._incoming.clear()
        for handle in (self._turn, self._patience):
            if handle is not None:
                handle.cancel()

    def _tells(self, incoming: _Incoming) -> bool:
        slots = (incoming.position - incoming.start) // FRAME_SAMPLES
        if self._fast:
            return slots % _TELL_FRAMES_FAST == 0 or not incoming.buffer.holds_frames
        return slots % _TELL_FRAMES == 0

    def _play_soon(self) -> None:
        if self._fast and self._turn is None:
            self._turn = self._loop.call_soon(self._play_next)

    def _play_next(self) -> None:
        self._turn = None
        incoming = next(iter(self._incoming.values()), None)
        if incoming is None or self._is_held:
            return
        if incoming.buffer.holds_frames or incoming.buffer.finished:
            self._play(incoming)
            self._play_soon()
        elif incoming.end is not None:
            self._wait_for_the_rest(incoming)

    def _wait_for_the_rest(self, incoming: _Incoming) -> None:
        """Its end has overtaken its last frames, or they never come."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._loop.call_later(_PATIENCE_SECONDS, self._conceal_the_rest, incoming)

    def _conceal_the_rest(self, incoming: _Incoming) -> None:
        while incoming.utterance_id in self._incoming and not incoming.buffer.holds_frames:
            self._play(incoming)
        self._play_soon()

    def _play(self, incoming: _Incoming) -> None:
        data = incoming.play()
        if data is not None:
            self._hearing.on_played(
                Progress(
                    self._speaker_id,
                    incoming.utterance_id,
                    incoming.start,
                    incoming.position,
                    data,
                    self._tells(incoming),
                )
            )
        if incoming.buffer.finished:
            del self._incoming[incoming.utterance_id]
            self._statistics.paused(self._speaker_id)
            self._hearing.on_heard(incoming.heard(self._speaker_id))
