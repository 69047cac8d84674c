"""Hearing all of a room without being in it: for recorders and monitors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from genesis_lib.dds.port import Match, Participant, Reader, Sample
from genesis_lib.unwinding import on_failure
from genesis_lib.voice.messages import VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.wire import (
    CONTROL_TOPIC,
    EVERY_FRAME_TOPIC,
    TRANSCRIPT_TOPIC,
    decode_control,
    decode_frame,
    decode_transcript,
    decoded,
    room_partition,
)


class RoomListener:
    """Hears a room. It sends nothing, so nobody in the room sees it or waits for it.

    Callbacks run on the event loop, one by one, in the order in which each speaker sent; frames, controls and transcripts
    have no order among each other: a frame may come after the end of its utterance.

    Args:
        participant: on whose domain the room is.
        room: the room's name.
        on_frame: called with each frame of audio. Frames past the media time of their UTTERANCE_END were never played.
        on_control: called with each control message.
        on_transcript: called with each transcript, those from before the listener came included.
        on_gone: called with the id of a participant that was heard and whose process left the room, in good order or not,
            after all its control messages.
    """

    def __init__(
        self,
        participant: Participant,
        room: str,
        *,
        on_frame: Callable[[VoiceFrame], None] | None = None,
        on_control: Callable[[VoiceControl], None] | None = None,
        on_transcript: Callable[[VoiceTranscript], None] | None = None,
        on_gone: Callable[[str], None] | None = None,
    ) -> None:
        self._participant = participant
        self._room = room
        self._on_frame = on_frame
        self._on_control = on_control
        self._on_transcript = on_transcript
        self._on_gone = on_gone
        self._readers: list[Reader] = []
        self._ids: dict[int, str] = {}

    async def open(self) -> Self:
        """Start to listen.

        Raises:
            ConfigError: the room's name cannot be one.
            BusError: the DDS product refuses the readers.
        """
        partition = room_partition(self._room)
        async with on_failure(self.close):
            if self._on_frame is not None:
                self._readers.append(
                    await self._participant.create_reader(EVERY_FRAME_TOPIC, self._take_frames, partition=partition)
                )
            self._readers.append(
                await self._participant.create_reader(
                    CONTROL_TOPIC, self._take_controls, partition=partition, on_match=self._on_match
                )
            )
            if self._on_transcript is not None:
                self._readers.append(
                    await self._participant.create_reader(TRANSCRIPT_TOPIC, self._take_transcripts, partition=partition)
                )
        return self

    async def close(self) -> None:
        """Stop listening."""
        await asyncio.gather(*(reader.close() for reader in self._readers))

    def _take_frames(self, samples: Sequence[Sample]) -> None:
        for _, frame in decoded(samples, decode_frame, self._room):
            if self._on_frame is not None:
                self._on_frame(frame)

    def _take_controls(self, samples: Sequence[Sample]) -> None:
        for sample, control in decoded(samples, decode_control, self._room):
            self._ids[sample.publication] = control.participant_id
            if self._on_control is not None:
                self._on_control(control)

    def _take_transcripts(self, samples: Sequence[Sample]) -> None:
        for _, transcript in decoded(samples, decode_transcript, self._room):
            if self._on_transcript is not None:
                self._on_transcript(transcript)

    def _on_match(self, match: Match) -> None:
        if not match.matched:
            gone = self._ids.pop(match.handle, None)
            if gone is not None and self._on_gone is not None:
                self._on_gone(gone)
