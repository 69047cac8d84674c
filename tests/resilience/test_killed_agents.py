"""SIGKILL of an agent while it works: its callers learn of it by its silence, and nothing runs twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path

from genesis_lib import AgentLost, GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Streamer
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.resilience.agents import Scribe, executed
from tests.resilience.conftest import Trials, hosted_by
from tests.resilience.record import Record, spread

CALLS = 10
PROMISED_SECONDS = 1.5


async def test_calls_in_flight_fail_with_a_typed_error_and_nothing_runs_twice(
    background: Background,
    agent_process: StartAgentProcess,
    record: Record,
    trials: Trials,
    timed: bool,
    tmp_path: Path,
) -> None:
    kills = trials(3, 100)
    seconds: list[float] = []
    book = tmp_path / "executed"
    async with GenesisInterface() as bus:
        for trial in range(kills):
            labels = [f"{trial}-{number}" for number in range(CALLS)]
            process = await agent_process(Scribe, {"path": str(book), "agent_id": "doomed"})
            assert await hosted_by(bus, process)
            calls = [background(_seconds_until_lost(bus, label)) for label in labels]
            for label in labels:
                await wait_for(bus, "doomed", f"started {label}")
            killed = time.perf_counter()
            process.send_signal(signal.SIGKILL)
            seconds += [lost_at - killed for lost_at in await asyncio.gather(*calls)]
            process.end()
    runs = Counter(executed(book))
    assert len(runs) == kills * CALLS
    assert set(runs.values()) == {1}
    assert max(seconds) <= PROMISED_SECONDS or not timed
    record(
        "SIGKILL of the agent in mid-call",
        trials=kills,
        promised=f"AgentLost within {PROMISED_SECONDS:g} s (1.5 leases)",
        measured=f"AgentLost after {spread(seconds)}; {CALLS} at a time",
        lost=0,
        duplicated=sum(runs.values()) - len(runs),
    )


async def test_streams_in_flight_fail_with_a_typed_error(
    background: Background, agent_process: StartAgentProcess, record: Record, trials: Trials, timed: bool
) -> None:
    kills = trials(1, 30)
    seconds: list[float] = []
    for _ in range(kills):
        process = await agent_process(Streamer, {"agent_id": "doomed"})
        async with GenesisInterface() as bus:
            started = [asyncio.Event() for _ in range(CALLS)]
            streams = [background(_seconds_until_stream_is_lost(bus, event)) for event in started]
            await asyncio.gather(*(event.wait() for event in started))
            killed = time.perf_counter()
            process.send_signal(signal.SIGKILL)
            seconds += [lost_at - killed for lost_at in await asyncio.gather(*streams)]
        process.end()
    assert max(seconds) <= PROMISED_SECONDS or not timed
    record(
        "SIGKILL of the agent in mid-stream",
        trials=kills,
        promised=f"AgentLost within {PROMISED_SECONDS:g} s (1.5 leases)",
        measured=f"AgentLost after {spread(seconds)}; {CALLS} at a time",
        lost=0,
    )


async def _seconds_until_lost(bus: GenesisInterface, label: str) -> float:
    try:
        await bus.request_agent("doomed", f"write-block {label}", timeout_seconds=120)
    except AgentLost:
        return time.perf_counter()
    raise AssertionError("the call was answered")


async def _seconds_until_stream_is_lost(bus: GenesisInterface, started: asyncio.Event) -> float:
    try:
        async for _ in bus.stream_agent_request("doomed", "endless it", timeout_seconds=120):
            started.set()
    except AgentLost:
        return time.perf_counter()
    raise AssertionError("the stream came to an end")
