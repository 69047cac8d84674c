"""The port: who is there, who came, who left, and how it left."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

from genesis_lib.dds.port import InstanceState, Participant
from tests.contract import samples
from tests.contract.peers import Peer
from tests.contract.recorder import Recorder


async def test_both_sides_of_a_match_see_participant_and_user_data(participant: Participant, peer: Peer) -> None:
    reader, writer = Recorder(), Recorder()
    await participant.create_reader(samples.RPC, reader.on_samples, user_data=b"\0reader", on_match=reader.on_match)
    await participant.create_writer(samples.DURABLE, user_data=b"\xffwriter", on_match=writer.on_match)
    await peer.writer("w", samples.RPC, user_data=b"peer writer".hex())
    await peer.reader("r", samples.DURABLE, user_data=b"peer reader".hex())
    theirs = await peer.guid()
    match = await reader.matched()
    assert (match.matched, match.participant, match.user_data) == (True, theirs, b"peer writer")
    match = await writer.matched()
    assert (match.matched, match.participant, match.user_data) == (True, theirs, b"peer reader")
    ours = participant.guid.hex()
    assert await peer.matched("w") == _event("w", ours, b"\0reader")
    assert await peer.matched("r") == _event("r", ours, b"\xffwriter")


def _event(name: str, participant: str, user_data: bytes) -> dict[str, object]:
    return {
        "event": "match",
        "name": name,
        "matched": True,
        "participant": participant,
        "user_data": user_data.hex(),
    }


async def test_closing_an_endpoint_unmatches_it(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    reader = await participant.create_reader(samples.RPC, seen.on_samples, on_match=seen.on_match)
    await peer.writer("w", samples.RPC, user_data="ab")
    arrived = await seen.matched()
    assert reader.lookup_publication(arrived.handle) == arrived
    await peer.do("close", name="w")
    left = await seen.matched(0)
    assert left == arrived._replace(matched=False)
    assert reader.lookup_publication(arrived.handle) is None


async def test_a_peer_that_leaves_unmatches_and_says_no_more(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.RPC, seen.on_samples, on_match=seen.on_match)
    await peer.writer("w", samples.RPC)
    await seen.matched()
    assert await peer.leave() == 0
    await seen.matched(0)
    assert not seen.samples


async def test_a_dispose_arrives_with_the_key(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.DURABLE, seen.on_samples)
    await peer.writer("w", samples.DURABLE)
    await peer.matched("w")
    await peer.write("w", samples.agent("a"))
    await seen.has(1)
    await peer.do("dispose", name="w", payload=samples.agent_key("a").hex())
    assert samples.departures(await seen.has(2)) == [("a", InstanceState.DISPOSED)]


async def test_a_dispose_is_told_from_a_crash_after_it(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.DURABLE, seen.on_samples, on_match=seen.on_match)
    await peer.writer("w", samples.DURABLE)
    await peer.matched("w")
    await peer.write("w", samples.agent("a"))
    await peer.do("dispose", name="w", payload=samples.agent_key("a").hex())
    await seen.until(lambda: InstanceState.DISPOSED in seen.states())
    await seen.matched()
    peer.send_signal(signal.SIGKILL)
    await seen.matched(0)
    assert InstanceState.NO_WRITERS not in seen.states()


async def test_a_killed_writer_leaves_its_instances_without_writers(
    participant: Participant, start_peer: Callable[[], Awaitable[Peer]]
) -> None:
    seen = Recorder()
    await participant.create_reader(samples.DURABLE, seen.on_samples, on_match=seen.on_match)
    doomed, survivor = await start_peer(), await start_peer()
    for other, agent_id in ((doomed, "doomed"), (survivor, "survivor")):
        await other.writer("w", samples.DURABLE)
        await other.write("w", samples.agent(agent_id))
    await seen.until(lambda: len(seen.payloads()) == 2)
    doomed.send_signal(signal.SIGKILL)
    await seen.until(lambda: InstanceState.NO_WRITERS in seen.states() and seen.live() == 1)
    assert samples.departures(seen.samples) == [("doomed", InstanceState.NO_WRITERS)]


async def test_a_killed_peer_unmatches_writers_too(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    peer.send_signal(signal.SIGKILL)
    await seen.matched(0)
    await writer.write(samples.request(1))


async def test_a_frozen_writer_is_seen_again_when_it_goes_on(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.DURABLE, seen.on_samples)
    await peer.writer("w", samples.DURABLE)
    await peer.write("w", samples.agent("a"))
    await seen.has(1)
    peer.send_signal(signal.SIGSTOP)
    await seen.until(lambda: InstanceState.NO_WRITERS in seen.states())
    peer.send_signal(signal.SIGCONT)
    await seen.until(lambda: seen.samples[-1].state is InstanceState.ALIVE)
    assert seen.samples[-1].payload == samples.agent("a")


async def test_endpoints_and_participants_of_both_processes_are_listed(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    await participant.create_reader(samples.DURABLE, seen.on_samples, on_match=seen.on_match, user_data=b"mine")
    await peer.writer("w", samples.DURABLE, user_data=b"theirs".hex())
    await peer.writer("other", samples.RPC)
    await seen.matched()
    theirs = await peer.guid()
    assert {participant.guid, theirs} <= set(await participant.participants())
    found = {endpoint.is_writer: endpoint for endpoint in await participant.endpoints(samples.DURABLE.name)}
    assert set(found) == {True, False}
    assert (found[False].participant, found[False].user_data) == (participant.guid, b"mine")
    assert (found[True].participant, found[True].user_data) == (theirs, b"theirs")
    for endpoint in found.values():
        assert endpoint.topic == samples.DURABLE.name
        assert "AgentCapability" in endpoint.type_name
        assert {"reliability", "durability"} <= set(endpoint.qos)
    peer.send_signal(signal.SIGKILL)
    await seen.matched(0)
    assert theirs not in [endpoint.participant for endpoint in await participant.endpoints()]
