"""Audio of any sample rate to that of the room, piece by piece, without clicks at the seams."""

from __future__ import annotations

from typing import Any

from genesis_lib.voice.audio import SAMPLE_BYTES, SAMPLE_RATE
from genesis_lib.voice.speech.libraries import load


class Resampler:
    """One stream of audio. Takes signed 16-bit PCM at `sample_rate`, in pieces cut anywhere, and gives the room's.

    Raises:
        VoiceError: the packages `soxr` or `numpy` are missing.
    """

    def __init__(self, sample_rate: int) -> None:
        self._numpy: Any = load("numpy", "voice")
        # In floating point: with integers soxr dithers, and silence would not stay silent.
        self._stream: Any = load("soxr", "voice").ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")
        self._rest = b""

    def feed(self, pcm: bytes) -> bytes:
        """What can be given after this piece; a little stays back."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % SAMPLE_BYTES
        self._rest = pcm[whole:]
        return self._resampled(pcm[:whole], last=False)

    def finish(self) -> bytes:
        """What stayed back. Nothing can be fed after it."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        samples = self._numpy.frombuffer(pcm, dtype="<i2").astype("float32")
        resampled = self._numpy.rint(self._stream.resample_chunk(samples, last=last))
        octets: bytes = resampled.clip(-32768, 32767).astype("<i2").tobytes()
        return octets
