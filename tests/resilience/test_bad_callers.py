"""A caller that is killed or freezes while others call: they do not notice."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.resilience.agents import Dialler
from tests.resilience.conftest import Trials
from tests.resilience.processes import footprint, megabytes
from tests.resilience.record import Record, duration, percentile

_SETTLED_SECONDS = 1.0
_MOST_MEMORY = 100_000_000


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_others_do_not_notice(
    background: Background,
    agent_process: StartAgentProcess,
    record: Record,
    trials: Trials,
    timed: bool,
    fault: signal.Signals,
) -> None:
    """Windows of the same length: nobody else there, and from the fault on."""
    count, window = trials(1, 20), trials(1, 5)
    worker = await agent_process(Worker, {"agent_id": "worker"})
    await agent_process(Dialler, {"agent_id": "others"})
    quiet: list[float] = []
    disturbed: list[float] = []
    lost = 0
    growth = 0
    async with GenesisInterface() as bus:
        await _dial(bus, "others", 1, _SETTLED_SECONDS)
        for trial in range(count):
            quiet += _durations(await _dial(bus, "others", 4, window))
            name = f"victim{trial}"
            victim = await agent_process(Dialler, {"agent_id": name})
            assert await bus.wait_for_agent(name)
            dialling = background(_dial(bus, name, 8, 60, 100_000))
            before = footprint(worker.pid).memory
            others = background(_dial(bus, "others", 4, window + _SETTLED_SECONDS))
            await asyncio.sleep(_SETTLED_SECONDS)  # calls of both are under way
            at_fault = time.monotonic()
            victim.send_signal(fault)
            outcome = await others
            growth = max(growth, footprint(worker.pid).memory - before)
            disturbed += [took for started, took in outcome["calls"] if started + took >= at_fault]
            lost += sum(outcome["errors"].values())
            victim.end()
            dialling.cancel()
    assert lost == 0
    assert growth < _MOST_MEMORY
    quiet_p99, disturbed_p99 = percentile(quiet, 99), percentile(disturbed, 99)
    assert disturbed_p99 <= 2 * quiet_p99 or not timed
    record(
        f"{fault.name} of a caller while others call",
        trials=count,
        promised="the others' p99 at most twice the quiet one",
        measured=f"{disturbed_p99 / quiet_p99:.1f} times ({duration(quiet_p99)} quiet, {duration(disturbed_p99)} then,"
        f" {len(disturbed):,} calls); the agent grew by {megabytes(growth)}",
        lost=lost,
    )


async def _dial(bus: GenesisInterface, dialler: str, concurrency: int, seconds: float, size: int = 0) -> dict[str, Any]:
    command = f"dial worker {concurrency} {seconds} {size}"
    return dict((await bus.request_agent(dialler, command, timeout_seconds=seconds + 30))["metadata"])


def _durations(outcome: dict[str, Any]) -> list[float]:
    assert outcome["errors"] == {}
    return [took for _, took in outcome["calls"]]
