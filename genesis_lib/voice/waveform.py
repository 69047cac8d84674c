"""The loudness of both sides of a recording over time, for drawing."""

from __future__ import annotations

import sys
import wave
from array import array
from pathlib import Path

from genesis_lib.voice.audio import SAMPLE_BYTES, SAMPLE_RATE
from genesis_lib.voice.stereo_file import CHANNELS

_FINEST = SAMPLE_RATE // 50
_MOST_BUCKETS = 3000


def peaks(path: Path, duration: int) -> tuple[list[float], list[float]]:
    """Peaks of the left and the right side, 0 to 1, in buckets of equal length over `duration` samples. Silence where the
    file is shorter, or is no recording."""
    bucket = max(_FINEST, -(-duration // _MOST_BUCKETS))
    sides = tuple([0.0] * -(-duration // bucket) for _ in range(CHANNELS))
    try:
        with wave.open(str(path)) as audio:
            if (audio.getnchannels(), audio.getsampwidth()) == (CHANNELS, SAMPLE_BYTES):
                for number in range(len(sides[0])):
                    _fill(number, audio.readframes(bucket), sides)
    except (OSError, EOFError, wave.Error):
        pass
    return sides[0], sides[1]


def _fill(number: int, pcm: bytes, sides: tuple[list[float], ...]) -> None:
    if not pcm:
        return
    block = array("h", pcm[: len(pcm) // (CHANNELS * SAMPLE_BYTES) * CHANNELS * SAMPLE_BYTES])
    if sys.byteorder == "big":
        block.byteswap()
    for channel, side in enumerate(sides):
        samples = block[channel::CHANNELS]
        side[number] = max(max(samples), -min(samples)) / 32768
