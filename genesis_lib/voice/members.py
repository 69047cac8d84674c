"""Who is in a room: found by JOIN messages, in the room once both sides can hear each other, lost when its writer is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from genesis_lib.dds.port import Match

_MOST_MEMBERS = 16


@dataclass(slots=True)
class _Member:
    name: str
    publication: int
    by_voice: bool = False
    hears_me: bool = False
    was_answered: bool = False


class Members:
    """The other participants.

    Everything sent before a reader and a writer know each other is lost. So a participant says JOIN whenever it finds a new
    reader, everybody answers with a JOIN to it, and it is present once it has answered and also reads this side's frames.

    Args:
        say_join: sends a JOIN to one participant, or to all with "".

    Attributes:
        present: id -> name of those in the room.
    """

    def __init__(self, say_join: Callable[[str], None]) -> None:
        self._say_join = say_join
        self._known: dict[str, _Member] = {}
        self._frame_readers: dict[int, str] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self.present: dict[str, str] = {}

    def joined(self, other: str, name: str, *, to_me: bool, publication: int) -> None:
        """A JOIN has come, through this control writer."""
        member = self._known.get(other)
        if member is None or member.publication != publication:
            if len(self._known) >= _MOST_MEMBERS:
                return
            member = self._known[other] = _Member(name, publication)
            self.present.pop(other, None)
        if not to_me or not member.was_answered:
            member.was_answered = True
            self._say_join(other)
        member.hears_me = member.hears_me or to_me
        self._update()

    @property
    def listeners(self) -> list[str]:
        """Those present who say what they have heard."""
        return [other for other in self.present if not self._known[other].by_voice]

    def voice_heard(self, other: str, publication: int) -> None:
        """Audio comes from somebody who says nothing else: it is there, and lost when its frame writer is."""
        if other not in self._known and len(self._known) < _MOST_MEMBERS:
            self._known[other] = _Member(other, publication, by_voice=True, hears_me=True)
            self.present[other] = other
            self._wake()

    def on_control_reader(self, match: Match) -> None:
        """Somebody new hears what this side says, and none of what it said before: not even an answer to its own JOIN."""
        if match.matched:
            for target in ("", *self._known):
                self._say_join(target)

    def on_frame_reader(self, match: Match) -> None:
        """A participant may hear this side's voice, or does no longer: readers of frames carry the id of theirs."""
        if match.matched:
            self._frame_readers[match.handle] = match.user_data.decode(errors="replace")
        else:
            self._frame_readers.pop(match.handle, None)
        self._update()

    def is_another(self, other: str, publication: int) -> bool:
        """Whether this id was said by another control writer before: its process has been replaced."""
        member = self._known.get(other)
        return member is not None and not member.by_voice and member.publication != publication

    def name_of(self, other: str) -> str:
        """The name of a participant, its id when it never said."""
        return self._known[other].name if other in self._known else other

    def member_behind(self, publication: int) -> str:
        """The id of the participant that a writer belongs to, "" when it is nobody's."""
        return next((other for other, member in self._known.items() if member.publication == publication), "")

    def left(self, other: str) -> None:
        """It is not in the room any more."""
        self._known.pop(other, None)
        self.present.pop(other, None)

    async def wait(self) -> str:
        """The id of somebody who is present, once there is somebody."""
        while not self.present:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        return next(iter(self.present))

    def _update(self) -> None:
        readers = set(self._frame_readers.values())
        for other, member in self._known.items():
            if member.hears_me and other in readers:
                self.present[other] = member.name
        self._wake()

    def _wake(self) -> None:
        if self.present:
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiting.clear()
