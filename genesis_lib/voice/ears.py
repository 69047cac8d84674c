"""The ears of a room: one for each participant that is heard."""

from __future__ import annotations

from genesis_lib.voice.hearing import ControlledEar, Hearing
from genesis_lib.voice.messages import VoiceFrame
from genesis_lib.voice.speech.ports import VoiceActivity
from genesis_lib.voice.statistics import RoomStatistics
from genesis_lib.voice.voice_only import VoiceOnlyEar

_MOST_EARS = 16


class Ears:
    """One ear for each participant. Of those who send no control messages, one is heard.

    Args:
        activity: the detector for the one who is heard by its voice alone.
        fast, statistics, hearing: as ControlledEar.
    """

    def __init__(self, activity: VoiceActivity, *, fast: bool, statistics: RoomStatistics, hearing: Hearing) -> None:
        self._activity = activity
        self._fast = fast
        self._statistics = statistics
        self._hearing = hearing
        self._ears: dict[str, ControlledEar | VoiceOnlyEar] = {}

    def take(self, frame: VoiceFrame) -> bool:
        """A frame has come; whether it is the first one of somebody who is heard by its voice alone."""
        speaker = frame.participant_id
        first = speaker not in self._ears and not any(isinstance(ear, VoiceOnlyEar) for ear in self._ears.values())
        if first:
            self._ears[speaker] = VoiceOnlyEar(
                speaker, self._activity, fast=self._fast, statistics=self._statistics, hearing=self._hearing
            )
        if ear := self._ears.get(speaker):
            ear.take(frame)
        return first

    def hears_by_voice(self, other: str) -> bool:
        """Whether this one is heard by its voice alone."""
        return isinstance(self._ears.get(other), VoiceOnlyEar)

    def controlled(self, other: str) -> ControlledEar | None:
        """The ear for somebody who sends control messages and was not heard by its voice alone before; None when there are
        too many."""
        ear = self._ears.get(other)
        if ear is None and len(self._ears) < _MOST_EARS:
            ear = self._ears[other] = ControlledEar(
                other, fast=self._fast, statistics=self._statistics, hearing=self._hearing
            )
        return ear if isinstance(ear, ControlledEar) else None

    def hold(self, other: str) -> int:
        """Hold the ear for this one, see ControlledEar; the id of the utterance that it started last, 0 when it told of none."""
        ear = self._ears.get(other)
        if not isinstance(ear, ControlledEar):
            return 0
        ear.hold()
        return ear.newest

    def tick(self) -> None:
        """20 ms have passed; in rooms that run in real time."""
        for ear in list(self._ears.values()):
            ear.tick()

    def drop(self, other: str) -> None:
        """Hear this one no more."""
        if ear := self._ears.pop(other, None):
            ear.close()

    def close(self) -> None:
        """Hear nobody any more."""
        for other in list(self._ears):
            self.drop(other)
