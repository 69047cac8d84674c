"""The port: a writer whose reader does not keep up."""

from __future__ import annotations

import asyncio
import signal

import pytest

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant, Writer
from genesis_lib.settings import load_settings
from tests.contract import samples
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS, Recorder

MEGABYTE = "x" * 2**20
MOST = 200


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease so long that nobody who stops is given up."""
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "60")


@pytest.fixture
async def frozen_reader(patient: None, participant: Participant, peer: Peer) -> Writer:
    """A writer whose only reader stands still."""
    return await _freeze(participant, peer)


async def _freeze(participant: Participant, peer: Peer) -> Writer:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    peer.send_signal(signal.SIGSTOP)
    return writer


def _fill(writer: Writer) -> int:
    """Write until the writer is throttled; how many samples it took."""
    for number in range(MOST):
        if not writer.try_write(samples.request(number, MEGABYTE)):
            return number
    raise AssertionError(f"never throttled, though {MOST} MiB wait for a reader that stands still")


async def _numbers(peer: Peer, count: int) -> list[int]:
    """The last numbers to arrive, of the short samples among this many."""
    arrived = [event["payload"] for event in await peer.samples("r", count)]
    return samples.numbers([bytes.fromhex(payload) for payload in arrived if len(payload) > 64])


async def test_try_write_says_false_when_throttled(frozen_reader: Writer) -> None:
    assert _fill(frozen_reader) > 0
    assert not frozen_reader.try_write(samples.request(0))


async def test_a_throttled_write_completes_when_the_reader_drains(frozen_reader: Writer, peer: Peer) -> None:
    written = _fill(frozen_reader)
    waiting = asyncio.create_task(frozen_reader.write(samples.request(written)))
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting
    assert (await _numbers(peer, written + 1))[-1] == written


async def test_throttled_writes_keep_their_order(frozen_reader: Writer, peer: Peer) -> None:
    written = _fill(frozen_reader)
    waiting = [asyncio.create_task(frozen_reader.write(samples.request(written + n))) for n in range(50)]
    await asyncio.sleep(0)  # they wait now
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*waiting)
    assert (await _numbers(peer, written + 50))[-50:] == list(range(written, written + 50))


async def test_try_write_does_not_overtake_a_waiting_write(frozen_reader: Writer, peer: Peer) -> None:
    written = _fill(frozen_reader)
    waiting = [asyncio.create_task(frozen_reader.write(samples.request(written + n))) for n in range(50)]
    await asyncio.sleep(0)  # they wait now
    peer.send_signal(signal.SIGCONT)
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert not waiting[-1].done()
    assert not frozen_reader.try_write(samples.request(7))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*waiting)


async def test_a_cancelled_write_lets_the_next_ones_go(frozen_reader: Writer, peer: Peer) -> None:
    written = _fill(frozen_reader)
    waiting = [asyncio.create_task(frozen_reader.write(samples.request(1000 + n))) for n in range(4)]
    await asyncio.sleep(0)
    for task in (waiting[0], waiting[2]):
        task.cancel()
    await asyncio.gather(waiting[0], waiting[2], return_exceptions=True)
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(waiting[1], waiting[3])
    assert (await _numbers(peer, written + 2))[-2:] == [1001, 1003]


async def test_a_throttled_write_ends_when_its_reader_dies(participant: Participant, peer: Peer) -> None:
    writer = await _freeze(participant, peer)
    _fill(writer)
    waiting = asyncio.create_task(writer.write(samples.request(0)))
    peer.send_signal(signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting


async def test_the_event_loop_runs_while_a_write_waits(frozen_reader: Writer, peer: Peer) -> None:
    _fill(frozen_reader)
    waiting = asyncio.create_task(frozen_reader.write(samples.request(0)))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting


async def test_a_throttled_writer_holds_up_no_other(
    frozen_reader: Writer, participant: Participant, genesis_domain: int
) -> None:
    _fill(frozen_reader)
    stuck = asyncio.create_task(frozen_reader.write(samples.request(0)))
    other, seen = await open_participant(load_settings()), Recorder()
    try:
        matched = Recorder()
        await other.create_reader(samples.RPC, seen.on_samples, partition="other")
        writer = await participant.create_writer(samples.RPC, partition="other", on_match=matched.on_match)
        await matched.matched()
        for number in range(100):
            await writer.write(samples.request(number))
        await seen.has(100)
        assert not stuck.done()
    finally:
        stuck.cancel()
        await other.close()


async def test_closing_a_writer_ends_its_waiting_writes(frozen_reader: Writer, peer: Peer) -> None:
    _fill(frozen_reader)
    waiting = [asyncio.create_task(frozen_reader.write(samples.request(0))) for _ in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(frozen_reader.close())
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await closing
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert all("closed" in str(error) for error in ended)
