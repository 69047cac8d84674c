"""What happens in a session, told on the bus: who speaks when, what was said, and what was heard."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from livekit.agents import AgentSession, UserStateChangedEvent
from livekit.agents.voice.io import AudioOutput, PlaybackFinishedEvent, PlaybackStartedEvent

from genesis_lib.voice.audio import samples, samples_in
from genesis_lib.voice.livekit.across_loops import OtherLoop
from genesis_lib.voice.livekit.bus_line import BusLine
from genesis_lib.voice.messages import INTERRUPTED, ControlKind, TranscriptSource, VoiceControl, VoiceTranscript
from genesis_lib.voice.speech.ports import Recogniser, Recognition

# What livekit's voice activity detection waits for before it calls an utterance over.
_SILENCE: Final = samples(0.55)
# What is told of the beginning of a call comes within this, where the clocks of both machines are right.
_LATEST_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Utterance:
    number: int
    start: int
    end: int | None = None


class LineThere:
    """A BusLine that belongs to another loop."""

    def __init__(self, line: BusLine, loop: OtherLoop) -> None:
        self._loop = loop
        self.line = line

    def control(
        self, kind: ControlKind, media_time: int, utterance_id: int = 0, target_id: str = "", text: str = ""
    ) -> None:
        """See BusLine."""
        self._loop.soon(self.line.control, kind, media_time, utterance_id, target_id, text)

    def transcript(self, transcript: VoiceTranscript) -> None:
        """See BusLine."""
        self._loop.soon(self.line.transcript, transcript)


class SessionTeller:
    """Tells what happens in a session.

    Args:
        own: the line of the session's agent.
        partner_id: identity of the other side.
        partner: the line of the other side where it has none of its own, as a person's client has none: it is told of by
            what the session hears.
    """

    def __init__(self, own: LineThere, partner_id: str, partner: LineThere | None) -> None:
        self._own = own
        self._partner_id = partner_id
        self._partner = partner
        self._began = time.time()
        self._mine = _Utterance(0, 0, 0)
        self._theirs: list[_Utterance] = []

    @property
    def now(self) -> int:
        """The media time, in samples."""
        return self._media_time(time.time())

    @property
    def is_speaking(self) -> bool:
        """Whether the session's agent is being heard."""
        return self._mine.end is None

    def is_saying(self, utterance_id: int) -> bool:
        """Whether this utterance of the session's agent is being heard."""
        return self.is_speaking and self._mine.number == utterance_id

    @property
    def partners_utterance(self) -> int:
        """The number of the utterance that the other side says, or said last; 0 before any."""
        return self._theirs[-1].number if self._theirs else 0

    def begin(self, session: AgentSession[None], began: float) -> None:
        """The call begins. The session has been started.

        Args:
            began: when media time is 0, in seconds since the Unix epoch; now, where that is no moment of the last 2 s.
        """
        now = time.time()
        self._began = began if 0 <= now - began < _LATEST_SECONDS else now
        output = session.output.audio
        assert isinstance(output, AudioOutput)
        output.on("playback_started", self._on_started)
        output.on("playback_finished", self._on_finished)
        if self._partner is not None:
            session.on("user_state_changed", self._on_partner_state)
            if session.user_state == "speaking":
                self._start_theirs(self._partner, 0)

    def hang_up(self, reason: str) -> None:
        """This side ends the call."""
        self._own.control(ControlKind.HANG_UP, self.now, text=reason)

    def leave(self, reason: str) -> None:
        """This side leaves the room."""
        if self.is_speaking:
            self._end_mine(self.now, interrupted=True)
        self._own.control(ControlKind.LEAVE, self.now, text=reason)

    def interrupt(self) -> None:
        """Barge in on the other side, if it is still speaking."""
        if self._theirs and self._theirs[-1].end is None:
            self._own.control(ControlKind.INTERRUPT, self.now, self.partners_utterance, self._partner_id)

    def on_control(self, control: VoiceControl) -> None:
        """Take note of when the other side speaks."""
        if control.kind is ControlKind.UTTERANCE_START:
            self._theirs.append(_Utterance(control.utterance_id, control.media_time))
        elif control.kind is ControlKind.UTTERANCE_END and self._theirs:
            self._theirs[-1].end = control.media_time

    def heard(self, utterance_id: int, start: int, end: int, recognition: Recognition) -> None:
        """What this side's recogniser made of an utterance of the other side, or of a piece of it."""
        line = self._own.line
        self._own.transcript(
            VoiceTranscript(
                line.room,
                utterance_id,
                self._partner_id,
                line.my_id,
                TranscriptSource.HEARD,
                recognition.text,
                start,
                max(start, end),
                recognition.confidence,
            )
        )

    def heard_before(self, asked: int, pcm: bytes, recognition: Recognition) -> None:
        """What this side's recogniser made of what a side that announces nothing had said when it was asked."""
        end = max(0, asked - _SILENCE)
        start = max(0, end - samples_in(pcm))
        for utterance in reversed(self._theirs):
            if utterance.start <= (start + end) // 2 or utterance is self._theirs[0]:
                began = max(start, utterance.start)
                self.heard(utterance.number, began, max(began, utterance.end or began), recognition)
                return

    def _on_started(self, event: PlaybackStartedEvent) -> None:
        start = max(self._media_time(event.created_at), self._mine.end or 0)
        self._mine = _Utterance(self._mine.number + 1, start)
        self._own.control(ControlKind.UTTERANCE_START, start, self._mine.number)

    def _on_finished(self, event: PlaybackFinishedEvent) -> None:
        if not self.is_speaking:
            return
        end = min(self.now, self._mine.start + samples(event.playback_position))
        self._end_mine(end, interrupted=event.interrupted)
        text = (event.synchronized_transcript or "").strip()
        line = self._own.line
        self._own.transcript(
            VoiceTranscript(
                line.room,
                self._mine.number,
                line.my_id,
                line.my_id,
                TranscriptSource.SPOKEN,
                text,
                self._mine.start,
                end,
            )
        )

    def _end_mine(self, end: int, *, interrupted: bool) -> None:
        self._mine.end = end
        self._own.control(ControlKind.UTTERANCE_END, end, self._mine.number, text=INTERRUPTED if interrupted else "")

    def _on_partner_state(self, event: UserStateChangedEvent) -> None:
        at = self._media_time(event.created_at)
        if self._partner is None:
            return
        if event.new_state == "speaking":
            self._start_theirs(self._partner, at)
        elif event.old_state == "speaking":
            self._theirs[-1].end = at
            self._partner.control(ControlKind.UTTERANCE_END, at, self.partners_utterance)

    def _start_theirs(self, line: LineThere, at: int) -> None:
        self._theirs.append(_Utterance(self.partners_utterance + 1, at))
        line.control(ControlKind.UTTERANCE_START, at, self.partners_utterance)

    def _media_time(self, wall_time: float) -> int:
        return max(0, samples(wall_time - self._began))


class OverheardRecogniser:
    """A Recogniser that tells a SessionTeller what it heard."""

    def __init__(self, recogniser: Recogniser, teller: SessionTeller) -> None:
        self._recogniser = recogniser
        self._teller = teller

    async def recognise(self, pcm: bytes) -> Recognition:
        """See Recogniser."""
        asked = self._teller.now
        recognition = await self._recogniser.recognise(pcm)
        self._teller.heard_before(asked, pcm, recognition)
        return recognition

    async def close(self) -> None:
        """See Recogniser."""
        await self._recogniser.close()
