"""What happens in a room of another transport, on the bus: control messages and transcripts, without the audio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Self

from genesis_lib.dds.port import Match, Participant, Reader, Sample, Writer
from genesis_lib.unwinding import on_failure
from genesis_lib.voice.messages import ControlKind, VoiceControl, VoiceTranscript
from genesis_lib.voice.outbox import Outbox
from genesis_lib.voice.wire import (
    CONTROL_TOPIC,
    TRANSCRIPT_TOPIC,
    decode_control,
    decoded,
    encode_control,
    encode_transcript,
    room_partition,
)

logger = logging.getLogger(__name__)


class BusLine:
    """What one participant says of itself on the bus, as a `VoiceRoom` of that name does it for those who record or watch.

    Args:
        participant: on whose domain it is told.
        room: the room's name.
        my_id, name: the participant's.
        on_control: called with the control messages of others.

    Raises:
        ConfigError: the room's name cannot be one.
    """

    def __init__(
        self, participant: Participant, room: str, my_id: str, name: str, on_control: Callable[[VoiceControl], None]
    ) -> None:
        self.room = room
        self.my_id = my_id
        self._participant = participant
        self._partition = room_partition(room)
        self._name = name
        self._on_control = on_control
        self._controls = Outbox(self._on_stuck)
        self._transcripts = Outbox(self._on_stuck)
        self._endpoints: list[Reader | Writer] = []

    async def open(self) -> Self:
        """Begin to tell.

        Raises:
            BusError: the DDS product refuses the readers or writers.
        """
        create_writer = self._participant.create_writer
        async with on_failure(self.close):
            transcripts = await create_writer(TRANSCRIPT_TOPIC, partition=self._partition)
            self._endpoints.append(transcripts)
            controls = await create_writer(CONTROL_TOPIC, partition=self._partition, on_match=self._on_reader)
            self._endpoints.append(controls)
            self._transcripts.open(transcripts)
            self._controls.open(controls)
            self._endpoints.append(
                await self._participant.create_reader(CONTROL_TOPIC, self._take_controls, partition=self._partition)
            )
        return self

    async def close(self) -> None:
        """Tell no more; what was told before has been written by then."""
        endpoints, self._endpoints = self._endpoints, []
        try:
            await asyncio.gather(self._controls.flush(), self._transcripts.flush())
        finally:
            await asyncio.gather(*(endpoint.close() for endpoint in endpoints))

    def control(
        self, kind: ControlKind, media_time: int, utterance_id: int = 0, target_id: str = "", text: str = ""
    ) -> None:
        """Send a control message; never lost, and in order."""
        self._controls.send(
            encode_control(VoiceControl(self.room, self.my_id, kind, media_time, utterance_id, target_id, text))
        )

    def transcript(self, transcript: VoiceTranscript) -> None:
        """Publish a transcript."""
        self._transcripts.send(encode_transcript(transcript))

    def _on_reader(self, match: Match) -> None:
        """Somebody new hears what this participant says, and none of what it said before."""
        if match.matched:
            self.control(ControlKind.JOIN, 0, text=self._name)

    def _take_controls(self, samples: Sequence[Sample]) -> None:
        for _, control in decoded(samples, decode_control, self.room):
            if control.participant_id != self.my_id:
                self._on_control(control)

    def _on_stuck(self) -> None:
        logger.warning("what happens in room %s is told no more: the bus takes no more messages", self.room)
