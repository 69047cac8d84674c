"""What a reader or writer of the test's own process has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from genesis_lib.dds.port import InstanceState, Match, Sample

# How long a test waits for what has to come before it fails; nothing depends on how long it takes.
PATIENCE_SECONDS = 30.0


class Recorder:
    """Keeps samples and matches, and lets a test wait for them."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.matches: list[Match] = []
        self._changed = asyncio.Event()

    def on_samples(self, samples: Sequence[Sample]) -> None:
        self.samples.extend(samples)
        self._changed.set()

    def on_match(self, match: Match) -> None:
        self.matches.append(match)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def has(self, count: int) -> list[Sample]:
        """Wait for this many samples."""
        await self.until(lambda: len(self.samples) >= count)
        return self.samples

    async def matched(self, count: int = 1) -> Match:
        """Wait until this many peers are matched; the newest of them."""
        await self.until(lambda: self.live() == count)
        return self.matches[-1]

    def live(self) -> int:
        """How many peers are matched now."""
        return sum(1 if match.matched else -1 for match in self.matches)

    def payloads(self) -> list[bytes]:
        return [sample.payload for sample in self.samples if sample.valid_data]

    def states(self) -> list[InstanceState]:
        return [sample.state for sample in self.samples]
