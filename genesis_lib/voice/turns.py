"""Who has the floor: one machine for each side, connected by control messages that keep their order for each sender.

The floor is taken by starting. Two that start at once find out when they hear each other: the one with the lower id yields.
Whoever wants the floor while another has it asks for it. The holder grants it just before it ends; then all others leave
the floor to the one granted, or ask that one, who lets go of it (a grant to nobody in particular) when it wants it no more.
An interruption is a request that is granted at once.
A participant that sends no controls holds the floor for as long as its voice is heard, and always has its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genesis_lib.voice.messages import ControlKind


@dataclass(frozen=True, slots=True)
class Say:
    """A control message to send. UTTERANCE_START and UTTERANCE_END are this side's own: it begins, it stops."""

    kind: ControlKind
    target_id: str = ""
    interrupted: bool = False


class FloorMachine:
    """The floor as one participant sees it. Methods return what to send, in this order.

    Args:
        my_id: the participant's id.

    Attributes:
        wants: this side waits for the floor.
    """

    def __init__(self, my_id: str) -> None:
        self._me = my_id
        self.wants = False
        self._speaking: set[str] = set()
        self._by_voice: set[str] = set()
        self._granted = ""
        self._requests: list[str] = []

    @property
    def holder(self) -> str:
        """Who has the floor, "" when it is free."""
        return max(self._speaking, default="")

    @property
    def speaks(self) -> bool:
        """Whether this side speaks."""
        return self._me in self._speaking

    def want(self) -> Sequence[Say]:
        """This side has something to say: it starts when it may, and asks for the floor otherwise."""
        self.wants = True
        return self._take() or self._ask()

    def give_up(self) -> None:
        """This side does not want the floor any more."""
        self.wants = False

    def finish(self, *, interrupted: bool = False) -> Sequence[Say]:
        """This side has said what it wanted to say, or as much of it as it will."""
        return self._stop(interrupted=interrupted)

    def interrupt(self) -> Sequence[Say]:
        """Barge in on whoever has the floor. One that sends no controls is spoken over."""
        holder = self.holder
        if not holder or holder == self._me:
            return ()
        if holder in self._by_voice:
            self._forget(holder)
            return self._take()
        return (Say(ControlKind.INTERRUPT, holder),)

    def started(self, other: str) -> Sequence[Say]:
        """Another participant starts to speak."""
        if other in self._requests:
            self._requests.remove(other)
        self._granted = ""
        self._speaking.add(other)
        if self.speaks and self._me < other:
            return self._stop(interrupted=True)
        return self._ask()

    def ended(self, other: str) -> Sequence[Say]:
        """Another participant has ended, or was cut."""
        self._forget(other)
        return self._take() or self._ask()

    def requested(self, other: str) -> Sequence[Say]:
        """Another participant asks this side for the floor."""
        if self.speaks:
            if other not in self._requests:
                self._requests.append(other)
            return ()
        return () if self.wants else (Say(ControlKind.FLOOR_GRANT),)

    def granted(self, target: str) -> Sequence[Say]:
        """The holder grants the floor, to somebody or, with "", to anybody."""
        self._granted = target
        return self._take()

    def interrupted(self, other: str) -> Sequence[Say]:
        """Another participant barges in on what this side is saying."""
        if not self.speaks:
            return ()
        self._requests = [other, *(each for each in self._requests if each != other)]
        return self._stop(interrupted=True)

    def voice_started(self, other: str) -> Sequence[Say]:
        """The voice of a participant that sends no controls is heard."""
        self._granted = ""
        self._speaking.add(other)
        self._by_voice.add(other)
        return self._stop(interrupted=True) if self.speaks else ()

    def left(self, other: str) -> Sequence[Say]:
        """Another participant is gone."""
        self._forget(other)
        self._requests = [each for each in self._requests if each != other]
        if self._granted == other:
            self._granted = ""
        return self._take() or self._ask()

    def _take(self) -> Sequence[Say]:
        if not self.wants or self._speaking or self._granted not in ("", self._me):
            return ()
        self.wants, self._granted = False, ""
        self._speaking.add(self._me)
        return (Say(ControlKind.UTTERANCE_START),)

    def _ask(self) -> Sequence[Say]:
        target = self.holder or self._granted
        if not self.wants or target in ("", self._me) or target in self._by_voice:
            return ()
        return (Say(ControlKind.FLOOR_REQUEST, target),)

    def _stop(self, *, interrupted: bool) -> Sequence[Say]:
        self._speaking.discard(self._me)
        end = Say(ControlKind.UTTERANCE_END, interrupted=interrupted)
        if not self._requests:
            return (end,)
        self._granted = self._requests.pop(0)
        return (Say(ControlKind.FLOOR_GRANT, self._granted), end)

    def _forget(self, other: str) -> None:
        self._speaking.discard(other)
        self._by_voice.discard(other)
