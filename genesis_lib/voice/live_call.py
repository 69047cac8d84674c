"""What those who listen in know of a call while it goes on: who is there, what is said and heard, who is called on the bus."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from genesis_lib.voice.audio import samples
from genesis_lib.voice.clock import HeardClock
from genesis_lib.voice.differences import Word, differences
from genesis_lib.voice.messages import (
    INTERRUPTED,
    ControlKind,
    TranscriptSource,
    VoiceControl,
    VoiceFrame,
    VoiceTranscript,
)

# Media time, utterance id and number of the speaker, before the samples of a frame.
AUDIO_HEADER = struct.Struct("<ddI")
MOST_PARTICIPANTS = 16
_MOST_UTTERANCES = 1000
_MOST_BUS_CALLS = 1000
_MOST_HEARINGS = 50
_LONGEST_COMPARED = 2000
_ENDED = ("ended", 0)

Message = dict[str, Any]


@dataclass(slots=True)
class _Participant:
    number: int
    name: str
    present: bool = False

    def message(self) -> Message:
        return {"type": "participant", "number": self.number, "name": self.name, "present": self.present}


@dataclass(slots=True)
class _Utterance:
    number: int
    speaker: int
    utterance_id: int
    start: int
    end: int | None = None
    interrupted: bool = False
    spoken: str | None = None
    hearings: dict[tuple[int, int], str] = field(default_factory=dict)

    def message(self) -> Message:
        """Words come as pairs of text and whether the other side has it differently."""
        spoken: Sequence[Word] | None = None if self.spoken is None else _unmarked(self.spoken)
        heard = []
        for listener in dict.fromkeys(listener for listener, _ in sorted(self.hearings)):
            text = " ".join(self.hearings[key] for key in sorted(self.hearings) if key[0] == listener).strip()
            words: Sequence[Word] = _unmarked(text)
            if self.spoken is not None and len(self.spoken) + len(text) <= _LONGEST_COMPARED:
                spoken, words = differences(self.spoken, text)
            heard.append({"by": listener, "words": words})
        return {
            "type": "utterance",
            "number": self.number,
            "speaker": self.speaker,
            "utterance": self.utterance_id,
            "start": self.start,
            "end": self.end,
            "interrupted": self.interrupted,
            "spoken": spoken,
            "heard": heard,
        }


class LiveCall:
    """Follows what happens in a room; a CallWatcher that takes frames, too. When all have left and somebody comes, another
    call begins. It remembers the last 1000 utterances and knows 16 participants, which are numbered as they come.

    Args:
        room: its name.
        tell: called with each piece of news, a JSON object with the member `type`: participant, utterance, bus_call, ended,
            or room, which is all that is known. Times are media times in samples.
        tell_audio: called with each frame to be played: an AUDIO_HEADER, then PCM of the room's format.
    """

    def __init__(self, room: str, tell: Callable[[Message], None], tell_audio: Callable[[bytes], None]) -> None:
        self._room = room
        self._seconds_now = asyncio.get_running_loop().time
        self._tell = tell
        self._tell_audio = tell_audio
        self._begin()

    @property
    def now(self) -> int:
        """The media time, as far as it can be told from outside."""
        return self._clock.now

    def takes_part(self, participant_id: str) -> bool:
        """Whether this one has been heard of in the room."""
        return participant_id in self._participants

    def everything(self) -> Message:
        """The message of type `room`: `news` are the messages that tell all that is known."""
        return {"type": "room", "room": self._room, "news": list(self._news.values())}

    def frame(self, frame: VoiceFrame) -> None:
        """A frame came. What is past the end of its utterance was never played."""
        speaker = self._participant(frame.participant_id)
        if speaker is None:
            return
        utterance = self._by_id.get((speaker.number, frame.utterance_id))
        self._clock.reach(frame.media_time)
        if utterance is None or utterance.end is None or frame.media_time < utterance.end:
            header = AUDIO_HEADER.pack(frame.media_time, frame.utterance_id, speaker.number)
            self._tell_audio(header + frame.data)

    def control(self, control: VoiceControl) -> None:
        """See CallWatcher."""
        if control.kind is ControlKind.JOIN and _ENDED in self._news and not self._anybody_present():
            self._begin()
            self._tell(self.everything())
        who = self._participant(control.participant_id)
        if who is None:
            return
        self._clock.reach(control.media_time)
        match control.kind:
            case ControlKind.JOIN if not who.present or (control.text and control.text != who.name):
                who.name, who.present = control.text or who.name, True
                self._tell_of(who)
            case ControlKind.UTTERANCE_START:
                self._utterance(who.number, control.utterance_id, control.media_time, anew=True)
            case ControlKind.UTTERANCE_END:
                utterance = self._utterance(who.number, control.utterance_id, control.media_time)
                utterance.end = max(utterance.start, control.media_time)
                utterance.interrupted = control.text == INTERRUPTED
                self._tell_of(utterance)
            case ControlKind.HANG_UP:
                self._end(control.text or f"{who.name} hung up")
            case ControlKind.LEAVE:
                self._leave(who, control.text or f"{who.name} left")
            case _:
                pass

    def transcript(self, transcript: VoiceTranscript) -> None:
        """See CallWatcher."""
        speaker, reporter = self._participant(transcript.speaker_id), self._participant(transcript.reporter_id)
        if speaker is None or reporter is None:
            return
        utterance = self._utterance(speaker.number, transcript.utterance_id, transcript.start)
        if utterance.end is None:
            utterance.end = transcript.end
        if transcript.source is TranscriptSource.SPOKEN:
            utterance.spoken = transcript.text
        elif reporter is not speaker and len(utterance.hearings) < _MOST_HEARINGS:
            utterance.hearings[reporter.number, transcript.start] = transcript.text
        self._tell_of(utterance)

    def bus_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None:
        """See CallWatcher."""
        caller = self._participant(caller_id)
        if caller is None or self._bus_calls >= _MOST_BUS_CALLS:
            return
        self._bus_calls += 1
        message = {
            "type": "bus_call",
            "caller": caller.number,
            "target": target,
            "start": media_time,
            "duration": samples(duration_seconds),
            "error": error,
        }
        self._publish(("bus_call", self._bus_calls), message)

    def gone(self, participant_id: str) -> None:
        """A participant's process has left the room, in good order or not."""
        who = self._participants.get(participant_id)
        if who is not None and who.present:
            self._leave(who, f"{who.name} was lost: its process ended or the network to it broke")

    def _begin(self) -> None:
        self._participants: dict[str, _Participant] = {}
        self._utterances: dict[int, _Utterance] = {}
        self._by_id: dict[tuple[int, int], _Utterance] = {}
        self._news: dict[tuple[str, int], Message] = {}
        self._bus_calls = 0
        self._counted = 0
        self._clock = HeardClock(self._seconds_now)

    def _anybody_present(self) -> bool:
        return any(one.present for one in self._participants.values())

    def _participant(self, participant_id: str) -> _Participant | None:
        """The participant, told of when it is new; None when there are too many."""
        found = self._participants.get(participant_id)
        if found is None and len(self._participants) < MOST_PARTICIPANTS:
            found = self._participants[participant_id] = _Participant(len(self._participants), participant_id)
            self._tell_of(found)
        return found

    def _utterance(self, speaker: int, utterance_id: int, start: int, *, anew: bool = False) -> _Utterance:
        """The utterance, told of when it is new. Whoever comes again, as another process, counts its utterances anew."""
        found = self._by_id.get((speaker, utterance_id))
        if found is None or (anew and found.end is not None and start > found.start):
            found = _Utterance(self._counted, speaker, utterance_id, start)
            self._counted += 1
            self._utterances[found.number] = self._by_id[speaker, utterance_id] = found
            self._tell_of(found)
            if len(self._utterances) > _MOST_UTTERANCES:
                oldest = self._utterances.pop(next(iter(self._utterances)))
                del self._news["utterance", oldest.number]
                if self._by_id.get((oldest.speaker, oldest.utterance_id)) is oldest:
                    del self._by_id[oldest.speaker, oldest.utterance_id]
        return found

    def _leave(self, who: _Participant, reason: str) -> None:
        self._end(reason)
        who.present = False
        self._tell_of(who)
        for utterance in self._utterances.values():
            if utterance.speaker == who.number and utterance.end is None:
                utterance.end = max(utterance.start, self._clock.now)
                self._tell_of(utterance)

    def _end(self, reason: str) -> None:
        if _ENDED not in self._news:
            self._publish(_ENDED, {"type": "ended", "reason": reason})

    def _tell_of(self, changed: _Participant | _Utterance) -> None:
        message = changed.message()
        self._publish((message["type"], changed.number), message)

    def _publish(self, key: tuple[str, int], message: Message) -> None:
        self._news[key] = message
        self._tell(message)


def _unmarked(text: str) -> list[Word]:
    return [Word(word, differs=False) for word in text.split()]
