"""Two LiveKit sessions in one process, each hearing what the other says, in real time and without any server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice import io

from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SECONDS, SAMPLE_RATE, SILENCE, samples_in, seconds
from genesis_lib.voice.livekit.audio import frame_of
from genesis_lib.voice.pacing import Pacer, ticks


class Wire:
    """What one session says is what another hears; silence where it says nothing.

    Attributes:
        spoken: all that was said.
    """

    def __init__(self) -> None:
        self.mouth = _Mouth()
        self.ear = _Ear()
        self.spoken = bytearray()
        self._spoke = asyncio.Condition()

    async def has_spoken(self, size: int) -> None:
        """Wait until so many bytes were said."""
        async with self._spoke:
            await self._spoke.wait_for(lambda: len(self.spoken) >= size)

    @asynccontextmanager
    async def carrying(self) -> AsyncIterator[None]:
        """While it carries sound."""
        task = asyncio.create_task(self._carry())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _carry(self) -> None:
        async for _ in ticks(Pacer(asyncio.get_running_loop().time, 50)):
            played = self.mouth.play()
            self.spoken += played
            async with self._spoke:
                self._spoke.notify_all()
            self.ear.frames.send_nowait(frame_of(played or SILENCE))


class _Ear(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="wire")
        self.frames = utils.aio.Chan[rtc.AudioFrame]()

    async def __anext__(self) -> rtc.AudioFrame:
        return await anext(self.frames)


class _Mouth(io.AudioOutput):
    def __init__(self) -> None:
        super().__init__(label="wire", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=SAMPLE_RATE)
        self._waiting = bytearray()
        self._played = 0
        self._flushed = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._played and not self._waiting:
            self.on_playback_started(created_at=time.time() + FRAME_SECONDS)
        self._waiting += frame.data

    def flush(self) -> None:
        super().flush()
        self._flushed = True

    def clear_buffer(self) -> None:
        self._waiting.clear()
        self._flushed = True
        self._end(interrupted=True)

    def play(self) -> bytes:
        """The next 20 ms."""
        piece = bytes(self._waiting[:FRAME_BYTES])
        del self._waiting[:FRAME_BYTES]
        self._played += samples_in(piece)
        if self._flushed and not self._waiting:
            self._end(interrupted=False)
        return piece.ljust(FRAME_BYTES, b"\0") if piece else b""

    def _end(self, *, interrupted: bool) -> None:
        if self._played:
            self.on_playback_finished(playback_position=seconds(self._played), interrupted=interrupted)
        self._played, self._flushed = 0, False
