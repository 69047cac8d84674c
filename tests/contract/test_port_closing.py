"""The port: everything can be closed, in any order, twice, and nothing is left behind."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from genesis_lib.dds.open import acquire_participant, open_participant, release_participant
from genesis_lib.dds.port import Participant, Reader, Sample, Writer
from genesis_lib.errors import BusError
from genesis_lib.settings import load_settings
from tests.contract import samples
from tests.contract.peers import Peer
from tests.contract.recorder import Recorder

PARTS = ("writer", "reader", "partitioned", "participant")


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS))[::5], ids="-".join)
async def test_any_order_and_twice(genesis_domain: int, order: Sequence[str]) -> None:
    participant = await open_participant(load_settings())
    seen = Recorder()
    parts: dict[str, Participant | Writer | Reader] = {
        "participant": participant,
        "writer": await participant.create_writer(samples.RPC, on_match=seen.on_match),
        "reader": await participant.create_reader(samples.RPC, seen.on_samples),
        "partitioned": await participant.create_writer(samples.RPC, partition="p"),
    }
    await seen.matched()
    for name in (*order, *order):
        await parts[name].close()
    reopened = await open_participant(load_settings())
    await reopened.create_reader(samples.RPC, seen.on_samples)
    await reopened.close()


async def test_all_at_once(genesis_domain: int) -> None:
    participant = await open_participant(load_settings())
    writers = [await participant.create_writer(samples.RPC, partition=str(number)) for number in range(20)]
    await asyncio.gather(*(writer.close() for writer in writers), participant.close(), participant.close())


async def test_a_closed_writer_says_so(participant: Participant) -> None:
    writer = await participant.create_writer(samples.RPC)
    await writer.close()
    with pytest.raises(BusError, match=r"ContractRpc.*closed"):
        writer.try_write(samples.request(1))
    with pytest.raises(BusError, match=r"ContractRpc.*closed"):
        await writer.write(samples.request(1))


async def test_disposing_through_a_closed_writer_is_a_bus_error(participant: Participant) -> None:
    writer = await participant.create_writer(samples.DURABLE)
    await writer.write(samples.agent("a"))
    await writer.close()
    with pytest.raises(BusError, match="ContractDurable"):
        writer.dispose(samples.agent_key("a"))


async def test_nothing_is_reported_after_close(participant: Participant, peer: Peer) -> None:
    seen, other = Recorder(), Recorder()
    reader = await participant.create_reader(samples.RPC, seen.on_samples, on_match=seen.on_match)
    await participant.create_reader(samples.RPC, other.on_samples)
    await peer.writer("w", samples.RPC)
    await peer.write("w", samples.request(1))
    await seen.has(1)
    await reader.close()
    before = len(seen.samples), len(seen.matches)
    await peer.write("w", samples.request(2))
    await other.has(2)
    assert (len(seen.samples), len(seen.matches)) == before


async def test_a_reader_may_be_closed_from_its_own_callback(participant: Participant, peer: Peer) -> None:
    seen: list[Sample] = []
    closing: list[asyncio.Task[None]] = []

    def on_samples(taken: Sequence[Sample]) -> None:
        seen.extend(taken)
        closing.append(asyncio.create_task(reader.close()))
        recorder.on_samples(taken)

    recorder, other = Recorder(), Recorder()
    reader = await participant.create_reader(samples.RPC, on_samples)
    await participant.create_reader(samples.RPC, other.on_samples)
    await peer.writer("w", samples.RPC)
    await peer.matched("w")
    await peer.write("w", samples.request(1))
    await recorder.has(1)
    await asyncio.gather(*closing)
    await peer.write("w", samples.request(2))
    await other.has(2)
    assert samples.numbers([sample.payload for sample in seen]) == [1]


async def test_a_callback_that_raises_does_not_stop_the_others(participant: Participant, peer: Peer) -> None:
    loop = asyncio.get_running_loop()
    raised: list[object] = []
    loop.set_exception_handler(lambda _, context: raised.append(context.get("exception")))

    def bad(_: Sequence[Sample]) -> None:
        raise LookupError("a callback's own mistake")

    good = Recorder()
    await participant.create_reader(samples.RPC, bad)
    await participant.create_reader(samples.RPC, good.on_samples)
    await peer.writer("w", samples.RPC)
    await peer.matched("w")
    for number in range(20):
        await peer.write("w", samples.request(number))
    await good.has(20)
    assert samples.numbers(good.payloads()) == list(range(20))
    assert raised
    assert all(isinstance(error, LookupError) for error in raised)


async def test_no_thread_is_left_behind(genesis_domain: int) -> None:
    await asyncio.to_thread(threading.enumerate)
    before = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
    participant = await open_participant(load_settings())
    await participant.create_reader(samples.RPC, lambda _: None)
    assert set(threading.enumerate()) - before
    await participant.close()
    after = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
    assert after <= before


async def test_users_of_one_process_share_a_participant_until_the_last_leaves(genesis_domain: int) -> None:
    settings = load_settings()
    first, second = await asyncio.gather(acquire_participant(settings), acquire_participant(settings))
    assert first is second
    await release_participant(settings)
    await first.create_reader(samples.RPC, lambda _: None)
    await release_participant(settings)
    third = await acquire_participant(settings)
    try:
        assert third is not first
    finally:
        await release_participant(settings)


async def _use(number: int) -> list[int]:
    """Open, send oneself a sample, close; the samples that came."""
    participant = await open_participant(load_settings())
    seen, partition = Recorder(), str(number)
    await participant.create_reader(samples.RPC, seen.on_samples, partition=partition)
    writer = await participant.create_writer(samples.RPC, partition=partition, on_match=seen.on_match)
    await seen.matched()
    await writer.write(samples.request(number))
    await seen.has(1)
    await participant.close()
    return samples.numbers(seen.payloads())


def test_one_event_loop_after_the_other(genesis_domain: int) -> None:
    assert [asyncio.run(_use(number)) for number in range(3)] == [[0], [1], [2]]


def test_event_loops_in_several_threads(genesis_domain: int) -> None:
    with ThreadPoolExecutor() as threads:
        assert list(threads.map(asyncio.run, map(_use, range(4)))) == [[0], [1], [2], [3]]


def test_a_loop_that_was_closed_without_closing_leaves_the_next_one_alone(genesis_domain: int) -> None:
    async def abandon() -> Participant:
        participant = await open_participant(load_settings())
        await participant.create_reader(samples.RPC, lambda _: None)
        return participant

    async def use(abandoned: Participant) -> list[int]:
        participant = await open_participant(load_settings())
        matched, seen = Recorder(), Recorder()
        await participant.create_reader(samples.RPC, seen.on_samples)
        writer = await participant.create_writer(samples.RPC, on_match=matched.on_match)
        await matched.matched(2)
        await writer.write(samples.request(7))
        await seen.has(1)
        await abandoned.close()
        await participant.close()
        return samples.numbers(seen.payloads())

    abandoned = asyncio.run(abandon())
    assert asyncio.run(use(abandoned)) == [7]


@pytest.mark.parametrize("name", ["with blank", "star*", "kla[mmer", 'quo"te', "ümlaut", ""])
async def test_a_topic_name_dds_cannot_have_is_refused(participant: Participant, name: str) -> None:
    topic = replace(samples.RPC, name=name)
    with pytest.raises(BusError):
        await participant.create_writer(topic)
    with pytest.raises(BusError):
        await participant.create_reader(topic, lambda _: None)
