"""A10: the same request to many agents at once."""

from __future__ import annotations

import asyncio
import json

from genesis_lib import GenesisInterface, RemoteAgentError, RequestTimeout
from tests.agents_for_tests import Echo, Misbehaving
from tests.face.agents import Fails, Gate, InterfacesOnly, MeetsAtGate, Probe
from tests.face.watching import Host


async def test_all_are_asked_at_once(bus: GenesisInterface, host: Host) -> None:
    """Each agent answers when all three have been asked: asked one after the other, the first would wait forever."""
    await host(Gate, parties=3)
    processes = [await host(MeetsAtGate) for _ in range(3)]
    replies = await bus.broadcast_to_agents("meet", capability_filter="meet", timeout_seconds=25)
    assert set(replies) == {process.agent_id for process in processes}
    assert {reply["message"] for reply in replies.values() if isinstance(reply, dict)} == {"3 met"}


async def test_a_broadcast_goes_to_everybody(bus: GenesisInterface, host: Host) -> None:
    await host(Echo, agent_id="echo")
    await host(Probe, agent_id="probe")
    await host(InterfacesOnly, agent_id="inward")
    replies = await bus.broadcast_to_agents("hello")
    assert set(replies) == {"echo", "probe", "inward"}
    for agent_id, reply in replies.items():
        assert isinstance(reply, dict)
        assert (reply["message"], reply["agent_id"], reply["status"]) == ("hello", agent_id, 0)


async def test_failures_are_values(bus: GenesisInterface, host: Host) -> None:
    await host(Fails, agent_id="fails")
    await host(Echo, agent_id="echo")
    await host(Misbehaving, agent_id="hangs")
    replies = await bus.broadcast_to_agents("hang", timeout_seconds=1)
    assert isinstance(replies["fails"], RemoteAgentError)
    assert "not today" in str(replies["fails"])
    assert isinstance(replies["hangs"], RequestTimeout)
    assert isinstance(replies["echo"], dict)
    assert replies["echo"]["message"] == "hang"


async def test_a_status_of_the_agents_own_is_a_reply(bus: GenesisInterface, host: Host) -> None:
    await host(Misbehaving, agent_id="a")
    reply = (await bus.broadcast_to_agents("status"))["a"]
    assert isinstance(reply, dict)
    assert reply["status"] == -1


async def test_only_those_with_the_capability(bus: GenesisInterface, host: Host) -> None:
    await host(Echo, agent_id="echo")
    await host(Probe, agent_id="probe", card={"capabilities": ["dream"]})
    assert set(await bus.broadcast_to_agents("hello", "echo")) == {"echo"}
    assert set(await bus.broadcast_to_agents("hello", capability_filter="dream")) == {"probe"}
    assert await bus.broadcast_to_agents("hello", "teleport") == {}


async def test_an_agent_leaves_itself_out(bus: GenesisInterface, host: Host) -> None:
    ids = ["one", "two", "three"]
    await asyncio.gather(*(host(Probe, agent_id=agent_id) for agent_id in ids))
    for agent_id in ids[1:]:
        await bus.request_agent("one", f"know {agent_id}")
    heard = json.loads((await bus.request_agent("one", "cast hello"))["message"])
    assert heard == {"two": "hello", "three": "hello"}
