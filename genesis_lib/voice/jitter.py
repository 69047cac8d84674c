"""The jitter buffer: frames that come as they like, played one every 20 ms."""

from __future__ import annotations

from typing import NamedTuple

from genesis_lib.voice.audio import SILENCE
from genesis_lib.voice.statistics import RoomStatistics

CAPACITY_FRAMES = 250


class Played(NamedTuple):
    """20 ms that were played; `slot` counts from the start of the utterance."""

    slot: int
    data: bytes


class JitterBuffer:
    """The frames of one utterance on their way to the ear. Slots are 20 ms each, from 0.

    Reorders, drops what comes twice or too late, plays silence where nothing came.

    Args:
        delay_frames: how many pulls the first frame waits for those behind it.
        statistics: where frames are counted.
        patience_frames: for how many pulls in a row playout stands still when it has run dry, rather than going on without
            what is late. A network that repeats what it lost delivers in order: what is behind a lost frame is late, too.
        capacity_frames: how many frames wait at most; when there are more, the oldest is left out. Where as many in a row are
            missing, playout jumps.
    """

    def __init__(
        self,
        delay_frames: int,
        statistics: RoomStatistics,
        patience_frames: int = 0,
        capacity_frames: int = CAPACITY_FRAMES,
    ) -> None:
        self._delay = self._lead = delay_frames
        self._patience = self._patience_left = patience_frames
        self._capacity = capacity_frames
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
    def is_behind(self) -> bool:
        """More frames wait than the delay is for: some were late, or were not pulled in time. Whoever pulls faster until they
        are no more loses nothing."""
        return len(self._frames) > self._delay

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
            self._frames[slot] = data
            if len(self._frames) > self._capacity:
                self._leave_out(min(self._frames))
            return slot >= self._next
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
        if self._patience_left and not self._frames:
            self._patience_left -= 1
            self._statistics.frames_awaited += 1
            return None
        if self._frames and self._next not in self._frames:
            first = min(self._frames)
            if first - self._next >= self._capacity:
                self._conceal_until(first)
        slot = self._next
        self._next += 1
        data = self._frames.pop(slot, None)
        if data is None:
            self._count_concealed(1)
            return Played(slot, SILENCE)
        self._in_gap = False
        self._patience_left = self._patience
        return Played(slot, data)

    def _leave_out(self, oldest: int) -> None:
        del self._frames[oldest]
        self._statistics.frames_late += 1
        self._conceal_until(oldest + 1)

    def _conceal_until(self, slot: int) -> None:
        self._count_concealed(slot - self._next)
        self._next = slot

    def _count_concealed(self, slots: int) -> None:
        self._statistics.frames_concealed += slots
        self._statistics.gaps += not self._in_gap
        self._in_gap = True
