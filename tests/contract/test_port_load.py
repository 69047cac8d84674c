"""The port while the application, or a peer, keeps it busy."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant, Sample, Writer
from genesis_lib.settings import load_settings
from tests.contract import samples
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS, Recorder

MOST_AT_ONCE = 64
BATCHES = 1000


@pytest.fixture
async def busy_threads() -> AsyncIterator[None]:
    """All of asyncio's own threads are at work and stay so."""
    over = threading.Event()
    threads = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(threads)
    at_work = loop.run_in_executor(None, over.wait)
    yield
    over.set()
    await at_work


async def test_closing_does_not_wait_for_the_applications_threads(genesis_domain: int, busy_threads: None) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        participant = await open_participant(load_settings())
        await participant.create_writer(samples.RPC)
        await participant.create_reader(samples.RPC, lambda _: None)
        assert await participant.endpoints(samples.RPC.name)
        await participant.close()


async def test_a_throttled_write_does_not_wait_for_the_applications_threads(
    monkeypatch: pytest.MonkeyPatch, genesis_domain: int, peer: Peer, busy_threads: None
) -> None:
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "60")
    participant, seen = await open_participant(load_settings()), Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    peer.send_signal(signal.SIGSTOP)
    while writer.try_write(samples.request(1, "x" * 2**20)):
        pass
    waiting = asyncio.create_task(writer.write(samples.request(2)))
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting
        await participant.close()


class Flooded:
    """Reads a topic, and writes to it what it can take next whenever it has taken something: there is always more."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._turn = 0
        self.batches: Counter[int] = Counter()
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    def on_samples(self, taken: Sequence[Sample]) -> None:
        self.batches[self._turn] += 1
        if self.batches.total() >= 10:
            self.begun.set()
        if self.batches.total() >= BATCHES:
            self.over.set()
            return
        for number in range(MOST_AT_ONCE):
            assert self._writer.try_write(samples.request(number))

    def count_turns(self) -> None:
        self._turn += 1
        if not self.over.is_set():
            self._loop.call_soon(self.count_turns)


async def test_who_leaves_amid_a_flood_does_not_hold_up_all_else(participant: Participant) -> None:
    """What the leaver wrote comes before its leaving, but not all that others write meanwhile."""
    flood = Flooded(await participant.create_writer(samples.RPC))
    leaver = await participant.create_writer(samples.RPC)
    seen = Recorder()
    await participant.create_reader(samples.RPC, flood.on_samples, on_match=seen.on_match)
    await seen.matched(2)
    flood.count_turns()
    await leaver.write(samples.request(1))
    await flood.begun.wait()
    await leaver.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await flood.over.wait()
    await seen.matched(1)
    assert max(flood.batches.values()) <= BATCHES / 10


async def test_a_domain_can_be_opened_while_its_last_user_leaves(genesis_domain: int) -> None:
    settings = load_settings()
    participant = await open_participant(settings)
    for _ in range(30):
        _, participant = await asyncio.gather(participant.close(), open_participant(settings))
    await participant.close()
