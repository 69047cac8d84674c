"""The cable is cut for 10 s and mended, between processes that stay as they are."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from genesis_lib.testing import AgentProcess
from tests.resilience.conftest import Trials
from tests.resilience.network.agents import Ledger
from tests.resilience.network.cable import Cable, Faults
from tests.resilience.network.callers import PATIENCE_SECONDS, Caller
from tests.resilience.network.hosts import Host
from tests.resilience.record import Record, spread

PARTITION_SECONDS = 10.0
PROMPT = {"AgentLost", "AgentUnavailable"}
TYPED = {*PROMPT, "RequestTimeout", "AgentNotFound"}


@dataclass(frozen=True, slots=True)
class _Side:
    """An agent on one host, and the caller on the other one that knows it."""

    agent: AgentProcess
    caller: Caller

    async def call(self, message: str, timeout_seconds: float = 30.0) -> str:
        """The error a call ends with, "" when it is answered."""
        return (await self.caller.call(self.agent.agent_id, message, timeout_seconds)).error

    async def is_found(self) -> None:
        assert await self.caller.finds(self.agent.agent_id) is not None

    async def is_answered_again(self, message: str) -> None:
        """After the cable was mended. One side may yet find out that it was cut."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.is_found()
            while error := await self.call(message, 5):
                assert error in TYPED
                await self.is_found()

    async def repeated(self) -> list[str]:
        """What the agent has run more than once."""
        outcome = await self.caller.call(self.agent.agent_id, "the ledger")
        repeated: list[str] = outcome.metadata["repeated"]
        return repeated


@pytest.fixture(params=[True, False], ids=["multicast", "peers"])
async def sides(request: pytest.FixtureRequest, west: Host, east: Host, cable: Cable) -> list[_Side]:
    """Both directions, connected. The circuit breaker has tests of its own."""
    cable.faults = Faults(multicast=request.param)
    to_east, to_west = (
        {"GENESIS_BREAKER_FAILURES": "1000000", "GENESIS_PEERS": "" if request.param else host.address}
        for host in (east, west)
    )
    sides = [
        _Side(await east.start_agent(Ledger, environment=to_west), await west.start_caller(to_east)),
        _Side(await west.start_agent(Ledger, environment=to_east), await east.start_caller(to_west)),
    ]
    for side in sides:
        await side.is_found()
        assert not await side.call("before")
    return sides


async def test_a_partition_is_seen_by_both_sides_and_heals(
    request: pytest.FixtureRequest, sides: list[_Side], cable: Cable, record: Record, trials: Trials
) -> None:
    cuts = trials(1, 10)
    until_lost: list[float] = []
    until_answered: list[float] = []
    ended: list[str] = []
    for trial in range(cuts):
        in_flight = [asyncio.ensure_future(side.call(f"hold {trial}")) for side in sides]
        departures = [asyncio.ensure_future(side.caller.loses(side.agent.agent_id, trial + 1)) for side in sides]
        for side in sides:  # the calls in flight are with their agents when later ones are answered
            assert not await side.call(f"still there {trial}")
        cable.cut()
        cut_at = time.perf_counter()
        early = await asyncio.gather(*(side.call(f"early {trial}", 3) for side in sides))
        for departure in departures:
            await departure
            until_lost.append(time.perf_counter() - cut_at)
        late = await asyncio.gather(*(side.call(f"late {trial}", 3) for side in sides))
        held = await asyncio.gather(*in_flight)
        assert set(held) == {"AgentLost"}
        assert set(early) <= TYPED
        assert set(late) <= PROMPT
        ended += [*held, *early, *late]
        await asyncio.sleep(PARTITION_SECONDS - (time.perf_counter() - cut_at))
        cable.mend()
        mended_at = time.perf_counter()
        for side in sides:
            await side.is_answered_again(f"after {trial}")
            until_answered.append(time.perf_counter() - mended_at)
    repeated = [message for side in sides for message in await side.repeated()]
    assert repeated == []
    record(
        f"A partition of {PARTITION_SECONDS:.0f} s between two hosts ({request.node.callspec.id})",
        trials=cuts,
        promised="typed errors within the deadline, both sides see the departure within 1.5 s (1.5 leases), no restart",
        measured=f"departure seen after {spread(until_lost)}; answered again {spread(until_answered)} after it was mended",
        lost=ended.count(""),
        duplicated=len(repeated),
    )


async def test_a_block_in_one_direction_heals_too(
    request: pytest.FixtureRequest, sides: list[_Side], west: Host, east: Host, cable: Cable, record: Record
) -> None:
    """East hears west, west does not hear east."""
    heard, unheard = sides[1], sides[0]
    in_flight = [asyncio.ensure_future(side.call("hold", 5)) for side in sides]
    for side in sides:
        assert not await side.call("still there")
    cable.block(east.end, west.end)
    blocked_at = time.perf_counter()
    assert set(await asyncio.gather(*(side.call("early", 3) for side in sides))) <= TYPED
    await unheard.caller.loses(unheard.agent.agent_id)
    until_lost = time.perf_counter() - blocked_at
    assert await unheard.call("late", 3) in PROMPT
    assert await heard.call("late", 3) in TYPED
    assert set(await asyncio.gather(*in_flight)) <= TYPED
    await asyncio.sleep(PARTITION_SECONDS - (time.perf_counter() - blocked_at))
    cable.mend()
    mended_at = time.perf_counter()
    for side in sides:
        await side.is_answered_again("after")
    until_answered = time.perf_counter() - mended_at
    repeated = [message for side in sides for message in await side.repeated()]
    assert repeated == []
    record(
        f"A block of {PARTITION_SECONDS:.0f} s in one direction ({request.node.callspec.id})",
        trials=1,
        promised="typed errors within the deadline, no restart",
        measured=f"departure seen after {spread([until_lost])}; answered again {spread([until_answered])} after it was mended",
        lost=0,
        duplicated=len(repeated),
    )


async def test_a_cable_that_flickers_about_as_long_as_the_lease(
    request: pytest.FixtureRequest, sides: list[_Side], cable: Cable, record: Record, trials: Trials
) -> None:
    """Whether one side, both or neither take the other for gone is chance; calls are in flight each time."""
    cuts, calls = trials(3, 100), 200
    lengths = random.Random(4)
    cable.faults = replace(cable.faults, delay_seconds=0.01)
    errors: Counter[str] = Counter()
    answered = 0
    for trial in range(cuts):
        under_way = [
            asyncio.ensure_future(side.caller.calls(side.agent.agent_id, calls, 20, 5, label=f"trial {trial} call"))
            for side in sides
        ]
        await asyncio.sleep(0.1)
        cable.cut()
        await asyncio.sleep(lengths.uniform(0.5, 1.5))
        cable.mend()
        for outcomes in await asyncio.gather(*under_way):
            errors.update(outcomes.errors)
            answered += len(outcomes.seconds)
        for side in sides:
            await side.is_answered_again(f"after {trial}")
    repeated = [message for side in sides for message in await side.repeated()]
    assert set(errors) <= TYPED
    assert answered + errors.total() == cuts * calls * len(sides)
    assert repeated == []
    assert cable.counts["blocked"] > 0
    record(
        f"The cable is cut for 0.5 to 1.5 s, about the lease, under load ({request.node.callspec.id})",
        trials=cuts,
        promised="each call ends within its deadline, answered or with a typed error",
        measured=f"{answered:,} calls answered, {errors.total():,} typed errors",
        lost=cuts * calls * len(sides) - answered - errors.total(),
        duplicated=len(repeated),
    )
