"""What somebody in a room hears of the others: whole utterances or sounds, and for how long one speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import samples
from genesis_lib.voice.hearing import HeardUtterance, Progress
from genesis_lib.voice.sounds import Sounds
from genesis_lib.voice.statistics import RoomStatistics

_MOST_UNFETCHED = 16


class Attention:
    """Gives what the ears tell to whoever waits for it.

    Args:
        statistics: where utterances are counted that nobody fetched.
    """

    def __init__(self, statistics: RoomStatistics) -> None:
        self._statistics = statistics
        self._played: dict[str, Progress] = {}
        self._speech_waiters: list[tuple[int, asyncio.Future[str]]] = []
        self._heard: asyncio.Queue[HeardUtterance | None] = asyncio.Queue()
        self._sounds: Sounds | None = None
        self._ended: str | None = None

    async def wait_for_speech(self, lasting_seconds: float) -> str:
        """See VoiceRoom."""
        if self._ended is not None:
            raise self._nobody_will_speak(self._ended)
        turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiter = (samples(lasting_seconds), turn)
        self._speech_waiters.append(waiter)
        try:
            return await turn
        finally:
            self._speech_waiters.remove(waiter)

    async def utterances(self) -> AsyncIterator[HeardUtterance]:
        """See VoiceRoom."""
        while (heard := await self._heard.get()) is not None:
            yield heard

    def sounds(self) -> Sounds:
        """Sounds from now on, in place of utterances."""
        self._sounds = Sounds()
        if self._ended is not None:
            self._sounds.close()
        return self._sounds

    def played(self, progress: Progress) -> None:
        """20 ms of somebody were played."""
        if self._sounds is not None:
            self._sounds.played(progress)
        speaker = progress.speaker_id
        before = self._played.get(speaker)
        lasted_before = before.position - before.start if before and before.start == progress.start else -1
        self._played[speaker] = progress
        for duration, turn in self._speech_waiters:
            if lasted_before < duration <= progress.position - progress.start and not turn.done():
                turn.set_result(speaker)

    def heard(self, utterance: HeardUtterance) -> None:
        """An utterance is complete."""
        if self._sounds is not None:
            self._sounds.ended()
        elif utterance.pcm and self._ended is None:
            if self._heard.qsize() == _MOST_UNFETCHED:
                self._heard.get_nowait()
                self._statistics.utterances_dropped += 1
            self._heard.put_nowait(utterance)

    def tick(self, now: int) -> None:
        """20 ms have passed; in rooms that run in real time. `now` is the media time."""
        if self._sounds is not None:
            self._sounds.tick(now)

    def forget(self, other: str) -> None:
        """This one is gone."""
        self._played.pop(other, None)

    def end(self, reason: str) -> None:
        """The call has ended."""
        self._ended = reason
        if self._sounds is not None:
            self._sounds.close()
        self._heard.put_nowait(None)
        for _, turn in self._speech_waiters:
            if not turn.done():
                turn.set_exception(self._nobody_will_speak(reason))

    @staticmethod
    def _nobody_will_speak(reason: str) -> VoiceError:
        return VoiceError(f"nobody will speak any more: {reason}")
