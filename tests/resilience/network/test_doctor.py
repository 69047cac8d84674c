"""`genesis doctor` names the cause when agents do not see each other, each time in the real situation."""

from __future__ import annotations

import sys
from typing import Any

from tests.cli.command import Outcome
from tests.resilience.network.agents import Ledger
from tests.resilience.network.cable import Cable, Faults
from tests.resilience.network.hosts import Host


def _texts(outcome: Outcome, *, problems: bool) -> list[str]:
    return [each["text"] for each in outcome.json["conclusions"] if each["problem"] == problems]


def _problem(outcome: Outcome) -> str:
    """The only one."""
    assert outcome.status == 1
    (problem,) = _texts(outcome, problems=True)
    return problem


async def test_all_is_well(west: Host, east: Host) -> None:
    agent = await west.start_agent(Ledger)
    outcome = await east.genesis("doctor", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    (participant,) = outcome.json["participants"]
    assert (participant["addresses"], participant["host"]) == ([west.address], "west")
    assert [found["agent_id"] for found in outcome.json["agents"]] == [agent.agent_id]
    assert outcome.json["other_domains"] == []


async def test_agents_on_another_domain_are_counted(west: Host, east: Host, genesis_domain: int) -> None:
    for _ in range(2):
        await west.start_agent(Ledger, environment={"GENESIS_DOMAIN_ID": "7"})
    await west.start_agent(Ledger, environment={"GENESIS_DOMAIN_ID": "232"})
    outcome = await east.genesis("doctor", "--json", "--domain", "3")
    assert outcome.status == 0
    assert outcome.json["other_domains"] == [
        {"domain_id": 7, "participants": 2, "addresses": [west.address]},
        {"domain_id": 232, "participants": 1, "addresses": [west.address]},
    ]
    note = _texts(outcome, problems=False)[0]
    assert f"2 participants on domain 7, from {west.address}; 1 participant on domain 232" in note
    assert "'genesis agents --domain 7'" in note


async def test_agents_on_another_domain_are_heard_on_every_interface(
    west: Host, east: Host, genesis_domain: int
) -> None:
    for number in range(15):  # as containers have them; a socket may join a group on 20
        east.namespace.ip("link", "add", f"idle{number}", "up", "type", "veth", "peer", "name", f"other{number}")
        east.namespace.ip("link", "set", f"other{number}", "up")
    await west.start_agent(Ledger, environment={"GENESIS_DOMAIN_ID": "7"})
    outcome = await east.genesis("doctor", "--json", environment={"GENESIS_INTERFACES": "lo"})
    assert (outcome.status, outcome.stderr) == (0, "")
    (other,) = outcome.json["other_domains"]
    assert (other["domain_id"], other["addresses"]) == (7, [west.address])


async def test_an_interface_without_multicast(west: Host, east: Host) -> None:
    east.namespace.ip("link", "set", "cable0", "multicast", "off")
    await west.start_agent(Ledger)
    problem = _problem(await east.genesis("doctor", "--json"))
    assert "There is no multicast on cable0 and no peers are named" in problem
    assert "GENESIS_PEERS" in problem


async def test_a_network_that_drops_multicast_is_suspected(west: Host, east: Host, cable: Cable) -> None:
    cable.faults = Faults(multicast=False)
    await west.start_agent(Ledger)
    note = _texts(await east.genesis("doctor", "--json"), problems=False)[0]
    assert "the network may drop multicast" in note
    assert "GENESIS_PEERS" in note


async def test_a_firewall_that_lets_multicast_through_alone(
    west: Host, east: Host, cable: Cable, genesis_domain: int
) -> None:
    await west.start_agent(Ledger)
    cable.faults = Faults(unicast_udp=False)
    problem = _problem(await east.genesis("doctor", "--json"))
    assert f"announces itself from {west.address}, but nothing else comes through" in problem
    first = 7400 + 250 * genesis_domain + 10
    assert f"Let UDP through in both directions, ports {first} to {first + 239}." in problem


async def test_a_peer_that_is_heard_is_no_problem(west: Host, east: Host, cable: Cable) -> None:
    cable.faults = Faults(multicast=False)
    await west.start_agent(Ledger)
    outcome = await east.genesis("doctor", "--json", environment={"GENESIS_PEERS": f"{west.address},{east.address}"})
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.json["peers"] == [{"name": west.address, "answer": "heard", "reason": ""}]


async def test_a_peer_behind_a_firewall(west: Host, east: Host, cable: Cable) -> None:
    await west.start_agent(Ledger)
    cable.faults = Faults(multicast=False, unicast_udp=False)
    problem = _problem(await east.genesis("doctor", "--json", environment={"GENESIS_PEERS": west.address}))
    assert f"The peer {west.address} does not answer at all" in problem
    assert "let UDP through in both directions, ports" in problem


async def test_a_peer_without_agents(west: Host, east: Host, genesis_domain: int) -> None:
    problem = _problem(await east.genesis("doctor", "--json", environment={"GENESIS_PEERS": west.address}))
    assert f"{west.address} can be reached, but no process of domain {genesis_domain} was heard there" in problem


async def test_peers_that_cannot_be_reached(east: Host) -> None:
    """The DDS product complains of each datagram; nobody has to read that."""
    outcome = await east.genesis("doctor", "--json", environment={"GENESIS_PEERS": "nosuch.invalid,192.0.2.1"})
    assert (outcome.status, outcome.stderr) == (1, "")
    unresolved, unreachable = _texts(outcome, problems=True)
    assert "'nosuch.invalid' cannot be resolved" in unresolved
    assert "The peer 192.0.2.1 cannot be reached: Network is unreachable" in unreachable


async def test_a_qos_mismatch_is_named_across_hosts(west: Host, east: Host) -> None:
    process = await west.run(sys.executable, "-m", "tests.cli.raw_endpoints", "careless_writer")
    assert process.stdout is not None
    key = (await process.stdout.readline()).decode().strip()
    outcome = await east.genesis("doctor", "--json")
    mismatches: list[dict[str, Any]] = outcome.json["mismatches"]
    assert [mismatch["participant"] for mismatch in mismatches] == [key]
    assert "reliability BEST_EFFORT" in _problem(outcome)


async def test_a_person_reads_the_same(west: Host, east: Host) -> None:
    await west.start_agent(Ledger, environment={"GENESIS_DOMAIN_ID": "7"})
    outcome = await east.genesis("doctor", "--domain", "3", environment={"GENESIS_PEERS": west.address})
    assert outcome.status == 1
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert f"domain 7 1 from {west.address}" in lines
    assert f"{west.address} refused Connection refused" in lines
