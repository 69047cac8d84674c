"""The line into a room: its readers and writers, and what goes through them as messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genesis_lib.dds.port import Match, OnMatch, Participant, Reader, Sample, TopicSpec, Writer
from genesis_lib.voice.messages import ControlKind, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.outbox import Outbox
from genesis_lib.voice.statistics import RoomStatistics
from genesis_lib.voice.wire import (
    CONTROL_TOPIC,
    EVERY_FRAME_TOPIC,
    FRAME_TOPIC,
    TRANSCRIPT_TOPIC,
    decode_control,
    decode_frame,
    decoded,
    encode_control,
    encode_frame,
    encode_transcript,
    room_partition,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom a line tells: of frames and control messages with the handle of their writer, of readers in the room, and of the
    handles of writers that are no more."""

    on_frame: Callable[[VoiceFrame, int], None]
    on_control: Callable[[VoiceControl, int], None]
    on_control_reader: OnMatch
    on_frame_reader: OnMatch
    on_writer_gone: Callable[[int], None]
    on_stuck: Callable[[], None]


class RoomLine:
    """One participant's endpoints in a room. Its own messages do not come back to it.

    Args:
        participant: on whose domain the room is.
        room: the room's name.
        my_id: the participant's id in the room.
        hooks: whom the line tells.
        lossless: a throttled writer of frames is waited for; otherwise the frame is left out.
        statistics: where frames are counted.

    Attributes:
        muted: no frames are sent.

    Raises:
        ConfigError: the room's name cannot be one.
    """

    def __init__(
        self,
        participant: Participant,
        room: str,
        my_id: str,
        hooks: Hooks,
        *,
        lossless: bool,
        statistics: RoomStatistics,
    ) -> None:
        self._participant = participant
        self._room = room
        self._my_id = my_id
        self._lossless = lossless
        self._statistics = statistics
        self._partition = room_partition(room)
        self._hooks = hooks
        self._controls = Outbox(hooks.on_stuck)
        self._transcripts = Outbox(hooks.on_stuck)
        self._endpoints: list[Reader | Writer] = []
        self.muted = False

    async def open(self) -> None:
        """Make the endpoints; what fails here is undone by `close`.

        Raises:
            BusError: the DDS product refuses one.
        """
        hooks = self._hooks
        frames = EVERY_FRAME_TOPIC if self._lossless else FRAME_TOPIC
        self._transcripts.open(await self._writer(TRANSCRIPT_TOPIC, None))
        self._frames = await self._writer(frames, self._on_frame_reader)
        self._controls.open(await self._writer(CONTROL_TOPIC, hooks.on_control_reader))
        self._endpoints.append(
            await self._participant.create_reader(
                frames,
                self._take_frames,
                partition=self._partition,
                user_data=self._my_id.encode(),
                on_match=self._on_writer,
            )
        )
        self._endpoints.append(
            await self._participant.create_reader(
                CONTROL_TOPIC, self._take_controls, partition=self._partition, on_match=self._on_writer
            )
        )

    async def close(self) -> None:
        """Delete the endpoints, what was sent before has been written by then."""
        endpoints, self._endpoints = self._endpoints, []
        try:
            await asyncio.gather(self._controls.flush(), self._transcripts.flush())
        finally:
            await asyncio.gather(*(endpoint.close() for endpoint in endpoints))

    def send_control(
        self, kind: ControlKind, media_time: int, utterance_id: int = 0, target_id: str = "", text: str = ""
    ) -> None:
        """Send a control message; never lost, and in order."""
        self._controls.send(
            encode_control(VoiceControl(self._room, self._my_id, kind, media_time, utterance_id, target_id, text))
        )

    async def send_frame(self, utterance_id: int, sequence: int, media_time: int, data: bytes) -> bool:
        """Send 20 ms of audio; False when they were left out."""
        payload = encode_frame(VoiceFrame(self._room, self._my_id, utterance_id, sequence, media_time, data))
        sent = not self.muted
        if sent and self._lossless:
            await self._frames.write(payload)
        elif sent:
            sent = self._frames.try_write(payload)
        self._statistics.frames_sent += sent
        self._statistics.frames_not_sent += not sent
        return sent

    def send_transcript(self, transcript: VoiceTranscript) -> None:
        """Publish a transcript.

        Raises:
            InvalidRequest: it cannot be put on the wire.
        """
        self._transcripts.send(encode_transcript(transcript))

    async def flush(self) -> None:
        """Wait until all control messages are written."""
        await self._controls.flush()

    async def _writer(self, topic: TopicSpec, on_match: OnMatch | None) -> Writer:
        writer = await self._participant.create_writer(topic, partition=self._partition, on_match=on_match)
        self._endpoints.append(writer)
        return writer

    def _take_frames(self, samples: Sequence[Sample]) -> None:
        for sample, frame in decoded(samples, decode_frame, self._room):
            if frame.participant_id != self._my_id:
                self._hooks.on_frame(frame, sample.publication)

    def _take_controls(self, samples: Sequence[Sample]) -> None:
        for sample, control in decoded(samples, decode_control, self._room):
            if control.participant_id != self._my_id:
                self._hooks.on_control(control, sample.publication)

    def _on_frame_reader(self, match: Match) -> None:
        if match.matched and match.user_data == self._my_id.encode() and match.participant != self._participant.guid:
            logger.warning("somebody else in voice room %s has the id %s, too: not heard", self._room, self._my_id)
        self._hooks.on_frame_reader(match)

    def _on_writer(self, match: Match) -> None:
        if not match.matched:
            self._hooks.on_writer_gone(match.handle)
