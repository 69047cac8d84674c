"""Loops and hops over any mix of agents and functions: what meets itself is refused with its path, however it got there."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from genesis_lib import GenesisAgent, GenesisInterface, HopLimitExceeded, LoopDetected, genesis_function
from genesis_lib.testing.fixtures import StartAgentProcess

Step = tuple[str, str]  # how: "ask", "stream", "batch" or "function"; and whom
HOWS = ("ask", "stream", "batch", "function")
LOOPING = ("a", "b", "c")
MAX_HOPS = 5


class Hopper(GenesisAgent):
    """Goes the way it is told, step by step, and says who was passed."""

    def __init__(self, agent_id: str, *, reentrant: bool = False) -> None:
        super().__init__(
            f"Hopper {agent_id}", "Hopper", agent_id=agent_id, enable_agent_communication=True, reentrant=reentrant
        )

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        passed = await self.hop(json.loads(request["message"]))
        return {"message": json.dumps(passed)}

    @genesis_function
    async def hop(self, way: list[list[str]]) -> list[str]:
        """Go on along the way."""
        return [self.app.agent_id, *(await go(self, way) if way else [])]


async def go(caller: GenesisAgent | GenesisInterface, way: Sequence[Sequence[str]]) -> list[str]:
    """Take the first step, hand over the rest."""
    (how, target), rest = way[0], [list(step) for step in way[1:]]
    message = json.dumps(rest)
    match how:
        case "function":
            return list(await caller.call_function(target, "hop", timeout_seconds=20, way=rest))
        case "stream":
            parts = [part["message"] async for part in caller.stream_agent_request(target, message)]
            return list(json.loads("".join(parts)))
        case "batch":
            (reply,) = await caller.send_agent_batch(target, [message], 20)
            if reply["status"]:
                raise {"LoopDetected": LoopDetected, "HopLimitExceeded": HopLimitExceeded}[reply["metadata"]["error"]](
                    reply["message"]
                )
            return list(json.loads(reply["message"]))
        case _:
            return list(json.loads((await caller.request_agent(target, message, timeout_seconds=20))["message"]))


@pytest.fixture
async def bus(agent_process: StartAgentProcess) -> AsyncIterator[GenesisInterface]:
    environment = {"GENESIS_MAX_HOPS": str(MAX_HOPS)}
    for agent_id in LOOPING:
        await agent_process(Hopper, {"agent_id": agent_id}, environment)
    await agent_process(Hopper, {"agent_id": "again", "reentrant": True}, environment)
    async with GenesisInterface(interface_id="caller") as interface:
        for agent_id in (*LOOPING, "again"):
            assert await interface.wait_for_agent(agent_id)
        yield interface


def _expected(way: Sequence[Step]) -> type[LoopDetected] | type[HopLimitExceeded] | None:
    passed: set[str] = set()
    for hops, (_, agent_id) in enumerate(way, start=1):
        if hops > MAX_HOPS:
            return HopLimitExceeded
        if agent_id in passed and agent_id != "again":
            return LoopDetected
        passed.add(agent_id)
    return None


async def test_any_way_ends_at_its_end_or_is_refused(bus: GenesisInterface) -> None:
    chance = random.Random(20261121)
    seen: dict[object, int] = {}
    for _ in range(150):
        length = chance.randint(1, MAX_HOPS + 2)
        way = [(chance.choice(HOWS), chance.choice((*LOOPING, "again", "again"))) for _ in range(length)]
        expected = _expected(way)
        seen[expected] = seen.get(expected, 0) + 1
        if expected is None:
            assert await go(bus, way) == [agent_id for _, agent_id in way]
        else:
            with pytest.raises(expected):
                await go(bus, way)
    assert set(seen) == {None, LoopDetected, HopLimitExceeded}
    assert min(seen.values()) >= 10


async def test_a_loop_over_functions_names_its_path(bus: GenesisInterface) -> None:
    with pytest.raises(LoopDetected, match="caller -> a -> b -> c -> a"):
        await go(bus, [("function", "a"), ("ask", "b"), ("function", "c"), ("function", "a")])


async def test_too_many_hops_name_the_limit(bus: GenesisInterface) -> None:
    with pytest.raises(HopLimitExceeded, match=f"allows {MAX_HOPS} .*max_hops"):
        await go(bus, [("function", "again")] * (MAX_HOPS + 1))


async def test_a_reentrant_agent_may_meet_itself(bus: GenesisInterface) -> None:
    way = [("ask", "again"), ("function", "a"), ("ask", "again"), ("function", "again")]
    assert await go(bus, way) == ["again", "a", "again", "again"]
