"""Counts the samples that arrive in another process, for tests that hold up their own event loop meanwhile."""

from __future__ import annotations

import asyncio
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Sample
from genesis_lib.settings import load_settings
from tests.contract import samples

_PATIENCE_SECONDS = 10


class Arrivals:
    """What arrived on `samples.RPC`. Ready when a writer has matched the reader, which is later than the reader the writer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._pipe = process.stdout
        self._count = 0

    def ready(self) -> None:
        """Wait for the match."""
        assert self._read() == 0

    def are(self, count: int) -> bool:
        """Wait for so many, and hold up the event loop while doing so."""
        while self._count < count:
            more = self._read()
            if more is None:
                return False
            self._count += more
        return True

    def _read(self) -> int | None:
        if not select.select([self._pipe], [], [], _PATIENCE_SECONDS)[0]:
            return None
        line = self._pipe.readline()
        assert line, "the reading process ended"
        return int(line)


@contextmanager
def read_elsewhere() -> Iterator[Arrivals]:
    """Read in another process while the block lasts."""
    command = [sys.executable, "-m", "tests.contract.arrivals"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        yield Arrivals(process)
        process.communicate()


def _say(count: int) -> None:
    sys.stdout.write(f"{count}\n")
    sys.stdout.flush()


async def _read() -> None:
    def on_samples(arrived: Sequence[Sample]) -> None:
        _say(len(arrived))

    participant = await open_participant(load_settings())
    await participant.create_reader(samples.RPC, on_samples, on_match=lambda match: _say(0) if match.matched else None)
    await asyncio.to_thread(sys.stdin.read)
    await participant.close()


if __name__ == "__main__":
    asyncio.run(_read())
