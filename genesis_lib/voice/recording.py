"""Records one call into a directory: `call.wav` and `events.jsonl`, written as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_SECONDS, SAMPLE_BYTES, SAMPLE_RATE, samples, samples_in
from genesis_lib.voice.messages import AudioCodec, ControlKind, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.stereo_file import StereoFile, write_all

AUDIO_FILE = "call.wav"
EVENTS_FILE = "events.jsonl"
_MOST_WAITING = round(2 * 60 / FRAME_SECONDS)


class _Audio(NamedTuple):
    channel: int
    media_time: int
    pcm: bytes


class _Silence(NamedTuple):
    channel: int
    start: int
    end: int


class Recording:
    """A call being recorded. Its methods return at once: a thread writes, and what it wrote is readable at any moment,
    whatever becomes of this process. At most a minute of audio waits for the disk.

    Every line of `events.jsonl` is one JSON object with `event`, `media_time` (samples at 16 kHz since the room began) and
    `wall_time` (seconds since the Unix epoch), and the members of what happened.

    Args:
        directory: made when it is not there.
        room: name of the room.
        customer_id, support_id: the participants on the left and on the right; audio of others is left out.
        scenario, persona, title: for the record: their names, and what the call is called.
        longest_seconds: audio later than this is left out.

    Raises:
        VoiceError: there is a recording in the directory already, or it cannot be written.

    Attributes:
        failed: done when the recording cannot go on, with the reason; what was recorded before is readable.
    """

    def __init__(
        self,
        directory: Path,
        room: str,
        customer_id: str,
        support_id: str,
        *,
        scenario: str = "",
        persona: str = "",
        title: str = "",
        longest_seconds: float = 3600.0,
    ) -> None:
        self.directory = directory
        self._channels = {customer_id: 0, support_id: 1}
        self._longest = samples(longest_seconds)
        self._loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[VoiceError] = self._loop.create_future()
        self._waiting: SimpleQueue[_Audio | _Silence | bytes | None] = SimpleQueue()
        self._media_time = 0
        self._refused = 0
        self._latest: dict[int, tuple[int, int]] = {}
        self._ended: dict[int, tuple[int, int]] = {}
        self._closed = False
        with _reported(directory):
            directory.mkdir(parents=True, exist_ok=True)
            self._events = os.open(directory / EVENTS_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                self._audio = StereoFile(directory / AUDIO_FILE)
            except OSError:
                os.close(self._events)
                raise
        self._events_size = 0
        self._event(
            "start",
            0,
            format=1,
            room=room,
            sample_rate=SAMPLE_RATE,
            customer_id=customer_id,
            support_id=support_id,
            scenario=scenario,
            persona=persona,
            title=title,
        )
        self._writer = threading.Thread(target=self._write, name=f"recording {directory}", daemon=True)
        self._writer.start()

    @property
    def duration(self) -> int:
        """The media time recorded so far, in samples."""
        return self._media_time

    def frame(self, frame: VoiceFrame) -> None:
        """Record 20 ms of one side; of an utterance that has ended only what was before its end."""
        channel = self._channels.get(frame.participant_id)
        if channel is None:
            return
        end = frame.media_time + samples_in(frame.data)
        if not _is_readable(frame) or frame.media_time < 0 or end > self._longest:
            self._refused += 1
            return
        ended_id, ended_at = self._ended.get(channel, (-1, 0))
        if frame.utterance_id == ended_id:
            frame = _cut(frame, ended_at)
            end = frame.media_time + samples_in(frame.data)
        if frame.data:
            self._latest[channel] = (frame.utterance_id, end)
            self._media_time = max(self._media_time, end)
            self._put(_Audio(channel, frame.media_time, frame.data))

    def control(self, control: VoiceControl) -> None:
        """Record a control message. The end of an utterance silences what came of it before and was never played."""
        channel = self._channels.get(control.participant_id)
        if channel is not None and control.kind is ControlKind.UTTERANCE_END:
            self._ended[channel] = (control.utterance_id, control.media_time)
            latest_id, latest_end = self._latest.get(channel, (-1, 0))
            if latest_id == control.utterance_id and latest_end > control.media_time:
                self._put(_Silence(channel, control.media_time, latest_end))
        self._event("control", **{**_members(control), "kind": control.kind.name.lower()})

    def gone(self, participant_id: str) -> None:
        """Record that a participant's process left the room, in good order or not."""
        self._event("gone", self._media_time, participant_id=participant_id)

    def transcript(self, transcript: VoiceTranscript) -> None:
        """Record the text of an utterance, spoken or heard."""
        self._event("transcript", transcript.start, **_members(transcript))

    def bus_call(
        self,
        caller_id: str,
        target: str,
        media_time: int,
        duration_seconds: float,
        *,
        request: str = "",
        answer: str = "",
        error: str = "",
    ) -> None:
        """Record a call on the bus that a side made. `media_time` is when it began, `error` is "" when it was answered."""
        self._event(
            "bus_call",
            media_time,
            caller_id=caller_id,
            target=target,
            duration_seconds=duration_seconds,
            request=request,
            answer=answer,
            error=error,
        )

    def statistics(self, participant_id: str, values: Mapping[str, float]) -> None:
        """Record what a side's room counted; later counts replace earlier ones."""
        self._event("statistics", self._media_time, participant_id=participant_id, values=dict(values))

    async def close(self, reason: str, success: bool | None = None) -> None:
        """End the recording. `success` is whether the call reached what its scenario wanted, None when nobody knows.

        Raises:
            VoiceError: the recording ended before, since it could not be written.
        """
        self._event("end", self._media_time, reason=reason, success=success, frames_refused=self._refused)
        self._closed = True
        self._waiting.put(None)
        await asyncio.to_thread(self._writer.join)
        if self.failed.done():
            raise self.failed.result()

    def _event(self, event: str, media_time: int, **members: Any) -> None:
        line = {"event": event, "media_time": media_time, "wall_time": time.time(), **members}
        self._put(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def _put(self, item: _Audio | _Silence | bytes) -> None:
        if self._closed or self.failed.done():
            return
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(item)
        else:
            self._fail(VoiceError(f"{self.directory} takes in the recording too slowly; it ends here"))
            self._waiting.put(None)

    def _fail(self, error: VoiceError) -> None:
        if not self.failed.done():
            self.failed.set_result(error)

    # What follows runs in the writer's thread.

    def _write(self) -> None:
        try:
            self._write_what_comes()
        except OSError as error:
            failure = _cannot_be_written(self.directory, error)
            with contextlib.suppress(OSError):  # there may be room for this line, where there was none for the audio
                self._append(_last_line(failure))
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._fail, failure)
        finally:
            self._audio.close()
            os.close(self._events)

    def _write_what_comes(self) -> None:
        while (item := self._waiting.get()) is not None:
            match item:
                case bytes():
                    self._append(item)
                case _Audio():
                    self._audio.place(*item)
                case _Silence():
                    self._audio.silence(*item)

    def _append(self, line: bytes) -> None:
        try:
            write_all(self._events, line, self._events_size)
        except OSError:
            os.ftruncate(self._events, self._events_size)
            raise
        self._events_size += len(line)


@contextlib.contextmanager
def _reported(directory: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise VoiceError(f"{directory} holds a recording already; name another directory") from error
    except OSError as error:
        raise _cannot_be_written(directory, error) from error


def _cut(frame: VoiceFrame, end: int) -> VoiceFrame:
    return replace(frame, data=frame.data[: max(0, end - frame.media_time) * SAMPLE_BYTES])


def _is_readable(frame: VoiceFrame) -> bool:
    return frame.codec is AudioCodec.PCM_S16LE and frame.sample_rate == SAMPLE_RATE and len(frame.data) % 2 == 0


def _members(message: VoiceControl | VoiceTranscript) -> dict[str, Any]:
    return {name: value for name, value in asdict(message).items() if name != "room"}


def _cannot_be_written(directory: Path, error: OSError) -> VoiceError:
    return VoiceError(
        f"the recording in {directory} cannot be written: {error.strerror}; what there is of it is readable"
    )


def _last_line(failure: VoiceError) -> bytes:
    line = {"event": "end", "media_time": 0, "wall_time": time.time(), "reason": str(failure), "success": None}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
