"""Agents and interfaces of one process opened and closed in any order, in mid-call, in mid-stream, twice, while they open:
nothing crashes, nothing hangs, nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genesis_lib import GenesisAgent, GenesisError, GenesisInterface, MonitoredInterface
from genesis_lib.errors import BusError, ConfigError
from genesis_lib.settings import load_settings
from tests.agents_for_tests import Calculator
from tests.contract.agents import MonitoredWorker, Streamer
from tests.contract.recorder import PATIENCE_SECONDS
from tests.resilience.conftest import Trials
from tests.resilience.leftovers import holdings
from tests.resilience.record import Record

Member = GenesisAgent | GenesisInterface
NAMES = ("worker", "streamer", "plain", "monitored")
_steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "call", "block", "stream", "connect", "broadcast", "cancel", "turn", "wait"]),
        st.sampled_from(NAMES),
    ),
    max_size=25,
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESIS_GRACE_SECONDS", "0.05")
    monkeypatch.setenv("GENESIS_SETTLE_SECONDS", "0")
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "0.5")


def test_any_order(genesis_domain: int, record: Record, trials: Trials) -> None:
    examples = trials(12, 500)

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(steps=_steps, order=st.permutations(NAMES), at_once=st.booleans())
    def play(steps: list[tuple[str, str]], order: list[str], at_once: bool) -> None:
        asyncio.run(_play(steps, order, at_once))

    asyncio.run(_play([("open", name) for name in NAMES], list(NAMES), True))
    play()
    record(
        "Agents and interfaces opened and closed in random orders, amid calls, streams and each other's opening",
        trials=examples,
        promised="every call ends with an answer or a typed error; no thread, task, file or socket is left",
        measured="no other outcome, nothing left",
        lost=0,
    )


async def _play(steps: list[tuple[str, str]], order: list[str], at_once: bool) -> None:
    before = holdings()
    members: dict[str, Member] = {
        "worker": MonitoredWorker(agent_id="worker"),
        "streamer": Streamer(agent_id="streamer"),
        "plain": GenesisInterface(),
        "monitored": MonitoredInterface(),
    }
    tasks = [asyncio.ensure_future(members["plain"].open()), asyncio.ensure_future(members["worker"].open())]
    for what, name in steps:
        match what:
            case "turn":
                await asyncio.sleep(0)
            case "wait":
                await asyncio.wait(tasks, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
            case "cancel":
                tasks[-1].cancel()
            case _:
                tasks.append(asyncio.ensure_future(_act(what, members[name])))
    async with asyncio.timeout(PATIENCE_SECONDS):
        closing = [_act("close", members[name]) for name in order]
        if at_once:
            await asyncio.gather(*closing)
        else:
            for each in closing:
                await each
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, (GenesisError, asyncio.CancelledError)), repr(outcome)
                assert not isinstance(outcome, BusError), repr(outcome)
        await asyncio.gather(*(member.close() for member in members.values()))
    assert holdings() - before == {}


def _act(what: str, member: Member) -> Coroutine[Any, Any, Any]:
    match what:
        case "open":
            return member.open()
        case "close":
            return member.close()
        case "call":
            return member.request_agent("worker", "run it", timeout_seconds=5)
        case "block":
            return member.request_agent("worker", "block it", timeout_seconds=5)
        case "connect":
            return _connect(member)
        case "broadcast":
            return member.broadcast_to_agents("run it", timeout_seconds=1)
    return _read(member)


async def _connect(member: Member) -> None:
    await member.connect_to_agent("streamer", 1)


async def _read(member: Member) -> None:
    async for _ in member.stream_agent_request("streamer", "endless it 1000", timeout_seconds=5):
        await asyncio.sleep(0)


async def test_an_error_while_opening_leaves_nothing(genesis_domain: int) -> None:
    """Once everything else is open, so that all of it has to be undone."""
    async with Calculator(agent_id="c"):
        before = holdings()
        second = Calculator(agent_id="c")
        with pytest.raises(ConfigError, match="open in this process already"):
            await second.open()
        assert holdings() - before == {}
    before = holdings()
    nowhere = load_settings(interfaces="nosuch0")
    member: Member
    for member in (Calculator(agent_id="c", settings=nowhere), GenesisInterface(settings=nowhere)):
        with pytest.raises(BusError, match="nosuch0"):
            await member.open()
        assert holdings() - before == {}
    async with second, GenesisInterface() as bus:  # nor is anything in the way of the next attempt
        assert await bus.call_function("c", "add", a=1) == 2
    assert holdings() - before == {}


async def test_a_call_that_outlives_its_caller_ends_in_its_own_time(genesis_domain: int) -> None:
    """It waits for its agent when its caller leaves, and finds it afterwards, since others of the process are still there."""
    async with GenesisInterface() as bus:
        call = asyncio.ensure_future(bus.request_agent("c", "hello", timeout_seconds=20, wait=True))
        await asyncio.sleep(0)
    async with Calculator(agent_id="c"), GenesisInterface() as another:
        assert await another.wait_for_agent("c")
        outcome = (await asyncio.gather(call, return_exceptions=True))[0]
    assert isinstance(outcome, GenesisError)


async def test_cancelling_an_open_leaves_nothing(genesis_domain: int, trials: Trials) -> None:
    """After each number of turns of the event loop, and of milliseconds."""
    agent = MonitoredWorker(agent_id="worker")
    async with agent:
        pass
    before = holdings()
    for turns in range(trials(20, 60)):
        opening = asyncio.ensure_future(agent.open())
        for _ in range(turns % 10):
            await asyncio.sleep(0)
        await asyncio.wait([opening], timeout=turns // 10 * 0.01)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await agent.close()
        assert holdings() - before == {}, turns
    async with agent, GenesisInterface() as bus:
        assert (await bus.request_agent("worker", "run it"))["message"] == "it done"
