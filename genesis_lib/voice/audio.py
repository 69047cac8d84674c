"""The audio of a voice room: 16 kHz, one channel, signed 16-bit little-endian PCM, in frames of 20 ms."""

from __future__ import annotations

SAMPLE_RATE = 16_000
FRAME_SECONDS = 0.02
FRAME_SAMPLES = 320
SAMPLE_BYTES = 2
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
SILENCE = bytes(FRAME_BYTES)


def samples_in(pcm: bytes) -> int:
    """How many samples a piece of audio has."""
    return len(pcm) // SAMPLE_BYTES


def seconds(samples: int) -> float:
    """Media time in seconds."""
    return samples / SAMPLE_RATE


def samples(duration_seconds: float) -> int:
    """A duration in samples."""
    return round(duration_seconds * SAMPLE_RATE)
