"""A14: several live agents under one name: who is called, by id, by name, in a conversation."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing import AgentProcess
from tests.face.agents import Probe
from tests.face.watching import Host, departure_of, soon

IDS = ("one", "two", "three")
CONVERSATIONS = [f"conversation-{number}" for number in range(24)]


@pytest.fixture
async def trio(host: Host) -> dict[str, AgentProcess]:
    """Three agents of one name and one service, each in a process of its own, by their ids."""
    twins = (host(Probe, agent_name="Twin", base_service_name="Twins", agent_id=agent_id) for agent_id in IDS)
    return dict(zip(IDS, await asyncio.gather(*twins), strict=True))


async def executed(bus: GenesisInterface) -> dict[str, int]:
    """How often each agent's hook has run, this question left out."""
    return {agent_id: int((await bus.request_agent(agent_id, "executed"))["message"]) - 1 for agent_id in IDS}


async def answered_by(bus: GenesisInterface, conversation_id: str) -> str:
    return str((await bus.request_agent("Twin", "hello", conversation_id))["metadata"]["answered_by"])


async def test_by_id_exactly_that_one(bus: GenesisInterface, trio: dict[str, AgentProcess]) -> None:
    for agent_id in IDS:
        replies = await asyncio.gather(*(bus.request_agent(agent_id, "hello") for _ in range(10)))
        assert {reply["metadata"]["answered_by"] for reply in replies} == {agent_id}
    assert await executed(bus) == dict.fromkeys(IDS, 10)


async def test_by_name_exactly_one_executes_spread_over_the_live_ones(
    bus: GenesisInterface, trio: dict[str, AgentProcess]
) -> None:
    before = dict.fromkeys(IDS, 0)
    for name in ("Twin", "Twins"):
        replies = await asyncio.gather(*(bus.request_agent(name, "hello") for _ in range(90)))
        answered = Counter(reply["metadata"]["answered_by"] for reply in replies)
        assert set(answered) == set(IDS)
        now = await executed(bus)
        assert {agent_id: now[agent_id] - before[agent_id] for agent_id in IDS} == dict(answered)
        before = {agent_id: count + 1 for agent_id, count in now.items()}


async def test_a_conversation_stays_with_one_agent_whoever_calls(
    bus: GenesisInterface, trio: dict[str, AgentProcess], host: Host
) -> None:
    """Two callers in processes of their own and this one agree on every conversation."""
    for caller in ("caller-a", "caller-b"):
        await host(Probe, agent_name=caller, agent_id=caller)
        for agent_id in IDS:
            assert (await bus.request_agent(caller, f"know {agent_id}"))["message"] == "True"
    homes = {conversation: await answered_by(bus, conversation) for conversation in CONVERSATIONS}
    assert set(homes.values()) == set(IDS)
    for caller in ("caller-a", "caller-b"):
        for conversation in CONVERSATIONS:
            reply = await bus.request_agent(caller, "ask Twin hello", conversation)
            assert reply["metadata"]["answered_by"] == homes[conversation], conversation


async def test_when_an_agent_leaves_only_its_own_conversations_move(
    bus: GenesisInterface, trio: dict[str, AgentProcess], host: Host
) -> None:
    homes = {conversation: await answered_by(bus, conversation) for conversation in CONVERSATIONS}
    gone = departure_of(bus, "three")
    trio["three"].send_signal(signal.SIGTERM)
    await soon(gone)
    moved = {conversation: await answered_by(bus, conversation) for conversation in CONVERSATIONS}
    for conversation in CONVERSATIONS:
        if homes[conversation] == "three":
            assert moved[conversation] in ("one", "two")
        else:
            assert moved[conversation] == homes[conversation]


async def test_instances_of_a_service_told_apart_by_their_tag(bus: GenesisInterface, host: Host) -> None:
    for tag in ("blue", "green"):
        await host(Probe, agent_name="Deployed", base_service_name="Shop", service_instance_tag=tag, agent_id=tag)
    for _ in range(10):
        for tag in ("blue", "green"):
            assert (await bus.request_agent(f"Shop_{tag}", "hello"))["metadata"]["answered_by"] == tag


async def test_an_id_goes_before_a_name(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_name="b", agent_id="a")
    await host(Probe, agent_name="a", agent_id="b")
    for _ in range(5):
        assert (await bus.request_agent("a", "hello"))["metadata"]["answered_by"] == "a"
        assert (await bus.request_agent("b", "hello"))["metadata"]["answered_by"] == "b"
