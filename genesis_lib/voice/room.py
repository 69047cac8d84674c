"""A voice room over DDS: who is in it, what they say, and a voice of one's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Literal, Self

from genesis_lib.dds.port import Participant
from genesis_lib.errors import ConfigError, VoiceError
from genesis_lib.unwinding import on_failure
from genesis_lib.voice.attention import Attention
from genesis_lib.voice.clock import FastClock, RealtimeClock, RoomClock
from genesis_lib.voice.ears import Ears
from genesis_lib.voice.hearing import DELAY_FRAMES, ControlledEar, HeardUtterance, Hearing, Progress
from genesis_lib.voice.line import Hooks, RoomLine
from genesis_lib.voice.members import Members
from genesis_lib.voice.messages import INTERRUPTED, ControlKind, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.pacing import Pacer, ticks
from genesis_lib.voice.sounds import Sound
from genesis_lib.voice.speaking import Mouth, Utterance
from genesis_lib.voice.speech.ports import VoiceActivity
from genesis_lib.voice.statistics import RoomStatistics
from genesis_lib.voice.voice_only import Loudness

__all__ = ["HeardUtterance", "RoomStatistics", "Sound", "Utterance", "VoiceRoom"]

logger = logging.getLogger(__name__)


class VoiceRoom:
    """One participant's place in a voice room. Make it on the event loop; leave it when done.

    Args:
        participant: on whose domain the room is; it stays the caller's to close.
        room: the room's name, 1 to 128 bytes. Whoever uses the same name is in the same room.
        participant_id: unique in the room, up to 128 bytes.
        name: what people call this participant.
        pace: "realtime"; or "fast", where audio is played as soon as it is there, and media time passes with the audio.
            All in a room have the same pace.
        voice_activity: tells when somebody speaks who sends no control messages; of such there is one at most. Without it
            all that is not digital silence counts as speech.

    Attributes:
        name: the room's name.
        ended: the reason, once the call has ended: somebody hung up, left or was lost.
        statistics: what became of the frames.

    Raises:
        ConfigError: the room or the participant cannot be called that.
    """

    def __init__(
        self,
        participant: Participant,
        room: str,
        participant_id: str,
        name: str,
        *,
        pace: Literal["realtime", "fast"] = "realtime",
        voice_activity: VoiceActivity | None = None,
    ) -> None:
        if not participant_id:
            raise ConfigError("participant_id is empty; it has to be unique in the room")
        self._loop = asyncio.get_running_loop()
        self._domain_id = participant.domain_id
        self._id = participant_id
        self._own_name = name
        self._fast = pace == "fast"
        self.name = room
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self.statistics = RoomStatistics()
        self._clock: RoomClock = FastClock() if self._fast else RealtimeClock(self._loop.time)
        self._members = Members(self._say_join)
        hooks = Hooks(
            on_frame=self._on_frame,
            on_control=self._on_control,
            on_control_reader=self._members.on_control_reader,
            on_frame_reader=self._members.on_frame_reader,
            on_writer_gone=self._on_writer_gone,
            on_stuck=lambda: self._end("the bus takes no more control messages"),
        )
        self._line = RoomLine(participant, room, participant_id, hooks, lossless=self._fast, statistics=self.statistics)
        self._mouth = Mouth(
            participant_id,
            self._clock,
            self._line,
            lambda: self._members.listeners,
            fast=self._fast,
            statistics=self.statistics,
        )
        self._attention = Attention(self.statistics)
        hearing = Hearing(self._on_played, self._on_voice, self._on_heard)
        self._ears = Ears(voice_activity or Loudness(), fast=self._fast, statistics=self.statistics, hearing=hearing)
        self._ticking: asyncio.Task[None] | None = None
        self._is_in = False

    @property
    def now(self) -> int:
        """The room's media time in samples: since its first participant joined; in a fast room, of audio only."""
        return self._clock.now

    @property
    def is_fast(self) -> bool:
        """Media time passes with the audio only, and not by itself."""
        return self._fast

    @property
    def participants(self) -> dict[str, str]:
        """The others in the room, id -> name."""
        return dict(self._members.present)

    @property
    def floor_holder(self) -> str:
        """The id of whoever has the floor, one's own included; "" when nobody has."""
        return self._mouth.floor.holder

    @property
    def muted(self) -> bool:
        """While True, this side's voice is not sent; all else goes on. To be set."""
        return self._line.muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._line.muted = muted

    async def join(self) -> Self:
        """Enter the room.

        Raises:
            BusError: the DDS product refuses the readers or writers.
        """
        async with on_failure(self._line.close):
            await self._line.open()
        self._is_in = True
        if not self._fast:
            self._ticking = asyncio.create_task(self._tick())
            self._ticking.add_done_callback(self._on_ticking_done)
        return self

    async def leave(self, reason: str = "") -> None:
        """Leave the room, which ends the call for those in it. Leaving twice is harmless."""
        if self._is_in:
            self._is_in = False
            self._end(reason or f"{self._own_name} left")
            self._line.send_control(ControlKind.LEAVE, self.now, text=self.ended.result())
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        self._ears.close()
        await self._line.close()

    async def wait_for_participant(self, timeout_seconds: float) -> str:
        """The id of another participant, once both sides can hear each other.

        Raises:
            VoiceError: nobody came in time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._members.wait()
        except TimeoutError:
            raise VoiceError(
                f"nobody came into voice room {self.name} on domain {self._domain_id} within {timeout_seconds:g} s;"
                " is the other side started, on this domain, with this room's name?",
                elapsed_seconds=timeout_seconds,
            ) from None

    async def wait_for_speech(self, lasting_seconds: float) -> str:
        """Wait until another participant has been heard speaking for so long in one go: the moment to barge in.

        Returns:
            The speaker's id.

        Raises:
            VoiceError: the call ended.
        """
        return await self._attention.wait_for_speech(lasting_seconds)

    async def say(self, audio: AsyncIterator[bytes]) -> Utterance:
        """Say this as soon as nobody else speaks. Returns when it has been played to the others, or was cut by somebody who
        barged in, started at the same moment, or ended the call.

        Args:
            audio: PCM of the room's format in pieces of any length; closed at the end.

        Raises:
            VoiceError: the call ended before the first word, or the audio is not of this format or longer than two minutes;
                and what the audio raises.
        """
        return await self._mouth.say(audio)

    def interrupt(self) -> None:
        """Barge in on whoever speaks: it stops, and the floor goes to what this side says next. Harmless when nobody does."""
        newest = self._ears.hold(self.floor_holder)
        self._mouth.obey(self._mouth.floor.interrupt(), utterance_id=newest)

    def break_off(self) -> None:
        """Stop what this side says: `say` returns with what was said of it. Harmless when it says nothing."""
        if self._mouth.floor.speaks:
            self._mouth.obey(self._mouth.floor.finish(interrupted=True))

    def utterances(self) -> AsyncIterator[HeardUtterance]:
        """What others say, each utterance when it is over, until the call ends. For one consumer."""
        return self._attention.utterances()

    def sounds(self) -> AsyncIterator[Sound]:
        """What others say, as it is played and with the silence between, 20 ms at a time, until the call ends. In place of
        `utterances`; for one consumer, which misses what is oldest when it falls behind by more than half a minute.

        Raises:
            VoiceError: the room does not run in real time.
        """
        if self._fast:
            raise VoiceError(f"voice room {self.name} is fast: sounds are heard in rooms that run in real time")
        return self._attention.sounds()

    async def hang_up(self, reason: str) -> None:
        """End the call for everybody in it. Harmless when it has ended."""
        if self._is_in and not self.ended.done():
            self._end(reason)
            self._line.send_control(ControlKind.HANG_UP, self.now, text=reason)
            await self._line.flush()

    def publish_transcript(self, transcript: VoiceTranscript) -> None:
        """Put on the bus what was spoken or heard.

        Raises:
            InvalidRequest: it cannot be put on the wire.
        """
        self._line.send_transcript(transcript)

    def _say_join(self, target_id: str) -> None:
        self._line.send_control(ControlKind.JOIN, self.now, target_id=target_id, text=self._own_name)

    async def _tick(self) -> None:
        # More that was missed is not made up for here, since what came meanwhile may still wait to be taken: the ears do.
        async for _ in ticks(Pacer(self._loop.time, DELAY_FRAMES)):
            self._ears.tick()
            self._attention.tick(self.now)

    def _on_ticking_done(self, ticking: asyncio.Task[None]) -> None:
        error = None if ticking.cancelled() else ticking.exception()
        if error is not None:
            logger.error("nothing is played any more in voice room %s", self.name, exc_info=error)
            self._end(f"playout failed: {type(error).__name__}: {error}")

    def _on_frame(self, frame: VoiceFrame, publication: int) -> None:
        if self.ended.done():
            return
        speaker = frame.participant_id
        self.statistics.frames_received += 1
        if not self._fast:
            self.statistics.arrived(speaker, self._loop.time(), frame.media_time)
        if self._ears.take(frame):
            self._members.voice_heard(speaker, publication)

    def _on_control(self, control: VoiceControl, publication: int) -> None:
        if self.ended.done():
            return
        other, to_me = control.participant_id, control.target_id == self._id
        floor, obey = self._mouth.floor, self._mouth.obey
        match control.kind:
            case ControlKind.JOIN if self._members.is_another(other, publication):
                self._gone(other, f"{self._members.name_of(other)} was lost: another process has taken its place")
            case ControlKind.JOIN:
                self._clock.reach(control.media_time)
                self._ear_for(other)
                self._members.joined(other, control.text, to_me=to_me, publication=publication)
                self._mouth.listeners_changed()
            case ControlKind.UTTERANCE_START:
                self._clock.reach(control.media_time)
                if ear := self._ear_for(other):
                    ear.start(control.utterance_id, control.media_time)
                obey(floor.started(other), at=control.media_time)
            case ControlKind.UTTERANCE_END:
                self._clock.reach(control.media_time)
                if ear := self._ear_for(other):
                    ear.end(control.utterance_id, control.media_time, interrupted=control.text == INTERRUPTED)
                obey(floor.ended(other))
            case ControlKind.FLOOR_REQUEST if to_me:
                obey(floor.requested(other))
            case ControlKind.FLOOR_GRANT:
                obey(floor.granted(control.target_id))
            case ControlKind.INTERRUPT if to_me and self._mouth.is_saying(control.utterance_id):
                obey(floor.interrupted(other), at=control.media_time)
            case ControlKind.PLAYOUT if to_me:
                self._clock.reach(control.media_time)
                self._mouth.was_heard(other, control.utterance_id, control.media_time)
            case ControlKind.LEAVE:
                self._gone(other, control.text or f"{self._members.name_of(other)} left")
            case ControlKind.HANG_UP:
                self._end(control.text or f"{self._members.name_of(other)} hung up")

    def _ear_for(self, other: str) -> ControlledEar | None:
        """The ear for somebody who sends control messages; None when the room is full."""
        if self._ears.hears_by_voice(other):
            self._ears.drop(other)
            self._mouth.obey(self._mouth.floor.left(other))
        return self._ears.controlled(other)

    def _on_played(self, progress: Progress) -> None:
        self._clock.reach(progress.position)
        self._attention.played(progress)
        if progress.tell:
            self._line.send_control(ControlKind.PLAYOUT, progress.position, progress.utterance_id, progress.speaker_id)

    def _on_voice(self, speaker: str) -> None:
        self._mouth.obey(self._mouth.floor.voice_started(speaker))

    def _on_heard(self, heard: HeardUtterance) -> None:
        if heard.ended_by == "control":
            self._line.send_control(ControlKind.PLAYOUT, heard.end, heard.utterance_id, heard.speaker_id)
        else:
            self._mouth.obey(self._mouth.floor.ended(heard.speaker_id))
        self._attention.heard(heard)

    def _on_writer_gone(self, publication: int) -> None:
        found = self._members.member_behind(publication)
        if found:
            self._gone(found, f"{self._members.name_of(found)} was lost: its process ended or the network to it broke")

    def _gone(self, other: str, reason: str) -> None:
        self._end(reason)
        self._members.left(other)
        self._attention.forget(other)
        self._ears.drop(other)
        self._mouth.obey(self._mouth.floor.left(other))
        self._mouth.listeners_changed()

    def _end(self, reason: str) -> None:
        if self.ended.done():
            return
        self.ended.set_result(reason)
        self._mouth.close(reason)
        self._attention.end(reason)
