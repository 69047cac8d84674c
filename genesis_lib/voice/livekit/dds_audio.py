"""Ears and mouth of a LiveKit session in a voice room over DDS, without any LiveKit server."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from livekit import rtc
from livekit.agents.voice import io

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_BYTES, SAMPLE_RATE, SILENCE, samples_in, seconds
from genesis_lib.voice.livekit.audio import frame_of, is_quiet
from genesis_lib.voice.room import Sound, Utterance, VoiceRoom

logger = logging.getLogger(__name__)

# What ends speech for the session's detector, and what does not, with the last sounds before a pause and the first ones after
# it, which count as silence.
SILENCE_SECONDS = 0.7
_PAUSE_FRAMES = 40
_LONGEST_PAUSE_FRAMES = 5
_SHORTEST_SPEECH_FRAMES = 5


@dataclass(slots=True)
class Stretch:
    """What was heard of one utterance since it was last written down; `start` and `end` are media times in samples."""

    speaker_id: str
    utterance_id: int
    start: int
    end: int


class RoomEar(io.AudioInput):
    """What others say in the room, as it is played and with the silence between.

    The room knows when an utterance is over. So the silence by which a detector tells comes at once, and is not waited for;
    and pauses within an utterance, as lost frames make them too, are cut short of what would end it. Where playout stands
    still for frames that are late, nothing comes.

    Raises:
        VoiceError: the room does not run in real time.
    """

    def __init__(self, room: VoiceRoom) -> None:
        super().__init__(label="voice room")
        self._sounds = room.sounds()
        self._stretch: Stretch | None = None
        self._goes_on = False
        self._quiet = self._loud = 0
        self._waiting: deque[bytes] = deque()
        self._ended: deque[Stretch] = deque()

    async def __anext__(self) -> rtc.AudioFrame:
        while not self._waiting:
            self._take(await anext(self._sounds))
        return frame_of(self._waiting.popleft())

    def _take(self, sound: Sound) -> None:
        if self._was_heard(sound):
            return
        before, goes_on = self._stretch, self._goes_on
        self._goes_on = bool(sound.speaker_id)
        if sound.speaker_id:
            self._extend(sound)
        if goes_on and not (sound.speaker_id and before is self._stretch):
            self._end(before)
        quiet = is_quiet(sound.data)
        self._loud += not quiet
        self._quiet = self._quiet + 1 if quiet and sound.speaker_id else 0
        if self._quiet <= _LONGEST_PAUSE_FRAMES:
            self._waiting.append(sound.data)

    def _was_heard(self, sound: Sound) -> bool:
        """Whether playout stands still in the utterance that goes on."""
        stretch = self._stretch
        return (
            stretch is not None
            and (stretch.speaker_id, stretch.utterance_id) == (sound.speaker_id, sound.utterance_id)
            and sound.media_time < stretch.end
        )

    def _end(self, stretch: Stretch | None) -> None:
        self._waiting.extend([SILENCE] * _PAUSE_FRAMES)
        if stretch is not None and self._loud >= _SHORTEST_SPEECH_FRAMES:
            self._ended.append(stretch)
        self._loud = 0

    def _extend(self, sound: Sound) -> None:
        stretch, end = self._stretch, sound.media_time + samples_in(sound.data)
        heard_in = (sound.speaker_id, sound.utterance_id)
        if stretch is None or (stretch.speaker_id, stretch.utterance_id) != heard_in:
            self._stretch = Stretch(*heard_in, sound.media_time, end)
        else:
            stretch.end = end

    def heard(self) -> Stretch | None:
        """What the text that the session's recogniser made last is of; None before anything was heard."""
        return self._ended.popleft() if self._ended else self._taken()

    def forget(self) -> None:
        """Nothing will be written down any more of the utterances that have ended."""
        self._ended.clear()

    def _taken(self) -> Stretch | None:
        stretch = self._stretch
        if stretch is not None:
            self._stretch = Stretch(stretch.speaker_id, stretch.utterance_id, stretch.end, stretch.end)
        return stretch


class RoomMouth(io.AudioOutput):
    """Says in the room what the session wants said, one utterance for each of its segments, as soon as the floor is free.

    Args:
        room: joined.
        on_cut: told when somebody barges in. The session has to be interrupted then.

    Attributes:
        last: the utterance that was played last.
    """

    def __init__(self, room: VoiceRoom, on_cut: Callable[[], None]) -> None:
        super().__init__(
            label="voice room", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=SAMPLE_RATE
        )
        self._room = room
        self._on_cut = on_cut
        self._segment: _Segment | None = None
        self.last: Utterance | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """See AudioOutput of livekit-agents."""
        if self._segment is not None and self._segment.complete.is_set() and self._segment.saying is not None:
            await asyncio.wait({self._segment.saying})
        await super().capture_frame(frame)
        if self._segment is None:
            self._segment = _Segment()
            self._segment.saying = asyncio.create_task(self._say(self._segment))
        self._segment.pieces.put_nowait(bytes(frame.data))

    def flush(self) -> None:
        """See AudioOutput of livekit-agents."""
        super().flush()
        if self._segment is not None:
            self._segment.pieces.put_nowait(None)
            self._segment.complete.set()

    def clear_buffer(self) -> None:
        """See AudioOutput of livekit-agents."""
        segment = self._segment
        if segment is None:
            return
        segment.cleared = True
        segment.complete.set()
        if segment.started:
            self._room.break_off()
        elif segment.saying is not None:
            segment.saying.cancel()

    async def _say(self, segment: _Segment) -> None:
        position, interrupted = 0.0, True
        try:
            utterance = await self._room.say(self._audio(segment))
            position, interrupted = seconds(utterance.end - utterance.start), utterance.interrupted
            self.last = utterance
            if interrupted and not segment.cleared:
                self._on_cut()
            await segment.complete.wait()
        except VoiceError as error:
            # Most often because the call has ended, which whoever runs the session knows.
            logger.info("a session could not speak in voice room %s: %s", self._room.name, error)
            await segment.complete.wait()
        finally:
            self._segment = None
            self.on_playback_finished(playback_position=position, interrupted=interrupted)

    async def _audio(self, segment: _Segment) -> AsyncIterator[bytes]:
        rest = b""
        while (piece := await segment.pieces.get()) is not None:
            rest += piece
            while len(rest) >= FRAME_BYTES:
                yield rest[:FRAME_BYTES]
                rest = rest[FRAME_BYTES:]
                if not segment.started:
                    # The first frame is fetched before the floor is taken, the second one after it.
                    segment.started = True
                    self.on_playback_started(created_at=time.time())
        if rest:
            yield rest


class _Segment:
    """Speech of the session that belongs together."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.complete = asyncio.Event()
        self.saying: asyncio.Task[None] | None = None
        self.started = False
        self.cleared = False
