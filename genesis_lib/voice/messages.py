"""What travels in a voice room: frames of audio, control messages, transcripts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class AudioCodec(IntEnum):
    """How the octets of a frame are encoded."""

    PCM_S16LE = 0
    OPUS = 1


class ControlKind(IntEnum):
    """What a control message says."""

    JOIN = 0
    LEAVE = 1
    FLOOR_REQUEST = 2
    FLOOR_GRANT = 3
    UTTERANCE_START = 4
    UTTERANCE_END = 5
    INTERRUPT = 6
    PLAYOUT = 7
    HANG_UP = 8


# The text of an UTTERANCE_END whose utterance was cut: by an INTERRUPT, or because another started at the same time.
INTERRUPTED = "interrupted"


class TranscriptSource(StrEnum):
    """SPOKEN is what a speaker meant to say, told by itself; HEARD is what a listener's recogniser made of the audio."""

    SPOKEN = "spoken"
    HEARD = "heard"


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """20 ms of one participant's voice. `media_time` is the room's time of its first sample, in samples at 16 kHz."""

    room: str
    participant_id: str
    utterance_id: int
    sequence: int
    media_time: int
    data: bytes
    sample_rate: int = 16_000
    codec: AudioCodec = AudioCodec.PCM_S16LE


@dataclass(frozen=True, slots=True)
class VoiceControl:
    """A control message. `media_time` is when it holds, in samples; `text` is a reason, or at JOIN the participant's name."""

    room: str
    participant_id: str
    kind: ControlKind
    media_time: int
    utterance_id: int = 0
    target_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class VoiceTranscript:
    """Text of one utterance. `start` and `end` are media times in samples, `confidence` is 0 to 1."""

    room: str
    utterance_id: int
    speaker_id: str
    reporter_id: str
    source: TranscriptSource
    text: str
    start: int
    end: int
    confidence: float = 1.0
