"""Concurrency and queue of an agent are bounded exactly, whoever calls how much; what is refused never runs."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import GenesisInterface, Overloaded, load_settings
from genesis_lib.rpc import requester
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.resilience.conftest import Trials
from tests.resilience.flooding import PATIENCE_SECONDS, Flooder, Gauge
from tests.resilience.record import Record

UNREAD_REPLIES = 8192


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are to be seen."""
    monkeypatch.setenv("GENESIS_RETRY_ATTEMPTS", "1")


@pytest.fixture
async def bus(agent_process: StartAgentProcess) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


async def start(
    agent_process: StartAgentProcess, *flooders: str, concurrency: int, queue: int, **environment: str
) -> AgentProcess:
    """A Gauge with these bounds, and Flooders."""
    bounds = {"GENESIS_MAX_CONCURRENCY": str(concurrency), "GENESIS_MAX_QUEUE": str(queue), **environment}
    gauge, *_ = await asyncio.gather(
        agent_process(Gauge, {"agent_id": "gauge"}, bounds),
        *(agent_process(Flooder, {"agent_id": flooder}) for flooder in flooders),
    )
    assert isinstance(gauge, AgentProcess)
    return gauge


async def tell(bus: GenesisInterface, flooder: str, command: str) -> dict[str, Any]:
    reply = await bus.request_agent(flooder, command, timeout_seconds=PATIENCE_SECONDS, wait=True)
    return dict(reply["metadata"])


async def diary(bus: GenesisInterface) -> dict[str, Any]:
    return dict((await bus.request_agent("gauge", "diary", wait=True))["metadata"])


def callers(labels: list[str]) -> list[str]:
    """Who sent these."""
    return [label.rpartition("-")[0] for label in labels]


async def test_bounds_are_exact_for_many_callers(
    bus: GenesisInterface, agent_process: StartAgentProcess, record: Record
) -> None:
    concurrency, queue, each = 3, 6, 20
    names = ["ann", "ben", "cas"]
    gauge = await start(agent_process, *names, concurrency=concurrency, queue=queue)
    # Ann has all places, then half of those that wait, then a third; three of hers run all the while.
    for refused in ({"ann": 11}, {"ann": 14, "ben": 17}, {"ann": 15, "ben": 18, "cas": 18}):
        newcomer = list(refused)[-1]
        await tell(bus, newcomer, f"send {'interface' if newcomer == 'cas' else 'agent'} gauge {each} hold")
        for name, count in refused.items():
            await tell(bus, name, f"count {count} Overloaded")
    gauge.send_signal(signal.SIGUSR1)
    results = [await tell(bus, name, "outcomes") for name in names]
    answered = [label for result in results for label in result["answered"]]
    assert len(answered) == concurrency + queue
    for name, result in zip(names, results, strict=True):
        assert result["Overloaded"] == refused[name]
        assert set(result) == {"answered", "Overloaded", "least_hint", "most_hint"}
        assert 0.01 <= result["least_hint"] <= result["most_hint"] <= 10
        assert len(result["answered"]) + result["Overloaded"] == each
    seen = await diary(bus)
    assert sorted(seen["started"]) == sorted(answered)
    assert seen["peak"] == concurrency
    record(
        "Three callers ask for more than runs and waits",
        trials=len(names) * each,
        promised="bounds exact, refusals with a hint, nothing refused runs",
        measured=f"{len(answered)} executed, at most {seen['peak']} at a time; {sum(refused.values())} refused",
        lost=0,
        duplicated=len(seen["started"]) - len(set(seen["started"])),
    )


async def test_a_newcomer_takes_the_place_of_who_has_most(
    bus: GenesisInterface, agent_process: StartAgentProcess, background: Background
) -> None:
    gauge = await start(agent_process, "flooder", concurrency=1, queue=4)
    await tell(bus, "flooder", "send agent gauge 10 hold")
    await tell(bus, "flooder", "count 5 Overloaded")
    assert await bus.connect_to_agent("gauge")  # so that the calls arrive in their order
    # One runs and four wait, all of the flooder's. Two of the bus make it two and two, so there is no place for a third.
    calls = [background(bus.request_agent("gauge", f"hold bus-{n}", timeout_seconds=60, wait=True)) for n in range(3)]
    with pytest.raises(Overloaded) as raised:
        await calls[2]
    assert raised.value.target == "gauge"
    assert raised.value.retry_after_seconds is not None
    await tell(bus, "flooder", "count 7 Overloaded")
    gauge.send_signal(signal.SIGUSR1)
    assert [(await call)["message"] for call in calls[:2]] == ["bus-0 done", "bus-1 done"]
    flood = await tell(bus, "flooder", "outcomes")
    assert (len(flood["answered"]), flood["Overloaded"]) == (3, 7)
    seen = await diary(bus)
    assert callers(seen["started"]) == ["flooder", "flooder", "bus", "flooder", "bus"]
    assert sorted(seen["started"]) == sorted([*flood["answered"], "bus-0", "bus-1"])
    assert "Overloaded" in gauge.errors()


@pytest.mark.parametrize("who", ["agent", "interface"])
async def test_without_a_rate_limit_the_queue_alone_lets_others_through(
    bus: GenesisInterface, agent_process: StartAgentProcess, record: Record, trials: Trials, who: str
) -> None:
    calls = trials(100, 2000)
    await start(agent_process, "flooder", concurrency=2, queue=8)
    await tell(bus, "flooder", f"flood {who} gauge 100 work")
    await tell(bus, "flooder", "count 100 Overloaded")
    for number in range(calls):
        assert (await bus.request_agent("gauge", f"work bus-{number}", timeout_seconds=60, wait=True))["status"] == 0
    flood = await tell(bus, "flooder", "stop")
    assert flood["Overloaded"] > 100
    seen = await diary(bus)
    assert Counter(seen["started"]) == Counter(flood["answered"]) + Counter(f"bus-{n}" for n in range(calls))
    assert seen["peak"] == 2
    record(
        f"Caller floods, no rate limit ({who})",
        trials=len(flood["answered"]) + flood["Overloaded"],
        promised="another caller's calls are all answered; nothing refused runs",
        measured=f"{calls} of {calls} answered beside {len(flood['answered']):,} executed and"
        f" {flood['Overloaded']:,} refused of the flooder",
        lost=0,
        duplicated=len(seen["started"]) - len(set(seen["started"])),
    )


async def test_more_writers_of_a_process_earn_it_nothing(
    bus: GenesisInterface, agent_process: StartAgentProcess
) -> None:
    gauge = await start(agent_process, "flooder", concurrency=1, queue=4)
    await tell(bus, "flooder", "send interface gauge 6 hold")
    await tell(bus, "flooder", "count 1 Overloaded")
    assert await tell(bus, "flooder", "invent gauge 10 hold") == {"Overloaded": 10}
    await tell(bus, "flooder", "send agent gauge 3 hold")  # an agent is a caller of its own: it has half of the queue
    await tell(bus, "flooder", "count 4 Overloaded")
    gauge.send_signal(signal.SIGUSR1)
    assert len((await tell(bus, "flooder", "outcomes"))["answered"]) == 5
    assert Counter(callers((await diary(bus))["started"])) == {"flooder": 5}


async def test_who_reads_no_replies_costs_bounded_memory(
    bus: GenesisInterface, agent_process: StartAgentProcess, background: Background, record: Record, trials: Trials
) -> None:
    requests = trials(100_000, 1_000_000)
    gauge = await start(agent_process, "flooder", concurrency=64, queue=512)
    assert await bus.wait_for_agent("flooder")
    await bus.request_agent("gauge", "work warm", wait=True)
    before = resident_megabytes(gauge.pid)
    flood = background(tell(bus, "flooder", f"mute gauge {requests} work"))
    answered = 0
    while not flood.done():
        await bus.request_agent("gauge", "work beside", timeout_seconds=60)
        answered += 1
    growth = resident_megabytes(gauge.pid) - before
    executed = callers((await diary(bus))["started"]).count("raw")
    assert 0 < executed <= UNREAD_REPLIES + 64 + 512
    assert growth < 40
    record(
        "Caller floods and reads no reply",
        trials=requests,
        promised="no more executed once 8,192 replies wait, memory bounded",
        measured=f"{executed:,} executed, memory grew by {growth:.0f} MB; another caller: {answered} of {answered} answered",
        lost=0,
        duplicated=0,
    )


def resident_megabytes(pid: int) -> float:
    """Memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


async def test_a_program_keeps_only_so_many_calls_to_an_agent_in_flight(
    background: Background, agent_process: StartAgentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requester, "_MOST_IN_FLIGHT", 3)
    await agent_process(Worker, {"agent_id": "worker"})
    async with GenesisInterface(settings=load_settings(retry_attempts=1)) as bus:
        assert await bus.connect_to_agent("worker")
        held = [background(bus.request_agent("worker", f"block {number}", timeout_seconds=60)) for number in range(3)]
        with pytest.raises(Overloaded, match="3 calls of this program to Worker are in flight") as refusal:
            await background(bus.request_agent("worker", "run it"))
        assert refusal.value.retry_after_seconds
        for call in held:
            call.cancel()
        await asyncio.wait(held)
        assert (await bus.request_agent("worker", "run it"))["message"] == "it done"
        assert bus.circuit_states == {}
