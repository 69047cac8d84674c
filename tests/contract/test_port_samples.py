"""The port: bytes from a writer of one process to a reader of another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from genesis_lib.dds.port import InstanceState, Participant, TopicSpec
from tests.contract import samples
from tests.contract.peer_process import describe, large_request
from tests.contract.peers import Peer
from tests.contract.recorder import Recorder

TEN_MEGABYTES = 10_000_000


async def test_bytes_arrive_as_they_were_written(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.RPC, seen.on_samples)
    await peer.writer("w", samples.RPC)
    await peer.matched("w")
    payloads = [samples.request(number, "x" * number + "ä€😀") for number in range(20)]
    for payload in payloads:
        await peer.write("w", payload)
    await seen.has(20)
    assert seen.payloads() == payloads
    assert set(seen.states()) == {InstanceState.ALIVE}


async def test_bytes_go_the_other_way_too(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    payloads = [samples.request(number, "x" * number) for number in range(20)]
    for payload in payloads:
        await writer.write(payload)
    assert [event["payload"] for event in await peer.samples("r", 20)] == [payload.hex() for payload in payloads]


async def test_ten_megabytes_arrive(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.RPC, seen.on_samples)
    await peer.writer("w", samples.RPC)
    await peer.matched("w")
    await peer.do("write large", name="w", size=TEN_MEGABYTES)
    await seen.has(1)
    assert describe(seen.payloads()[0]) == describe(large_request(TEN_MEGABYTES))


async def test_ten_megabytes_leave(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    payload = large_request(TEN_MEGABYTES)
    await writer.write(payload)
    assert (await peer.samples("r", 1))[0]["payload"] == describe(payload)


async def test_thousands_of_samples_keep_their_order(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    for number in range(5000):
        await writer.write(samples.request(number))
    arrived = [bytes.fromhex(event["payload"]) for event in await peer.samples("r", 5000)]
    assert samples.numbers(arrived) == list(range(5000))


async def test_a_sample_names_the_writer_it_came_through(
    participant: Participant, start_peer: Callable[[], Awaitable[Peer]]
) -> None:
    seen = Recorder()
    reader = await participant.create_reader(samples.RPC, seen.on_samples, on_match=seen.on_match)
    peers = [await start_peer(), await start_peer()]
    for number, other in enumerate(peers):
        await other.writer("w", samples.RPC, user_data=f"0{number}")
        await other.matched("w")
        await other.write("w", samples.request(number))
    await seen.has(2)
    for sample in seen.samples:
        (number,) = samples.numbers([sample.payload])
        match = reader.lookup_publication(sample.publication)
        assert match is not None
        assert (match.participant, match.user_data) == (await peers[number].guid(), bytes([number]))


async def test_only_the_same_partition_is_reached(participant: Participant, peer: Peer) -> None:
    red, blue, none = Recorder(), Recorder(), Recorder()
    await participant.create_reader(samples.RPC, red.on_samples, partition="red", on_match=red.on_match)
    await participant.create_reader(samples.RPC, blue.on_samples, partition="blue", on_match=blue.on_match)
    await participant.create_reader(samples.RPC, none.on_samples, on_match=none.on_match)
    for name, partition in (("red", "red"), ("blue", "blue"), ("none", "")):
        await peer.writer(name, samples.RPC, partition=partition)
        await peer.matched(name)
    for number, name in enumerate(("red", "blue", "none")):
        await peer.write(name, samples.request(number))
        await peer.write(name, samples.request(number))
    for number, seen in enumerate((red, blue, none)):
        await seen.has(2)
        assert samples.numbers(seen.payloads()) == [number, number]
        assert seen.live() == 1


async def test_a_late_joiner_gets_the_newest_sample_of_each_key(participant: Participant, peer: Peer) -> None:
    await peer.writer("w", samples.DURABLE)
    for name in ("old", "new"):
        for agent_id in ("a", "b", "c"):
            await peer.write("w", samples.agent(agent_id, name))
    await peer.do("dispose", name="w", payload=samples.agent_key("b").hex())
    seen = Recorder()
    await participant.create_reader(samples.DURABLE, seen.on_samples)
    await seen.until(lambda: {samples.agent(i, "new") for i in ("a", "c")} <= set(seen.payloads()))
    alive = [sample.payload for sample in seen.samples if sample.state is InstanceState.ALIVE]
    assert sorted(alive) == [samples.agent("a", "new"), samples.agent("c", "new")]


async def test_a_volatile_reader_gets_nothing_from_before_its_time(participant: Participant, peer: Peer) -> None:
    await peer.writer("w", samples.RPC)
    await peer.write("w", samples.request(1))
    seen = Recorder()
    await participant.create_reader(samples.RPC, seen.on_samples)
    await peer.matched("w")
    await peer.write("w", samples.request(2))
    await seen.has(1)
    assert samples.numbers(seen.payloads()) == [2]


async def test_many_endpoints_in_one_participant(participant: Participant, peer: Peer) -> None:
    topics = [TopicSpec(f"ContractMany{number}", "AgentAgentRequest", "Rpc") for number in range(40)]
    seen = [Recorder() for _ in topics]
    for topic, recorder in zip(topics, seen, strict=True):
        await participant.create_reader(topic, recorder.on_samples)
    for topic in topics:
        await peer.writer(topic.name, topic)
    for number, topic in enumerate(topics):
        await peer.matched(topic.name)
        await peer.write(topic.name, samples.request(number))
    for number, recorder in enumerate(seen):
        await recorder.has(1)
        assert samples.numbers(recorder.payloads()) == [number]


@pytest.mark.parametrize("count", [1, 300])
async def test_endpoints_come_and_go_on_one_topic(participant: Participant, peer: Peer, count: int) -> None:
    await peer.reader("r", samples.RPC)
    for number in range(count):
        seen = Recorder()
        writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
        await seen.matched()
        await writer.write(samples.request(number))
        await writer.close()
    arrived = await peer.samples("r", count)
    assert samples.numbers([bytes.fromhex(event["payload"]) for event in arrived]) == list(range(count))
