"""Where the audio of a track belongs in a recording, by when it arrives."""

from __future__ import annotations

from typing import Final

from genesis_lib.voice.audio import samples

_MOST_ADRIFT: Final = samples(0.2)
_LONGEST_LATE: Final = samples(0.5)


class Placing:
    """Puts the pieces of a track one after the other, unless that gets far from when they arrive.

    Pieces that waited for a loop that stood still come late, too, but all at once: so what comes late has to stay late for
    0.5 s before a gap is left for it.
    """

    def __init__(self) -> None:
        self._next: int | None = None
        self._late_since: int | None = None

    def of(self, arrived: int, length: int) -> int | None:
        """The media time of a piece that has just arrived whole; None when it is to be left out."""
        began = max(0, arrived - length)
        if self._next is None or self._is_gap(began - self._next, arrived):
            self._next = began
        elif self._next - began > _MOST_ADRIFT:
            return None
        at, self._next = self._next, self._next + length
        return at

    def _is_gap(self, late: int, arrived: int) -> bool:
        if late <= _MOST_ADRIFT:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = arrived
        elif arrived - self._late_since > _LONGEST_LATE:
            self._late_since = None
            return True
        return False
