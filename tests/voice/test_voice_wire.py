"""What travels in a voice room: there and back, and what is refused."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.port import InstanceState, Sample
from genesis_lib.errors import ConfigError, DecodeError
from genesis_lib.voice.audio import FRAME_BYTES
from genesis_lib.voice.messages import ControlKind, TranscriptSource, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.wire import (
    decode_control,
    decode_frame,
    decode_transcript,
    decoded,
    encode_control,
    encode_frame,
    encode_transcript,
    room_partition,
)

names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=32)
ids = st.integers(0, 2**31 - 1)
times = st.integers(0, 2**53 - 1)


@given(names, names, ids, ids, times, st.binary(min_size=FRAME_BYTES, max_size=FRAME_BYTES))
def test_frames_come_back(room: str, who: str, utterance: int, sequence: int, time: int, data: bytes) -> None:
    frame = VoiceFrame(room, who, utterance, sequence, time, data)
    assert decode_frame(encode_frame(frame)) == frame


@given(names, names, st.sampled_from(ControlKind), times, ids, names, names)
def test_controls_come_back(
    room: str, who: str, kind: ControlKind, time: int, utterance: int, target: str, text: str
) -> None:
    control = VoiceControl(room, who, kind, time, utterance, target, text)
    assert decode_control(encode_control(control)) == control


@given(names, ids, names, names, st.sampled_from(TranscriptSource), names, times, times, st.integers(0, 1000))
def test_transcripts_come_back(
    room: str,
    utterance: int,
    speaker: str,
    reporter: str,
    source: TranscriptSource,
    text: str,
    one: int,
    two: int,
    thousandths: int,
) -> None:
    start, end = sorted((one, two))
    transcript = VoiceTranscript(room, utterance, speaker, reporter, source, text, start, end, thousandths / 1000)
    assert decode_transcript(encode_transcript(transcript)) == transcript


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    for decode in (decode_frame, decode_control, decode_transcript):
        with pytest.raises(DecodeError):
            decode(data)


GOOD_FRAME: dict[str, Any] = {
    "room": "r",
    "participant_id": "a",
    "utterance_id": 1,
    "sequence": 0,
    "media_time": 0,
    "sample_rate": 16_000,
    "codec": 0,
    "data": bytes(FRAME_BYTES),
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"room": ""},
        {"participant_id": ""},
        {"utterance_id": -1},
        {"sequence": -1},
        {"media_time": -1},
        {"media_time": 2**53},
        {"sample_rate": 48_000},
        {"codec": 1},
        {"codec": 7},
        {"data": b""},
        {"data": bytes(FRAME_BYTES - 1)},
        {"data": bytes(FRAME_BYTES + 2)},
    ],
    ids=str,
)
def test_frames_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    decode_frame(codec("VoiceFrame").encode(*GOOD_FRAME.values()))
    with pytest.raises(DecodeError, match="VoiceFrame"):
        decode_frame(codec("VoiceFrame").encode(*(GOOD_FRAME | wrong).values()))


@pytest.mark.parametrize("kind", [-1, 9])
def test_unknown_kinds_of_control_are_refused(kind: int) -> None:
    with pytest.raises(DecodeError, match=r"VoiceControl\.kind"):
        decode_control(codec("VoiceControl").encode("r", "a", kind, 0, 0, "", ""))


@pytest.mark.parametrize(
    ("source", "start", "end", "confidence"),
    [("guessed", 0, 1, 0), ("heard", 2, 1, 0), ("heard", 0, 1, -1), ("heard", 0, 1, 1001), ("heard", 0, 2**53, 0)],
)
def test_transcripts_that_make_no_sense_are_refused(source: str, start: int, end: int, confidence: int) -> None:
    with pytest.raises(DecodeError, match="VoiceTranscript"):
        decode_transcript(codec("VoiceTranscript").encode("r", 1, "a", "b", source, "t", start, end, confidence))


def test_long_text_is_cut_to_its_bound() -> None:
    control = decode_control(encode_control(VoiceControl("r", "a", ControlKind.HANG_UP, 0, text="é" * 1000)))
    assert control.text == "é" * 512
    transcript = VoiceTranscript("r", 1, "a", "b", TranscriptSource.HEARD, "x" * 10_000, 0, 1)
    assert len(decode_transcript(encode_transcript(transcript)).text) == 8192


def test_what_is_no_sample_of_the_room_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    control = VoiceControl("here", "a", ControlKind.JOIN, 0)
    payloads = [encode_control(control), b"\0" * 9, encode_control(VoiceControl("there", "a", ControlKind.JOIN, 0))]
    samples = [Sample(payload, True, InstanceState.ALIVE, 1, 0.0) for payload in payloads]
    samples.append(Sample(b"", False, InstanceState.NO_WRITERS, 1, 0.0))
    with caplog.at_level(logging.WARNING):
        assert [message for _, message in decoded(samples, decode_control, "here")] == [control]
    assert len(caplog.messages) == 1
    assert "voice room here" in caplog.messages[0]


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=32))
def test_partitions_of_rooms_are_safe_and_tell_rooms_apart(room: str) -> None:
    partition = room_partition(room)
    assert partition.isascii()
    assert not set(partition) & set("*?[]/, ")
    assert bytes.fromhex(partition.removeprefix("voice-")).decode() == room


@pytest.mark.parametrize("room", ["", "x" * 129, "\ud800"])
def test_rooms_that_cannot_be_called_that(room: str) -> None:
    with pytest.raises(ConfigError, match="room"):
        room_partition(room)
