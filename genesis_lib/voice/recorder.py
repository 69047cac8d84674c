"""Records a call in a voice room that it hears without being in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, Self

from genesis_lib.dds.port import Participant
from genesis_lib.messages import AgentInfo
from genesis_lib.unwinding import on_failure
from genesis_lib.voice.bus_calls import BusCallFollower
from genesis_lib.voice.clock import HeardClock
from genesis_lib.voice.listener import RoomListener
from genesis_lib.voice.messages import ControlKind, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.recording import Recording


class CallWatcher(Protocol):
    """Somebody who is told what happens in a call, at once; see the methods of Recording."""

    def control(self, control: VoiceControl) -> None: ...

    def transcript(self, transcript: VoiceTranscript) -> None: ...

    def bus_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None: ...


class CallRecorder:
    """Feeds a recording with what happens in a room: audio, controls, transcripts, and the calls that both sides make on the
    bus, as their monitoring events tell.

    Args:
        participant: on whose domain the room is.
        room: the room's name.
        recording: where it goes. Closing it stays the caller's.
        customer_id, support_id: the agents that take part.
        agents: agents by id, for the names of those that are called; the directory of an app keeps such a map.
        pace: that of the room.
        watchers: who is told beside the recording.

    Attributes:
        ended: the reason, once somebody hung up, left or was lost.
    """

    def __init__(
        self,
        participant: Participant,
        room: str,
        recording: Recording,
        customer_id: str,
        support_id: str,
        *,
        agents: Mapping[str, AgentInfo],
        pace: Literal["realtime", "fast"] = "realtime",
        watchers: Sequence[CallWatcher] = (),
    ) -> None:
        self._recording = recording
        self._watchers: tuple[CallWatcher, ...] = (recording, *watchers)
        self._names = {customer_id: customer_id, support_id: support_id}
        self._time = HeardClock(asyncio.get_running_loop().time if pace == "realtime" else lambda: 0.0)
        self._bus_calls = BusCallFollower(
            participant, self._names.__contains__, agents, lambda: self._time.now, self._on_bus_call
        )
        self._listener = RoomListener(
            participant,
            room,
            on_frame=self._on_frame,
            on_control=self._on_control,
            on_transcript=self._on_transcript,
            on_gone=self._on_gone,
        )
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open(self) -> Self:
        """Begin to record; best before the call begins.

        Raises:
            ConfigError: the room's name cannot be one.
            BusError: the DDS product refuses the readers.
        """
        await self._bus_calls.open()
        async with on_failure(self._bus_calls.close):
            await self._listener.open()
        return self

    async def close(self) -> None:
        """Hear no more."""
        await self._listener.close()
        await self._bus_calls.close()

    def _on_frame(self, frame: VoiceFrame) -> None:
        self._time.reach(frame.media_time)
        self._recording.frame(frame)

    def _on_control(self, control: VoiceControl) -> None:
        self._time.reach(control.media_time)
        for watcher in self._watchers:
            watcher.control(control)
        if control.participant_id not in self._names:
            return
        match control.kind:
            case ControlKind.JOIN:
                self._names[control.participant_id] = control.text
            case ControlKind.HANG_UP:
                self._end(control.text or f"{self._names[control.participant_id]} hung up")
            case ControlKind.LEAVE:
                self._end(control.text or f"{self._names[control.participant_id]} left")
            case _:
                pass

    def _on_transcript(self, transcript: VoiceTranscript) -> None:
        for watcher in self._watchers:
            watcher.transcript(transcript)

    def _on_gone(self, participant_id: str) -> None:
        self._recording.gone(participant_id)
        if participant_id in self._names:
            self._end(f"{self._names[participant_id]} was lost: its process ended or the network to it broke")

    def _end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)

    def _on_bus_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None:
        for watcher in self._watchers:
            watcher.bus_call(caller_id, target, media_time, duration_seconds, error=error)
