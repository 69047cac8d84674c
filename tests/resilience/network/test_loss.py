"""Frames get lost, late, double and in the wrong order: every call is answered, and none runs twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.resilience.conftest import Trials
from tests.resilience.network.agents import Ledger
from tests.resilience.network.cable import Cable, Faults
from tests.resilience.network.hosts import Host
from tests.resilience.record import Record, duration, percentile

CONCURRENCY = 32
WINDOW_SECONDS = 5
STALL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class _Weather:
    name: str
    faults: Faults
    kinds: tuple[str, ...]


WEATHERS = [
    _Weather("5 % loss and 50 ms delay each way", Faults(loss=0.05, delay_seconds=0.05), ("lost",)),
    _Weather(
        "30 % of datagrams doubled, 30 % out of order",
        Faults(duplication=0.3, reordering=0.3, delay_seconds=0.005, jitter_seconds=0.005),
        ("doubled", "reordered"),
    ),
    _Weather(
        "5 % loss, 20 % doubled, 20 % out of order, 10 to 30 ms delay each way",
        Faults(loss=0.05, duplication=0.2, reordering=0.2, delay_seconds=0.02, jitter_seconds=0.01),
        ("lost", "doubled", "reordered"),
    ),
]


@pytest.mark.parametrize("weather", WEATHERS, ids=lambda weather: weather.name)
async def test_every_call_is_answered_and_none_runs_twice(
    west: Host, east: Host, cable: Cable, weather: _Weather, record: Record, trials: Trials
) -> None:
    """The caller retries nothing: it hands each call to the library once."""
    calls = trials(500, 10_000)
    cable.faults = weather.faults
    agent = await west.start_agent(Ledger)
    caller = await east.start_caller()
    assert await caller.finds(agent.agent_id) is not None
    outcomes = await caller.calls(agent.agent_id, calls, CONCURRENCY)
    ledger = (await caller.call(agent.agent_id, "the ledger", 30)).metadata
    departures = await caller.departures()
    assert all(cable.counts[kind] > 0 for kind in weather.kinds), cable.counts
    assert (outcomes.errors, len(outcomes.seconds)) == ({}, calls)
    assert (ledger["messages"], ledger["repeated"], departures) == (calls, [], 0)
    median, worst = percentile(outcomes.seconds, 50), outcomes.seconds[-1]
    record(
        f"{weather.name}; {CONCURRENCY} calls at a time",
        trials=calls,
        promised="each call is answered once",
        measured=f"median {duration(median)}, p99 {duration(percentile(outcomes.seconds, 99))}, worst {duration(worst)};"
        f" {sum(cable.counts[kind] for kind in weather.kinds):,} faults in {cable.counts.total():,} frames",
        lost=calls - len(outcomes.seconds),
        duplicated=len(ledger["repeated"]),
    )


async def test_loss_and_delay_make_no_agent_flap(
    west: Host, east: Host, cable: Cable, record: Record, trials: Trials
) -> None:
    """Nobody calls, so that announcements and liveliness are all there is to go by. Departures count while this machine
    gives everybody their time: a cable that is late says that it does not."""
    windows = trials(1, 60)
    cable.faults = WEATHERS[0].faults
    agents = [await west.start_agent(Ledger, {"agent_name": f"Ledger{number}"}) for number in range(3)]
    callers = [await east.start_caller() for _ in range(2)]
    for caller in callers:
        for agent in agents:
            assert await caller.finds(agent.agent_id) is not None
    judged = departures = seen = 0
    was_late = False
    for _ in range(windows):
        cable.worst_lateness = 0.0
        await asyncio.sleep(WINDOW_SECONDS)
        is_late = cable.worst_lateness > STALL_SECONDS
        total = sum([await caller.departures() for caller in callers])
        if not (is_late or was_late):
            judged += 1
            departures += total - seen
        was_late, seen = is_late, total
    if not judged:
        pytest.skip(f"this machine stood still for more than {STALL_SECONDS} s in each of {windows} windows")
    assert departures == 0
    assert cable.counts["lost"] > 0
    record(
        f"{WEATHERS[0].name}; nobody calls, lease 1 s",
        trials=len(agents) * len(callers),
        promised="no agent seems to depart",
        measured=f"{departures} departures in {judged * WINDOW_SECONDS} s",
    )
