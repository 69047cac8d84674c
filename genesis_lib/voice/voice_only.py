"""The ear for a participant that sends audio and no control messages: its utterances are where its voice is heard."""

from __future__ import annotations

import asyncio
from collections import deque

from genesis_lib.voice.audio import FRAME_SAMPLES, SILENCE, samples_in
from genesis_lib.voice.hearing import (
    DELAY_FRAMES,
    LONGEST_UTTERANCE_FRAMES,
    PATIENCE_FRAMES,
    HeardUtterance,
    Hearing,
    Progress,
)
from genesis_lib.voice.jitter import JitterBuffer
from genesis_lib.voice.messages import VoiceFrame
from genesis_lib.voice.speech.ports import VoiceActivity
from genesis_lib.voice.statistics import RoomStatistics

_SILENT_FRAMES_THAT_END_IT = 30
_FRAMES_BEFORE_THE_VOICE = 10
_PATIENCE_SECONDS = 1.0


class Loudness:
    """What stands in where there is no voice activity detector: all that is not digital silence is speech."""

    def feed(self, frame: bytes) -> bool:
        """See VoiceActivity."""
        return frame != SILENCE

    def reset(self) -> None:
        """See VoiceActivity."""

    async def close(self) -> None:
        """See VoiceActivity."""


class Segmenter:
    """Cuts a continuous stream of frames into utterances. Pure.

    An utterance begins with the first frame that is speech, 200 ms before it included, and ends with the last one before
    600 ms without any.
    """

    def __init__(self, activity: VoiceActivity) -> None:
        self._activity = activity
        self._before: deque[bytes] = deque(maxlen=_FRAMES_BEFORE_THE_VOICE)
        self._frames: list[bytes] = []
        self._silent = 0
        self._first_slot = 0

    @property
    def first_slot(self) -> int | None:
        """Where the utterance that goes on began, None when none does."""
        return self._first_slot if self._frames else None

    def feed(self, slot: int, frame: bytes) -> bytes | None:
        """Take in the frame of a slot; the audio of the utterance that is over with it."""
        speech = self._activity.feed(frame)
        if not self._frames:
            if speech:
                self._first_slot = slot - len(self._before)
                self._frames = [*self._before, frame]
                self._silent = 0
            self._before.append(frame)
            return None
        self._frames.append(frame)
        self._silent = 0 if speech else self._silent + 1
        if self._silent < _SILENT_FRAMES_THAT_END_IT and len(self._frames) < LONGEST_UTTERANCE_FRAMES:
            return None
        return self.cut()

    def cut(self) -> bytes:
        """End the utterance here; its audio."""
        audio = b"".join(self._frames[: len(self._frames) - self._silent])
        self._frames, self._silent = [], 0
        self._before.clear()
        self._activity.reset()
        return audio


class VoiceOnlyEar:
    """Hears a participant by its voice alone. In real time it plays as ControlledEar does; what has not come when playout has
    stood still for 0.8 s does not belong to the utterance any more.

    Args:
        speaker_id, fast, statistics, hearing: as ControlledEar.
        activity: the detector. It is this ear's own.
    """

    def __init__(
        self,
        speaker_id: str,
        activity: VoiceActivity,
        *,
        fast: bool,
        statistics: RoomStatistics,
        hearing: Hearing,
    ) -> None:
        self._speaker_id = speaker_id
        self._fast = fast
        self._statistics = statistics
        self._hearing = hearing
        self._segmenter = Segmenter(activity)
        self._loop = asyncio.get_running_loop()
        self._buffer: JitterBuffer | None = None
        self._start = self._utterance_start = self._utterance_id = self._dry_ticks = 0
        self._patience: asyncio.TimerHandle | None = None

    def take(self, frame: VoiceFrame) -> None:
        """See Ear."""
        buffer = self._buffer
        if buffer is None:
            delay, patience = (0, 0) if self._fast else (DELAY_FRAMES, PATIENCE_FRAMES)
            buffer = self._buffer = JitterBuffer(delay, self._statistics, patience)
            self._start = frame.media_time
        if buffer.put((frame.media_time - self._start) // FRAME_SAMPLES, frame.data) and self._fast:
            while buffer.holds_frames:
                self._play(buffer)
            self._wait_for_more()

    def tick(self) -> None:
        """See Ear."""
        buffer = self._buffer
        if buffer is None:
            return
        self._dry_ticks = 0 if buffer.holds_frames else self._dry_ticks + 1
        if self._dry_ticks > PATIENCE_FRAMES:
            self._break_off()
            return
        self._play(buffer)
        if buffer.is_behind:
            self._play(buffer)

    def close(self) -> None:
        """See Ear."""
        self._buffer = None
        if self._patience is not None:
            self._patience.cancel()

    def _play(self, buffer: JitterBuffer) -> None:
        played = buffer.pull()
        if played is None:
            return
        was_speaking = self._segmenter.first_slot is not None
        audio = self._segmenter.feed(*played)
        first = self._segmenter.first_slot
        if audio is not None:
            self._complete(audio)
        elif first is not None:
            if not was_speaking:
                self._utterance_id += 1
                self._utterance_start = self._media_time(first)
                self._hearing.on_voice(self._speaker_id)
            position = self._media_time(played.slot + 1)
            self._hearing.on_played(
                Progress(self._speaker_id, self._utterance_id, self._utterance_start, position, played.data, tell=False)
            )

    def _complete(self, audio: bytes) -> None:
        start = self._utterance_start
        self._hearing.on_heard(
            HeardUtterance(
                self._speaker_id,
                self._utterance_id,
                start,
                start + samples_in(audio),
                audio,
                interrupted=False,
                ended_by="voice activity",
            )
        )

    def _media_time(self, slot: int) -> int:
        return self._start + slot * FRAME_SAMPLES

    def _wait_for_more(self) -> None:
        """Where time passes with the audio only, nothing else would end an utterance whose audio breaks off."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._loop.call_later(_PATIENCE_SECONDS, self._break_off)

    def _break_off(self) -> None:
        if self._segmenter.first_slot is not None:
            self._complete(self._segmenter.cut())
        self._rest()

    def _rest(self) -> None:
        """Nothing comes: whatever comes next begins anew, at whatever time."""
        self._buffer = None
        self._statistics.paused(self._speaker_id)
