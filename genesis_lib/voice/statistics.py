"""What became of a room's frames, counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from genesis_lib.voice.audio import SAMPLE_RATE


@dataclass(slots=True)
class RoomStatistics:
    """Counts of one participant since it joined.

    Attributes:
        frames_sent: frames of this side's voice on the bus.
        frames_not_sent: left out because the writer was throttled, or this side muted.
        frames_skipped: 20 ms that are silence because the audio for them was not ready within 0.8 s: this side stood still, or
            its speech was made too slowly.
        frames_received: of all others, duplicates and late ones included.
        frames_lost: never came, as the gaps in their sequence numbers tell.
        frames_late: came after their time, and were left out.
        frames_duplicated: came again, and were left out.
        frames_awaited: 20 ms in which playout stood still until late frames came.
        frames_concealed: 20 ms of silence put in where audio should have been.
        gaps: in how many places.
        jitter_seconds: interarrival jitter as in RFC 3550, 6.4.1; 0 when the room does not run in real time.
        utterances_dropped: heard, but not fetched before 16 others were.
    """

    frames_sent: int = 0
    frames_not_sent: int = 0
    frames_skipped: int = 0
    frames_received: int = 0
    frames_lost: int = 0
    frames_late: int = 0
    frames_duplicated: int = 0
    frames_awaited: int = 0
    frames_concealed: int = 0
    gaps: int = 0
    jitter_seconds: float = 0.0
    utterances_dropped: int = 0
    _transit: dict[str, float] = field(default_factory=dict, repr=False)

    def arrived(self, speaker_id: str, arrived_seconds: float, media_time: int) -> None:
        """Take a frame's arrival into the jitter."""
        transit = arrived_seconds - media_time / SAMPLE_RATE
        before = self._transit.get(speaker_id)
        self._transit[speaker_id] = transit
        if before is not None:
            self.jitter_seconds += (abs(transit - before) - self.jitter_seconds) / 16

    def paused(self, speaker_id: str) -> None:
        """The speaker ended: what it says next is no measure of its jitter."""
        self._transit.pop(speaker_id, None)
