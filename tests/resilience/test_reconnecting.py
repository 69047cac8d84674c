"""Connections that are closed for idleness and opened again, and agents that are killed and started again."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.resilience.agents import Scribe, executed
from tests.resilience.conftest import Trials, hosted_by
from tests.resilience.record import Record, spread


@pytest.mark.parametrize("idle", [0.0001, 0.01, 0.1])
async def test_nobody_notices_that_idle_connections_are_closed(
    agent_process: StartAgentProcess, record: Record, trials: Trials, tmp_path: Path, idle: float
) -> None:
    """Calls with pauses around the idle time, so that many come at the moment when the connection is being closed."""
    book = tmp_path / "executed"
    await agent_process(Scribe, {"path": str(book), "agent_id": "scribe"})
    async with GenesisInterface(settings=load_settings(pool_idle_seconds=idle, retry_attempts=1)) as bus:
        opened: set[int] = set()
        calls = 0
        end = time.monotonic() + trials(1, 30)

        async def caller(number: int) -> None:
            nonlocal calls
            chance = random.Random(number)
            while time.monotonic() < end:
                label = f"{number}-{calls}"
                calls += 1
                assert (await bus.request_agent("scribe", f"write {label}"))["message"] == label
                opened.update(map(id, bus.agent_connections.values()))
                await asyncio.sleep(idle * chance.uniform(0.8, 1.3))

        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(caller(number))
    runs = executed(book)
    assert len(runs) == len(set(runs)) == calls
    record(
        f"A connection closed for idleness ({idle:g} s) while three callers call with pauses as long",
        trials=calls,
        promised="nobody notices: every call is answered, without retries",
        measured="every call was answered",
        lost=0,
        duplicated=0,
    )


async def test_an_agent_killed_and_started_again_is_found_at_once(
    agent_process: StartAgentProcess, record: Record, trials: Trials, tmp_path: Path
) -> None:
    count = trials(2, 50)
    book = tmp_path / "executed"
    arguments = {"path": str(book), "agent_id": "phoenix"}
    seconds: list[float] = []
    process = await agent_process(Scribe, arguments)
    async with GenesisInterface() as bus:
        for trial in range(count):
            await bus.request_agent("phoenix", f"write before {trial}", wait=True, timeout_seconds=30)
            process.send_signal(signal.SIGKILL)
            await process.wait()
            call = asyncio.ensure_future(
                bus.request_agent("phoenix", f"write again {trial}", wait=True, idempotent=True, timeout_seconds=30)
            )
            process.end()
            process = await agent_process(Scribe, arguments)
            ready = time.perf_counter()
            assert (await call)["message"] == f"again {trial}"
            seconds.append(time.perf_counter() - ready)
            assert await hosted_by(bus, process)
    runs = executed(book)
    assert len(runs) == len(set(runs)) == 2 * count
    record(
        "SIGKILL of an agent and a new process with its id, while a caller calls with wait=True",
        trials=count,
        promised="the call is answered as soon as the agent is back",
        measured=f"answered {spread(seconds)} after the new process was ready",
        lost=0,
        duplicated=0,
    )
