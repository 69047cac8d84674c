"""Hosts find each other: with multicast, with peers where there is none, on the interfaces that were chosen."""

from __future__ import annotations

import asyncio
import sys

import pytest

from genesis_lib.dds.rtps_ports import unicast_ports
from tests.resilience.network.agents import Ledger
from tests.resilience.network.cable import Cable, Faults
from tests.resilience.network.callers import Caller
from tests.resilience.network.hosts import Host, Network
from tests.resilience.record import Record, spread

_NO_MULTICAST = Faults(multicast=False)


async def _finds_and_calls(caller: Caller, *names: str) -> list[float]:
    """The seconds that finding each of the agents took."""
    seconds = []
    for name in names:
        found = await caller.finds(name)
        assert found is not None, f"did not find {name}"
        seconds.append(found)
        outcome = await caller.call(name, "hello")
        assert outcome.message == "hello done", outcome
    return seconds


async def test_hosts_with_multicast_need_no_settings(west: Host, east: Host) -> None:
    await west.start_agent(Ledger, {"agent_name": "WestLedger"})
    await east.start_agent(Ledger, {"agent_name": "EastLedger"})
    await _finds_and_calls(await west.start_caller(), "WestLedger", "EastLedger")
    await _finds_and_calls(await east.start_caller(), "WestLedger", "EastLedger")


async def test_without_multicast_and_without_peers_they_do_not_meet(west: Host, east: Host, cable: Cable) -> None:
    cable.faults = _NO_MULTICAST
    await west.start_agent(Ledger)
    caller = await east.start_caller()
    assert (await caller.call("Ledger", "hello")).error == "AgentNotFound"
    assert cable.counts["blocked"] > 0


@pytest.mark.parametrize("named_by", ["both", "the agents' host", "the caller's host"])
async def test_without_multicast_peers_named_on_either_side_are_enough(
    west: Host, east: Host, cable: Cable, named_by: str, record: Record
) -> None:
    """Several processes on each host, as containers with one network have them."""
    cable.faults = _NO_MULTICAST
    agents = {"GENESIS_PEERS": east.address} if named_by != "the caller's host" else {}
    callers = {"GENESIS_PEERS": west.address} if named_by != "the agents' host" else {}
    names = [f"Ledger{number}" for number in range(4)]
    for name in names:
        await west.start_agent(Ledger, {"agent_name": name}, agents)
    seconds: list[float] = []
    for _ in range(3):
        seconds += await _finds_and_calls(await east.start_caller(callers), *names)
    assert cable.counts["blocked"] > 0
    record(
        f"No multicast, peers named by {named_by}",
        trials=len(seconds),
        promised="all agents are found and answer",
        measured=f"found after {spread(seconds)}",
        lost=0,
    )


async def test_a_peer_named_with_its_port_is_asked_for_one_process(
    west: Host, east: Host, cable: Cable, genesis_domain: int
) -> None:
    cable.faults = _NO_MULTICAST
    for name in ("First", "Second"):
        await west.start_agent(Ledger, {"agent_name": name})
    port = unicast_ports(genesis_domain, 0)[0]
    caller = await east.start_caller({"GENESIS_PEERS": f"{west.address}:{port}"})
    await _finds_and_calls(caller, "First")
    assert (await caller.call("Second", "hello")).error == "AgentNotFound"


async def test_more_processes_than_peers_are_asked_for_are_found_when_they_name_their_peers(
    west: Host, east: Host, cable: Cable
) -> None:
    """A peer is asked for 32 processes; the others have to come forward."""
    cable.faults = _NO_MULTICAST
    others = await west.run(sys.executable, "-m", "tests.resilience.network.ports", "32")
    assert others.stdout is not None
    assert await others.stdout.readline() == b"ready\n"
    process = await west.start_agent(Ledger, environment={"GENESIS_PEERS": east.address})
    await _finds_and_calls(await east.start_caller(), "Ledger")
    assert "32 processes of this machine are on domain" in process.errors()


@pytest.mark.long
async def test_a_peer_that_comes_late_is_found(west: Host, east: Host, cable: Cable) -> None:
    """Cyclone DDS would forget a peer after 30 s."""
    cable.faults = _NO_MULTICAST
    await west.start_agent(Ledger, environment={"GENESIS_PEERS": east.address})
    await asyncio.sleep(40)
    await _finds_and_calls(await east.start_caller(), "Ledger")


async def test_a_peer_whose_name_does_not_resolve_is_left_out(west: Host, east: Host, cable: Cable) -> None:
    cable.faults = _NO_MULTICAST
    peers = {"GENESIS_PEERS": f"nosuch.invalid,{east.address}"}
    process = await west.start_agent(Ledger, environment=peers)
    await _finds_and_calls(await east.start_caller(), "Ledger")
    assert "'nosuch.invalid' cannot be resolved" in process.errors()


@pytest.mark.parametrize("by_address", [False, True], ids=["by name", "by address"])
async def test_only_the_chosen_interface_is_used(network: Network, by_address: bool) -> None:
    """West has two networks, with a host on each."""
    other_cable = network.add_cable()
    west, south = network.add_host("west"), network.add_host("south")
    address = "10.78.0.1"
    end = other_cable.plug_in(west.namespace, f"{address}/24", interface="cable1", multicast_route=False)
    north = network.add_host("north", cable=other_cable, address="10.78.0.2")
    chosen = address if by_address else end.interface
    await west.start_agent(Ledger, environment={"GENESIS_INTERFACES": chosen})
    await _finds_and_calls(await north.start_caller(), "Ledger")
    assert (await (await south.start_caller()).call("Ledger", "hello")).error == "AgentNotFound"


async def test_several_interfaces_are_used_at_once(network: Network) -> None:
    other_cable = network.add_cable()
    west, south = network.add_host("west"), network.add_host("south")
    other_cable.plug_in(west.namespace, "10.78.0.1/24", interface="cable1", multicast_route=False)
    north = network.add_host("north", cable=other_cable, address="10.78.0.2")
    await west.start_agent(Ledger, environment={"GENESIS_INTERFACES": "cable0,cable1"})
    await _finds_and_calls(await north.start_caller(), "Ledger")
    await _finds_and_calls(await south.start_caller(), "Ledger")
