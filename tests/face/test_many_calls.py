"""One interface serves a whole program: thousands of calls at once are ordinary."""

from __future__ import annotations

import asyncio

from genesis_lib import GenesisInterface
from tests.agents_for_tests import Echo
from tests.face.watching import Host


async def test_two_thousand_calls_at_once(bus: GenesisInterface, host: Host) -> None:
    for number in range(2):
        await host(Echo, agent_id=f"echo-{number}")
    calls = [
        bus.request_agent(f"echo-{number % 2}", str(number), f"c{number}", 60, metadata={"number": number})
        for number in range(2000)
    ]
    replies = await asyncio.gather(*calls)
    for number, reply in enumerate(replies):
        assert (reply["message"], reply["conversation_id"]) == (str(number), f"c{number}")
        assert reply["metadata"]["number"] == number
        assert reply["agent_id"] == f"echo-{number % 2}"
    assert sorted(bus.agent_connections) == ["echo-0", "echo-1"]
    assert [connection.in_flight for connection in bus.agent_connections.values()] == [0, 0]


async def test_many_first_calls_at_once_to_many_agents(bus: GenesisInterface, host: Host) -> None:
    ids = [f"echo-{number}" for number in range(4)]
    await asyncio.gather(*(host(Echo, agent_id=agent_id) for agent_id in ids))
    replies = await asyncio.gather(
        *(bus.request_agent(agent_id, f"{number}") for number in range(50) for agent_id in ids)
    )
    assert [reply["agent_id"] for reply in replies] == ids * 50
