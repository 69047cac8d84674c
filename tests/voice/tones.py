"""Tones instead of speech: audio that both ends of a test can make, and that tells one utterance from the other."""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator

from genesis_lib.voice.audio import SAMPLE_RATE, samples


def tone(hertz: float, duration_seconds: float) -> bytes:
    """PCM of the room's format."""
    return b"".join(
        struct.pack("<h", round(12000 * math.sin(2 * math.pi * hertz * index / SAMPLE_RATE) or 1))
        for index in range(samples(duration_seconds))
    )


async def pieces(pcm: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """The audio as a speech engine would give it: in pieces that are no frames."""
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]
