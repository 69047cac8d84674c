"""Audio between LiveKit's frames and the PCM of a voice room."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from livekit import rtc

from genesis_lib.voice.audio import SAMPLE_RATE, samples_in
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.resampling import Resampler

_QUIET_PEAK = 300


class RoomPcm:
    """A stream of LiveKit's frames, of one sample rate and any number of channels, as PCM of the room's format.

    Raises:
        VoiceError: a package of the extra `voice` is missing.
    """

    def __init__(self, sample_rate: int) -> None:
        self._resampler = None if sample_rate == SAMPLE_RATE else Resampler(sample_rate)

    def feed(self, frame: rtc.AudioFrame) -> bytes:
        """What can be given after this frame; a little stays back."""
        pcm = bytes(frame.data) if frame.num_channels == 1 else _mixed(frame)
        return pcm if self._resampler is None else self._resampler.feed(pcm)

    def finish(self) -> bytes:
        """What stayed back. Nothing can be fed after it."""
        return b"" if self._resampler is None else self._resampler.finish()


def pcm_of(frames: rtc.AudioFrame | Iterable[rtc.AudioFrame]) -> bytes:
    """A piece of audio as PCM of the room's format."""
    whole = [frames] if isinstance(frames, rtc.AudioFrame) else list(frames)
    if not whole:
        return b""
    stream = RoomPcm(whole[0].sample_rate)
    return b"".join([*map(stream.feed, whole), stream.finish()])


def frame_of(pcm: bytes) -> rtc.AudioFrame:
    """PCM of the room's format as one of LiveKit's frames."""
    return rtc.AudioFrame(pcm, SAMPLE_RATE, 1, samples_in(pcm))


def is_quiet(pcm: bytes) -> bool:
    """Whether nobody speaks in it, as far as loudness tells."""
    return max(map(abs, array("h", pcm)), default=0) < _QUIET_PEAK


def _mixed(frame: rtc.AudioFrame) -> bytes:
    numpy = load("numpy", "voice")
    channels = numpy.frombuffer(frame.data, dtype="<i2").reshape(-1, frame.num_channels)
    mixed: bytes = channels.mean(axis=1).astype("<i2").tobytes()
    return mixed
