"""Audio into frames, and frames into time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import NamedTuple, Self, TypeVar

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SECONDS, SAMPLE_BYTES, samples_in

T = TypeVar("T")


class Frame(NamedTuple):
    """20 ms of audio; the last one of a piece of speech is filled up with silence behind its `samples`."""

    data: bytes
    samples: int


class Frames:
    """Audio of any pieces, cut into frames.

    Args:
        audio: PCM of the room's format. It is closed when the frames are.
    """

    def __init__(self, audio: AsyncIterator[bytes]) -> None:
        self._audio = audio
        self._rest = bytearray()
        self._read = 0

    async def begin(self) -> bool:
        """Wait for the first frame; False when there is none.

        Raises:
            VoiceError: the audio ends within a sample; and whatever the audio raises.
        """
        return await self._fill() > 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        size = await self._fill()
        if not size:
            raise StopAsyncIteration
        data = bytes(self._rest[self._read : self._read + size])
        self._read += size
        return Frame(data.ljust(FRAME_BYTES, b"\0"), samples_in(data))

    async def aclose(self) -> None:
        """Close the audio."""
        if isinstance(self._audio, AsyncGenerator):
            await self._audio.aclose()

    async def _fill(self) -> int:
        """Fetch until there is a frame; how many bytes it has, less than a whole one has at the end only."""
        while len(self._rest) - self._read < FRAME_BYTES:
            piece = await anext(self._audio, None)
            if piece is None:
                break
            self._rest = self._rest[self._read :] + piece
            self._read = 0
        size = min(FRAME_BYTES, len(self._rest) - self._read)
        if size % SAMPLE_BYTES:
            raise VoiceError("the audio to be said ends within a sample: it has to be 16-bit PCM")
        return size


class Pacer:
    """Gives out slots of 20 ms, each with an absolute deadline: one that is late shifts none of those after it.

    What is late is caught up with in a burst, of `most_in_a_burst` at most: after a longer stall the slots that were missed
    are left out.

    Args:
        seconds_now: a monotonic clock.
    """

    def __init__(self, seconds_now: Callable[[], float], most_in_a_burst: int) -> None:
        self._seconds_now = seconds_now
        self._most_in_a_burst = most_in_a_burst
        self._began = seconds_now()
        self._slot = 0

    def next_slot(self) -> int:
        """The slot for what is ready now."""
        missed = int((self._seconds_now() - self.deadline(self._slot)) / FRAME_SECONDS)
        if missed > self._most_in_a_burst:
            self._slot += missed
        self._slot += 1
        return self._slot - 1

    def deadline(self, slot: int) -> float:
        """When the slot begins, on the clock."""
        return self._began + slot * FRAME_SECONDS

    def seconds_until(self, slot: int) -> float:
        """How long until the slot begins, 0 when it has begun."""
        return max(0.0, self.deadline(slot) - self._seconds_now())


async def paced(items: AsyncIterator[T], pacer: Pacer | None) -> AsyncGenerator[tuple[int, T]]:
    """The items with their slots, each when its slot begins; without a pacer as they are produced, in slots in a row."""
    slot = -1
    async for item in items:
        if pacer is None:
            slot += 1
        else:
            slot = pacer.next_slot()
            await asyncio.sleep(pacer.seconds_until(slot))
        yield slot, item


async def ticks(pacer: Pacer) -> AsyncGenerator[int]:
    """A tick every 20 ms, for ever."""
    for _ in _for_ever():
        slot = pacer.next_slot()
        await asyncio.sleep(pacer.seconds_until(slot))
        yield slot


def _for_ever() -> Iterator[None]:
    while True:
        yield
