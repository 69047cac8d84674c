"""What is recorded of a call, and what stays of it when the recording cannot go on."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_SAMPLES, samples
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.messages import AudioCodec, ControlKind, VoiceControl, VoiceFrame
from genesis_lib.voice.recording import Recording
from tests.voice.disks import small_disk
from tests.voice.heard import channels
from tests.voice.recorded import CUSTOMER, ROOM, SUPPORT, TALK, record_call

LOUD = struct.pack("<h", 1000) * FRAME_SAMPLES
ENDLESS = """\
import asyncio, itertools, resource, shutil, sys
from pathlib import Path
from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_SAMPLES
from genesis_lib.voice.messages import VoiceFrame
from genesis_lib.voice.recording import Recording
from tests.voice.test_recording import LOUD

async def main(folder, limit, kept):
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    recording = Recording(folder, "room", "a", "b")
    for number in itertools.count():
        recording.frame(VoiceFrame("room", "a", 1, number, number * FRAME_SAMPLES, LOUD))
        if number % 100 == 0:
            print((folder / "call.wav").stat().st_size, flush=True)
        if recording.failed.done():
            break
        await asyncio.sleep(0)
    try:
        await recording.close("never")
    except VoiceError as error:
        print(error)
    shutil.copytree(folder, kept)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
"""


def recording_in(directory: Path, **options: Any) -> Recording:
    return Recording(directory, ROOM, CUSTOMER, SUPPORT, **options)


def frame(who: str, at: int, pcm: bytes = LOUD, utterance: int = 1, **members: Any) -> VoiceFrame:
    return VoiceFrame(ROOM, who, utterance, 0, at, pcm, **members)


def events(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]


def loud_frames(side: array[int]) -> list[int]:
    """Which frames of 20 ms are not silent."""
    return [n // FRAME_SAMPLES for n in range(0, len(side), FRAME_SAMPLES) if any(side[n : n + FRAME_SAMPLES])]


async def test_each_side_is_on_its_channel_at_its_media_time(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    recording.frame(frame(SUPPORT, 5 * FRAME_SAMPLES))
    recording.frame(frame(CUSTOMER, 2 * FRAME_SAMPLES))  # later, and before the other in media time
    recording.frame(frame(CUSTOMER, 5 * FRAME_SAMPLES))
    recording.frame(frame("somebody else", 9 * FRAME_SAMPLES))
    await recording.close("done")
    left, right = channels(tmp_path)
    assert len(left) == 6 * FRAME_SAMPLES
    assert (loud_frames(left), loud_frames(right)) == ([2, 5], [5])
    assert set(left[2 * FRAME_SAMPLES : 3 * FRAME_SAMPLES]) == {1000}


async def test_a_call_is_as_long_as_its_media_time_and_its_sides_take_turns(tmp_path: Path) -> None:
    await record_call(tmp_path / "new" / "folder")
    left, right = channels(tmp_path / "new" / "folder")
    assert len(left) == len(right) == samples(TALK[-1][2])
    for who, start, end, _, _ in TALK:
        side = left if who == CUSTOMER else right
        assert len(loud_frames(side[samples(start) : samples(end)])) > 0.9 * (end - start) * 50
    assert not any(right[samples(0.5) : samples(3.1)])


async def test_every_event_has_both_times(tmp_path: Path) -> None:
    await record_call(tmp_path)
    recorded = events(tmp_path)
    assert {event["event"] for event in recorded} == {
        "start", "control", "transcript", "bus_call", "statistics", "end"
    }  # fmt: skip
    assert all(isinstance(event["media_time"], int) and event["wall_time"] > 1.7e9 for event in recorded)
    assert (recorded[0]["customer_id"], recorded[0]["sample_rate"]) == (CUSTOMER, 16_000)
    assert (recorded[-1]["reason"], recorded[-1]["success"]) == ("all is said", True)


async def test_what_an_interrupted_speaker_never_played_is_not_in_the_recording(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    for number in range(10):
        recording.frame(frame(CUSTOMER, number * FRAME_SAMPLES))
    recording.control(VoiceControl(ROOM, CUSTOMER, ControlKind.UTTERANCE_END, 4 * FRAME_SAMPLES, 1))
    recording.frame(frame(CUSTOMER, 3 * FRAME_SAMPLES))
    recording.frame(frame(CUSTOMER, 11 * FRAME_SAMPLES))
    recording.frame(frame(CUSTOMER, 12 * FRAME_SAMPLES, utterance=2))
    await recording.close("done")
    assert loud_frames(channels(tmp_path)[0]) == [0, 1, 2, 3, 12]


@pytest.mark.parametrize(
    "bad",
    [
        frame(CUSTOMER, samples(61)),
        frame(CUSTOMER, 2**52),
        frame(CUSTOMER, -FRAME_SAMPLES),
        frame(CUSTOMER, 0, LOUD[:-1]),
        frame(CUSTOMER, 0, sample_rate=8000),
        frame(CUSTOMER, 0, codec=AudioCodec.OPUS),
    ],
)
async def test_frames_that_cannot_be_placed_are_left_out_and_counted(tmp_path: Path, bad: VoiceFrame) -> None:
    recording = recording_in(tmp_path, longest_seconds=60)
    recording.frame(bad)
    recording.frame(frame(CUSTOMER, FRAME_SAMPLES))
    await recording.close("done")
    assert loud_frames(channels(tmp_path)[0]) == [1]
    assert events(tmp_path)[-1]["frames_refused"] == 1


async def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    await record_call(tmp_path)
    before = (tmp_path / "events.jsonl").read_bytes()
    with pytest.raises(VoiceError, match="holds a recording already"):
        recording_in(tmp_path)
    assert (tmp_path / "events.jsonl").read_bytes() == before


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VoiceError, match="file/below cannot be written: Not a directory"):
        recording_in(tmp_path / "file" / "below")


async def test_after_the_end_nothing_is_recorded(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    await recording.close("done")
    recording.frame(frame(CUSTOMER, 0))
    await recording.close("again")
    assert [event["event"] for event in events(tmp_path)] == ["start", "end"]
    assert len(channels(tmp_path)[0]) == 0


async def record_endlessly(
    *prefix: str, folder: Path, limit: int = 0, kept: Path | str = ""
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*prefix, sys.executable, "-c", ENDLESS, str(folder), str(limit), str(kept)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def assert_readable(folder: Path, at_least: int) -> None:
    """The audio is what was recorded, without a hole, from its beginning to where its header says it ends."""
    left, right = channels(folder)
    assert len(left) >= at_least * FRAME_SAMPLES
    assert set(left) == {1000}
    assert set(right) == {0}
    write_documents(folder)


async def test_what_was_recorded_is_readable_when_the_process_is_killed(tmp_path: Path) -> None:
    process = await record_endlessly(folder=tmp_path / "call")
    assert process.stdout is not None
    async for size in process.stdout:
        if int(size) > 101 * FRAME_SAMPLES * 4:
            break
    process.kill()
    await process.communicate()
    assert_readable(tmp_path / "call", 100)
    captured = read_captured(tmp_path / "call")
    assert not captured.complete
    assert captured.reason == "the recording breaks off without an end"


async def test_a_file_that_may_grow_no_more_ends_the_recording(tmp_path: Path) -> None:
    process = await record_endlessly(folder=tmp_path / "call", limit=100_000, kept=tmp_path / "kept")
    said = (await process.communicate())[0].decode().splitlines()[-1]
    assert (
        said == f"the recording in {tmp_path}/call cannot be written: File too large; what there is of it is readable"
    )
    assert_readable(tmp_path / "call", 77)
    assert (tmp_path / "call" / "call.wav").stat().st_size <= 100_000
    assert read_captured(tmp_path / "call").reason == said


async def test_a_full_disk_ends_the_recording(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    process = await record_endlessly(*small_disk(disk), folder=disk / "call", kept=tmp_path / "kept")
    said = (await process.communicate())[0].decode().splitlines()[-1]
    assert (
        said
        == f"the recording in {disk}/call cannot be written: No space left on device; what there is of it is readable"
    )
    assert_readable(tmp_path / "kept", 150)


async def test_a_control_message_from_the_far_future_does_no_harm(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    recording.frame(frame(CUSTOMER, 0))
    for kind in (ControlKind.UTTERANCE_START, ControlKind.UTTERANCE_END, ControlKind.INTERRUPT):
        recording.control(VoiceControl(ROOM, SUPPORT, kind, 2**53 - 1, 1))
    await recording.close("done")
    write_documents(tmp_path)
    assert (tmp_path / "call.wav").stat().st_size < 10_000
    assert (tmp_path / "index.html").stat().st_size < 100_000


async def test_documents_of_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="holds no recording of a call: No such file or directory"):
        write_documents(tmp_path)
    (tmp_path / "events.jsonl").write_text('{"event": "star')
    with pytest.raises(VoiceError, match="has no beginning"):
        write_documents(tmp_path)


async def test_events_are_read_up_to_a_line_that_broke_off(tmp_path: Path) -> None:
    await record_call(tmp_path)
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines(keepends=True)
    utterances = [len(read_captured(tmp_path).utterances)]
    (tmp_path / "events.jsonl").write_bytes(b"".join(lines[:-8]) + lines[-8][:30])
    captured = read_captured(tmp_path)
    assert (utterances, len(captured.utterances), captured.complete) == ([len(TALK)], len(TALK), False)
    assert captured.bus_calls == ()
    write_documents(tmp_path)
