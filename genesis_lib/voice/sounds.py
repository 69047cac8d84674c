"""What is heard in a room while it is heard, for those who cannot wait for whole utterances."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

from genesis_lib.voice.audio import FRAME_SAMPLES, SILENCE
from genesis_lib.voice.hearing import Progress

_MOST_UNFETCHED = 50


@dataclass(frozen=True, slots=True)
class Sound:
    """20 ms: who is heard and in which utterance, "" and 0 in silence; `media_time` is that of its first sample."""

    data: bytes
    speaker_id: str
    utterance_id: int
    media_time: int


class Sounds:
    """A stream of sound without gaps. Of several who speak at the same time, one is heard."""

    def __init__(self) -> None:
        self._played: Progress | None = None
        self._waiting: asyncio.Queue[Sound | None] = asyncio.Queue()
        self._closed = False

    def played(self, progress: Progress) -> None:
        """Somebody is heard in these 20 ms."""
        self._played = self._played or progress

    def tick(self, now: int) -> None:
        """They are over."""
        played, self._played = self._played, None
        if played is None:
            self._put(Sound(SILENCE, "", 0, now))
        else:
            start = played.position - FRAME_SAMPLES
            self._put(Sound(played.data, played.speaker_id, played.utterance_id, start))

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
