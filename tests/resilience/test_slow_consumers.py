"""Consumers of streams that are slow, stop reading or stand still: the agent's memory stays bounded, others go on."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from genesis_lib import GenesisAgent, GenesisError, GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Streamer
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.resilience.conftest import Trials
from tests.resilience.processes import footprint, megabytes
from tests.resilience.record import Record

CONSUMERS = 4
MEGABYTE = 1_000_000


class Consumer(GenesisAgent):
    """Reads endless streams of parts of so many bytes: `consume LABEL COUNT BYTES SECONDS` has this many, waits so long after
    each part, and stands still after the first for 0 s."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Consumer", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        _, label, count, size, pause = request["message"].split()

        async def consume() -> None:
            async for _ in self.stream_agent_request("streamer", f"endless {label} {size}", timeout_seconds=300):
                await (asyncio.sleep(float(pause)) if float(pause) else asyncio.Event().wait())

        async with asyncio.TaskGroup() as group:
            for _ in range(int(count)):
                group.create_task(consume())
        return {"message": ""}


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("slow", MEGABYTE),
        ("never", MEGABYTE),
        ("frozen", MEGABYTE),
        ("frozen", 1),
        pytest.param("slow", 1, marks=pytest.mark.long),
        pytest.param("never", 1, marks=pytest.mark.long),
    ],
)
async def test_the_agent_stays_small_and_others_are_served(
    background: Background, agent_process: StartAgentProcess, record: Record, trials: Trials, kind: str, size: int
) -> None:
    streamer = await agent_process(Streamer, {"agent_id": "streamer"})
    consumer = await agent_process(Consumer, {"agent_id": "consumer"})
    async with GenesisInterface() as bus:
        assert [part["message"] async for part in bus.stream_agent_request("streamer", "count 3")] == ["0 ", "1 ", "2 "]
        before = footprint(streamer.pid).memory
        pause = 0.01 if kind == "slow" else 0.0
        command = f"consume it {CONSUMERS} {size} {pause}"
        consuming = background(bus.request_agent("consumer", command, timeout_seconds=300))
        await wait_for(bus, "streamer", "produced it", 4 * CONSUMERS)
        if kind == "frozen":
            consumer.send_signal(signal.SIGSTOP)
        largest, answered = 0, 0
        loop = asyncio.get_running_loop()
        end = loop.time() + trials(1, 20)
        while loop.time() < end:
            parts = [part["message"] async for part in bus.stream_agent_request("streamer", "count 100")]
            assert parts == [f"{number} " for number in range(100)]
            answered += 1
            largest = max(largest, footprint(streamer.pid).memory - before)
        consumer.send_signal(signal.SIGKILL)
        await wait_for(bus, "streamer", "closed it", CONSUMERS)
        with pytest.raises(GenesisError):
            await consuming
        after = footprint(streamer.pid).memory - before
    what = {"slow": "read slowly", "never": "are never read on", "frozen": "go to a frozen process"}[kind]
    record(
        f"{CONSUMERS} streams of {'1 B' if size == 1 else '1 MB'} parts that {what}",
        trials=answered,
        promised="the agent's memory is bounded, other streams are whole",
        measured=f"it grew by {megabytes(largest)}, {megabytes(max(after, 0))} after they were gone",
        lost=0,
    )
    assert largest < 100 * MEGABYTE
