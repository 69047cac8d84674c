"""A stereo WAV file that grows while it is written, and can be read at any moment."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from genesis_lib.voice.audio import SAMPLE_BYTES, SAMPLE_RATE, samples_in

CHANNELS = 2
HEADER_BYTES = 44
_BLOCK = CHANNELS * SAMPLE_BYTES
_RIFF_SIZE_AT, _DATA_SIZE_AT = 4, 40


class StereoFile:
    """16 kHz, two channels, 16 bits. Audio is placed by media time in any order; what nobody placed is silence, and takes
    no space where the file system knows sparse files.

    The header never claims more than there is, so that the file is whole whenever its writer dies.

    Raises:
        OSError: from every method; the file then holds what was placed before.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._samples = 0
        try:
            write_all(self._file, _header(), 0)
        except OSError:
            os.close(self._file)
            raise

    def place(self, channel: int, media_time: int, pcm: bytes) -> None:
        """Put one side's audio at a media time, in samples."""
        at = HEADER_BYTES + media_time * _BLOCK
        length = samples_in(pcm)
        block = bytearray(os.pread(self._file, length * _BLOCK, at).ljust(length * _BLOCK, b"\0"))
        low = channel * SAMPLE_BYTES
        block[low::_BLOCK] = pcm[::SAMPLE_BYTES]
        block[low + 1 :: _BLOCK] = pcm[1::SAMPLE_BYTES]
        write_all(self._file, block, at)
        if media_time + length > self._samples:
            self._samples = media_time + length
            self._claim(self._samples * _BLOCK)

    def silence(self, channel: int, start: int, end: int) -> None:
        """Take out what one side has there, media times in samples."""
        for at in range(start, min(end, self._samples), SAMPLE_RATE):
            self.place(channel, at, bytes(min(SAMPLE_RATE, end - at) * SAMPLE_BYTES))

    def _claim(self, size: int) -> None:
        write_all(self._file, struct.pack("<I", size), _DATA_SIZE_AT)
        write_all(self._file, struct.pack("<I", HEADER_BYTES - 8 + size), _RIFF_SIZE_AT)

    def close(self) -> None:
        """Close it as it is."""
        os.close(self._file)


def write_all(file: int, data: bytes | bytearray, at: int) -> None:
    """Write at a position; OSError when not all of it could be written."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written


def _header() -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", HEADER_BYTES - 8, b"WAVE"),
        *(b"fmt ", 16, 1, CHANNELS, SAMPLE_RATE, SAMPLE_RATE * _BLOCK, _BLOCK, 8 * SAMPLE_BYTES),
        *(b"data", 0),
    )
