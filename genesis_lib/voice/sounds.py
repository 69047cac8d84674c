"""What is heard in a room while it is heard, for those who cannot wait for whole utterances."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

from genesis_lib.voice.audio import FRAME_SAMPLES, SILENCE
from genesis_lib.voice.hearing import Progress

_MOST_UNFETCHED = 1500


@dataclass(frozen=True, slots=True)
class Sound:
    """20 ms: who is heard and in which utterance, "" and 0 in the silence between; `media_time` is that of its first sample.
    It stands still where playout waits for frames that are late."""

    data: bytes
    speaker_id: str
    utterance_id: int
    media_time: int


class Sounds:
    """A stream of sound without gaps. Of several who speak at the same time, one is heard. Where playout makes up for a stall,
    40 ms come in 20."""

    def __init__(self) -> None:
        self._played: list[Progress] = []
        self._goes_on: Progress | None = None
        self._waiting: asyncio.Queue[Sound | None] = asyncio.Queue()
        self._closed = False

    def played(self, progress: Progress) -> None:
        """Somebody is heard in these 20 ms."""
        if not self._played or self._played[0].speaker_id == progress.speaker_id:
            self._played.append(progress)
            self._goes_on = progress

    def ended(self) -> None:
        """What was heard last is over. Until then nothing that is heard is a pause in it."""
        self._goes_on = None

    def tick(self, now: int) -> None:
        """The 20 ms are over."""
        for progress in self._played:
            self._put(_sound(progress, progress.data))
        if not self._played:
            goes_on = self._goes_on
            self._put(Sound(SILENCE, "", 0, now) if goes_on is None else _sound(goes_on, SILENCE))
        self._played.clear()

    def close(self) -> None:
        """There is nothing more to hear."""
        self._put(None)
        self._closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sound:
        sound = await self._waiting.get()
        if sound is None:
            self._waiting.put_nowait(None)
            raise StopAsyncIteration
        return sound

    def _put(self, sound: Sound | None) -> None:
        if self._closed:
            return
        if self._waiting.qsize() >= _MOST_UNFETCHED:
            self._waiting.get_nowait()
        self._waiting.put_nowait(sound)


def _sound(progress: Progress, data: bytes) -> Sound:
    return Sound(data, progress.speaker_id, progress.utterance_id, progress.position - FRAME_SAMPLES)
