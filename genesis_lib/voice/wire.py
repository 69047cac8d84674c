"""VoiceFrame, VoiceControl and VoiceTranscript to CDR and back, and where a room's samples travel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.port import Sample, TopicSpec
from genesis_lib.errors import ConfigError, DecodeError, clean_text
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.voice.audio import FRAME_BYTES, SAMPLE_RATE
from genesis_lib.voice.messages import (
    AudioCodec,
    ControlKind,
    TranscriptSource,
    VoiceControl,
    VoiceFrame,
    VoiceTranscript,
)

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)

T = TypeVar("T", VoiceFrame, VoiceControl, VoiceTranscript)

FRAME_TOPIC = TopicSpec("VoiceFrame", "VoiceFrame", "VoiceFrames")
CONTROL_TOPIC = TopicSpec("VoiceControl", "VoiceControl", "VoiceControl")
TRANSCRIPT_TOPIC = TopicSpec("VoiceTranscript", "VoiceTranscript", "VoiceTranscript")
# For whoever wants every frame, however late: a recorder, and rooms that run faster than real time.
EVERY_FRAME_TOPIC = TopicSpec("VoiceFrame", "VoiceFrame", "VoiceControl")

_NAME_BYTES = 128
_CONTROL_TEXT_BYTES = 1024
_TRANSCRIPT_TEXT_BYTES = 8192
_LATEST = 2**53
_THOUSAND = 1000

_frame = codec("VoiceFrame")
_control = codec("VoiceControl")
_transcript = codec("VoiceTranscript")


def room_partition(room: str) -> str:
    """The partition of a room. In hex, since partition names may hold wildcards.

    Raises:
        ConfigError: the name is empty, not valid text, or over 128 bytes.
    """
    try:
        encoded = room.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"the room's name {room!r} is not valid text") from error
    if not 0 < len(encoded) <= _NAME_BYTES:
        raise ConfigError(f"the room's name {room[:40]!r} has {len(encoded)} bytes; it may have 1 to {_NAME_BYTES}")
    return f"voice-{encoded.hex()}"


def encode_frame(frame: VoiceFrame) -> bytes:
    """Serialize a frame.

    Raises:
        InvalidRequest: a member is out of range, or not valid text.
    """
    return _frame.encode(
        frame.room,
        frame.participant_id,
        frame.utterance_id,
        frame.sequence,
        frame.media_time,
        frame.sample_rate,
        int(frame.codec),
        frame.data,
    )


def decode_frame(payload: bytes) -> VoiceFrame:
    """Deserialize a frame.

    Raises:
        DecodeError: the bytes are no frame, or not one of 20 ms of PCM at 16 kHz.
    """
    room, participant_id, utterance_id, sequence, media_time, sample_rate, audio_codec, data = _frame.decode(payload)
    _check_origin("VoiceFrame", room, participant_id, utterance_id, media_time)
    if sequence < 0:
        raise DecodeError(f"VoiceFrame.sequence is {sequence}")
    if audio_codec != AudioCodec.PCM_S16LE:
        raise DecodeError(
            f"VoiceFrame.codec is {audio_codec}; this version takes {int(AudioCodec.PCM_S16LE)} (PCM) only"
        )
    if sample_rate != SAMPLE_RATE or len(data) != FRAME_BYTES:
        raise DecodeError(
            f"VoiceFrame has {len(data)} bytes at {sample_rate} Hz; 20 ms are {FRAME_BYTES} at {SAMPLE_RATE} Hz"
        )
    return VoiceFrame(room, participant_id, utterance_id, sequence, media_time, data)


def encode_control(control: VoiceControl) -> bytes:
    """Serialize a control message; its text is cut to 1024 bytes. Raises as `encode_frame`."""
    return _control.encode(
        control.room,
        control.participant_id,
        int(control.kind),
        control.media_time,
        control.utterance_id,
        control.target_id,
        clean_text(control.text, _CONTROL_TEXT_BYTES),
    )


def decode_control(payload: bytes) -> VoiceControl:
    """Deserialize a control message.

    Raises:
        DecodeError: the bytes are no control message, or one of a kind that is not known.
    """
    room, participant_id, kind, media_time, utterance_id, target_id, text = _control.decode(payload)
    _check_origin("VoiceControl", room, participant_id, utterance_id, media_time)
    try:
        return VoiceControl(room, participant_id, ControlKind(kind), media_time, utterance_id, target_id, text)
    except ValueError as error:
        raise DecodeError(f"VoiceControl.kind: {error}") from error


def encode_transcript(transcript: VoiceTranscript) -> bytes:
    """Serialize a transcript; its text is cut to 8192 bytes. Raises as `encode_frame`."""
    return _transcript.encode(
        transcript.room,
        transcript.utterance_id,
        transcript.speaker_id,
        transcript.reporter_id,
        transcript.source.value,
        clean_text(transcript.text, _TRANSCRIPT_TEXT_BYTES),
        transcript.start,
        transcript.end,
        round(transcript.confidence * _THOUSAND),
    )


def decode_transcript(payload: bytes) -> VoiceTranscript:
    """Deserialize a transcript.

    Raises:
        DecodeError: the bytes are no transcript, its source is not known, or its times or confidence make no sense.
    """
    room, utterance_id, speaker_id, reporter_id, source, text, start, end, confidence = _transcript.decode(payload)
    _check_origin("VoiceTranscript", room, speaker_id, utterance_id, start)
    if not start <= end < _LATEST:
        raise DecodeError(f"VoiceTranscript starts at {start} and ends at {end}")
    if not 0 <= confidence <= _THOUSAND:
        raise DecodeError(f"VoiceTranscript.confidence is {confidence}, not 0 to {_THOUSAND}")
    try:
        known_source = TranscriptSource(source)
    except ValueError as error:
        raise DecodeError(f"VoiceTranscript.source: {error}") from error
    return VoiceTranscript(
        room, utterance_id, speaker_id, reporter_id, known_source, text, start, end, confidence / _THOUSAND
    )


def _check_origin(what: str, room: str, participant_id: str, utterance_id: int, media_time: int) -> None:
    if not room or not participant_id:
        raise DecodeError(f"{what} names no {'participant' if room else 'room'}")
    if utterance_id < 0 or not 0 <= media_time < _LATEST:
        raise DecodeError(f"{what} of {participant_id} has utterance id {utterance_id} and media time {media_time}")


def decoded(samples: Sequence[Sample], decode: Callable[[bytes], T], room: str) -> list[tuple[Sample, T]]:
    """The samples that say something about this room, decoded; what is no such sample is logged and left out."""
    found = []
    for sample in samples:
        if not sample.valid_data:
            continue
        try:
            message = decode(sample.payload)
        except DecodeError as error:
            _warnings.warn((room, sample.publication), "refused a sample in voice room %s: %s", room, error)
            continue
        if message.room == room:
            found.append((sample, message))
    return found
