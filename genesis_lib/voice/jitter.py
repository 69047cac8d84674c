"""The jitter buffer: frames that come as they like, played one every 20 ms."""

from __future__ import annotations

from typing import NamedTuple

from genesis_lib.voice.audio import SILENCE
from genesis_lib.voice.statistics import RoomStatistics

CAPACITY_FRAMES = 50


class Played(NamedTuple):
    """20 ms that were played; `slot` counts from the start of the utterance."""

    slot: int
    data: bytes


class JitterBuffer:
    """The frames of one utterance on their way to the ear. Slots are 20 ms each, from 0.

    Reorders, drops what comes twice or too late, plays silence where nothing came. Holds a second of audio at most: when a
    frame is further ahead than that, what is before it was missed, and playout jumps.

    Args:
        delay_frames: how many pulls the first frame waits for those behind it.
        statistics: where frames are counted.
        patience_frames: for how many pulls in all playout stands still when it has run dry, rather than going on without
            what is late. A network that repeats what it lost delivers in order: what is behind a lost frame is late, too.
    """

    def __init__(self, delay_frames: int, statistics: RoomStatistics, patience_frames: int = 0) -> None:
        self._delay = self._lead = delay_frames
        self._patience = patience_frames
        self._statistics = statistics
        self._frames: dict[int, bytes] = {}
        self._next = 0
        self._slots: int | None = None
        self._in_gap = False

    @property
    def holds_frames(self) -> bool:
        """Frames wait to be played."""
        return bool(self._frames)

    @property
    def finished(self) -> bool:
        """Everything up to the end has been played."""
        return self._slots is not None and self._next >= self._slots

    def put(self, slot: int, data: bytes) -> bool:
        """A frame has come; whether it will be played."""
        if slot < self._next or (self._slots is not None and slot >= self._slots):
            self._statistics.frames_late += 1
        elif slot in self._frames:
            self._statistics.frames_duplicated += 1
        else:
            if slot - self._next >= CAPACITY_FRAMES:
                self._jump(slot - self._delay)
            self._frames[slot] = data
            return True
        return False

    def end(self, slots: int) -> None:
        """The utterance has this many slots, and no more."""
        self._slots = slots
        self._frames = {slot: data for slot, data in self._frames.items() if slot < slots}

    def wait(self) -> None:
        """20 ms pass in which something else is played."""
        self._lead = max(0, self._lead - 1)

    def pull(self) -> Played | None:
        """What is played in these 20 ms; None when it has not begun, stands still, or is finished."""
        if self._lead or self.finished:
            self.wait()
            return None
        if self._patience and not self._frames:
            self._patience -= 1
            self._statistics.frames_awaited += 1
            return None
        slot = self._next
        self._next += 1
        data = self._frames.pop(slot, None)
        if data is None:
            self._statistics.frames_concealed += 1
            self._statistics.gaps += not self._in_gap
        self._in_gap = data is None
        return Played(slot, SILENCE if data is None else data)

    def _jump(self, slot: int) -> None:
        missed = [each for each in self._frames if each < slot]
        for each in missed:
            del self._frames[each]
        self._statistics.frames_late += len(missed)
        self._statistics.frames_concealed += slot - self._next
        self._statistics.gaps += 1
        self._next = slot
