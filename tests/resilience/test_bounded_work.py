"""The items of a batch run in places, as requests do, and what waits is bounded in bytes, too."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from genesis_lib import GenesisInterface, InvalidRequest, Overloaded
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.contract.recorder import PATIENCE_SECONDS
from tests.resilience.flooding import Gauge


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    """Refusals are to be seen."""
    async with GenesisInterface("test", settings=load_settings(retry_attempts=1)) as interface:
        yield interface


def places(concurrency: int, queue: int = 100) -> dict[str, str]:
    return {"GENESIS_MAX_CONCURRENCY": str(concurrency), "GENESIS_MAX_QUEUE": str(queue)}


async def ended(calls: list[asyncio.Task[Any]], count: int) -> None:
    """Wait until so many of them have."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(waiting := [call for call in calls if not call.done()]) > len(calls) - count:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


async def seen_by_gauge(bus: GenesisInterface) -> dict[str, Any]:
    return dict((await bus.request_agent("gauge", "diary"))["metadata"])


async def test_batches_run_no_more_items_at_a_time_than_there_are_places(
    agent_process: StartAgentProcess, bus: GenesisInterface
) -> None:
    await agent_process(Gauge, {"agent_id": "gauge"}, places(3))
    assert await bus.wait_for_agent("gauge")
    batches = [[f"work {number}-{item}" for item in range(40)] for number in range(3)]
    calls = (bus.request_agent("gauge", f"work call-{number}") for number in range(20))
    answered = await asyncio.gather(*(bus.send_agent_batch("gauge", batch) for batch in batches), *calls)
    assert [[item["message"] for item in replies] for replies in answered[:3]] == [
        [f"{message.removeprefix('work ')} done" for message in batch] for batch in batches
    ]
    seen = await seen_by_gauge(bus)
    assert seen["peak"] == 3
    assert set(Counter(seen["started"]).values()) == {1}
    assert len(seen["started"]) == 3 * 40 + 20


async def test_a_batch_alone_has_all_places(agent_process: StartAgentProcess, bus: GenesisInterface) -> None:
    await agent_process(Gauge, {"agent_id": "gauge"}, places(8))
    assert await bus.wait_for_agent("gauge")
    await bus.send_agent_batch("gauge", [f"work {item}" for item in range(40)])
    assert (await seen_by_gauge(bus))["peak"] == 8


async def test_a_call_gets_the_place_of_a_batch_whose_item_ends(
    agent_process: StartAgentProcess, bus: GenesisInterface, background: Background
) -> None:
    await agent_process(Gauge, {"agent_id": "gauge"}, places(2, 10_000))
    assert await bus.wait_for_agent("gauge")
    items = [f"work {item}" for item in range(5000)]
    batch = background(bus.send_agent_batch("gauge", items, PATIENCE_SECONDS))
    await bus.request_agent("gauge", "work call", timeout_seconds=PATIENCE_SECONDS)
    assert not batch.done()


async def test_a_batch_with_more_items_than_could_run_and_wait_is_refused(
    agent_process: StartAgentProcess, bus: GenesisInterface
) -> None:
    await agent_process(Gauge, {"agent_id": "gauge"}, places(2, 3))
    assert await bus.wait_for_agent("gauge")
    with pytest.raises(InvalidRequest, match="6 items, the agent takes 5"):
        await bus.send_agent_batch("gauge", [f"work {item}" for item in range(6)])
    assert len(await bus.send_agent_batch("gauge", [f"work {item}" for item in range(5)])) == 5


async def test_a_batch_that_is_cancelled_gives_its_places_back(
    agent_process: StartAgentProcess, bus: GenesisInterface, background: Background
) -> None:
    await agent_process(Worker, {"agent_id": "worker"}, places(3))
    assert await bus.wait_for_agent("worker")
    for attempt in range(3):
        labels = [f"{attempt}-a", f"{attempt}-b"]
        batch = background(bus.send_agent_batch("worker", [f"block {label}" for label in labels], 60))
        for label in labels:
            await wait_for(bus, "worker", f"started {label}")
        batch.cancel()
        for label in labels:
            await wait_for(bus, "worker", f"cancelled {label}")
    calls = [background(bus.request_agent("worker", f"block {label}", timeout_seconds=60)) for label in "xy"]
    for label in "xy":
        await wait_for(bus, "worker", f"started {label}")
        await bus.request_agent("worker", f"release {label}")
    await asyncio.gather(*calls)


async def test_what_waits_is_bounded_in_bytes(
    agent_process: StartAgentProcess, bus: GenesisInterface, background: Background
) -> None:
    """16 MiB here. A caller with less than others has its place nevertheless, at their cost."""
    size = 1_000_000
    fitting = 16 * 2**20 // (size + 1000)
    limits = {**places(1, 1000), "GENESIS_MAX_MESSAGE_BYTES": str(2**20)}
    gauge = await agent_process(Gauge, {"agent_id": "gauge"}, limits)
    async with Worker(agent_id="small") as small:
        assert await bus.wait_for_agent("gauge")
        calls = [
            background(bus.request_agent("gauge", f"hold {number:0{size}}", timeout_seconds=60))
            for number in range(1 + fitting + 5)
        ]
        await ended(calls, 5)
        newcomer = background(small.request_agent("gauge", f"work {0:0{size}}", timeout_seconds=60))
        await ended(calls, 6)
        gauge.send_signal(signal.SIGUSR1)
        assert (await newcomer)["status"] == 0
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {type(error) for error in errors} == {Overloaded}
    assert len(errors) == 6
