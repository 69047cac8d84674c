"""Every kind of traffic between several processes for a while, an agent that comes and goes among them: what each process
holds stays flat, no call is lost, none runs twice. 20 s; an hour with --long, or --soak-seconds."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from statistics import median

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.background import Background
from tests.resilience.conftest import Trials
from tests.resilience.processes import Footprint, footprint, megabytes
from tests.resilience.record import Record
from tests.resilience.soak import SoakCaller, SoakStreamer, SoakWorker

WORKERS = ("worker1", "worker2")
SAMPLES = 60
VISIT_SECONDS = 1.5
# What may come of a kind of call that is not simply answered.
EXPECTED = {
    "fail": {"RemoteAgentError"},
    "time_out": {"RequestTimeout"},
    "visitor": {"fine", "AgentLost", "AgentUnavailable", "AgentNotFound", "RequestTimeout"},
    "nobody": {"AgentNotFound"},
}


async def test_what_each_process_holds_stays_flat(
    background: Background,
    agent_process: StartAgentProcess,
    record: Record,
    trials: Trials,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = pytestconfig.getoption("--soak-seconds") or trials(20, 3600)
    # The circuit breaker would keep calls from agents that time out on purpose.
    monkeypatch.setenv("GENESIS_BREAKER_FAILURES", "1000000")
    # In an hour a busy machine stands still for a second; that is not what is tested here.
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "10")
    processes = [await agent_process(SoakWorker, {"agent_id": agent_id}) for agent_id in WORKERS]
    processes.append(await agent_process(SoakStreamer, {"agent_id": "streamer"}))
    callers = [await agent_process(SoakCaller, {"agent_id": agent_id}) for agent_id in ("caller1", "caller2")]
    processes += callers
    async with GenesisInterface() as bus:
        command = f"{seconds} {' '.join(WORKERS)}"
        calling = [
            background(bus.request_agent(caller.agent_id, command, timeout_seconds=seconds + 60)) for caller in callers
        ]
        visiting = background(_come_and_go(agent_process))
        history = await _watch(processes, seconds)
        results = [(await call)["metadata"] for call in calling]
        visiting.cancel()
        executed = {agent_id: int((await bus.request_agent(agent_id, "count"))["message"]) for agent_id in WORKERS}
    sent, answered, outcomes = (_sum(results, what) for what in ("sent", "answered", "outcomes"))
    memory = max(_growth([each.memory for each in footprints]) for footprints in history.values())
    files = max(_growth([each.files for each in footprints]) for footprints in history.values())
    threads = max(_growth([each.threads for each in footprints]) for footprints in history.values())
    total = sum(outcomes.values())
    measured = (
        f"the process that grew most: {megabytes(memory)}, {files} files, {threads} threads;"
        f" {sum(answered.values()):,} echoes answered"
    )
    wrong = {what: count for what, count in outcomes.items() if not _is_expected(what)}
    assert wrong == {}, measured
    for agent_id in WORKERS:
        assert answered[agent_id] <= executed[agent_id] <= sent[agent_id]
    record(
        f"A soak of {_length(seconds)}: {len(processes)} processes, an agent that comes and goes",
        trials=total,
        promised="memory, files and threads stay flat; every call ends as it should",
        measured=measured,
        lost=outcomes["overdue"],
        duplicated=sum(max(0, executed[agent_id] - sent[agent_id]) for agent_id in WORKERS),
    )
    assert memory < 15_000_000
    assert files <= 3
    assert threads <= 2


async def _watch(processes: list[AgentProcess], seconds: float) -> dict[int, list[Footprint]]:
    """Look at each process again and again while the traffic runs, the first fifth left out."""
    history: dict[int, list[Footprint]] = {process.pid: [] for process in processes}
    await asyncio.sleep(seconds / 5)
    for _ in range(SAMPLES):
        await asyncio.sleep(seconds * 0.75 / SAMPLES)
        for pid, footprints in history.items():
            footprints.append(footprint(pid))
    return history


async def _come_and_go(agent_process: StartAgentProcess) -> None:
    while True:
        for ending in (signal.SIGTERM, signal.SIGKILL):
            visitor = await agent_process(SoakWorker, {"agent_id": "visitor"})
            await asyncio.sleep(VISIT_SECONDS)
            visitor.send_signal(ending)
            await visitor.wait()
            visitor.end()
            await asyncio.sleep(VISIT_SECONDS)


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} minutes"


def _growth(values: list[int]) -> int:
    """From the first third to the last, by their medians."""
    third = len(values) // 3
    return max(0, round(median(values[-third:]) - median(values[:third])))


def _is_expected(what: str) -> bool:
    kind, _, outcome = what.partition(": ")
    return outcome in EXPECTED.get(kind, {"fine"})


def _sum(results: list[dict[str, dict[str, int]]], what: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for result in results:
        total.update(result[what])
    return total
