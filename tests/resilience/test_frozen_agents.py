"""SIGSTOP of an agent that has work with deadlines, and SIGCONT when they have passed: what has expired never runs."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from genesis_lib import AgentLost, AgentUnavailable, Attachment, GenesisInterface, Overloaded, RequestTimeout
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.background import Background
from tests.resilience.agents import Scribe, executed
from tests.resilience.conftest import Trials
from tests.resilience.record import Record

# More calls than a socket's buffer holds: some arrive only after the agent goes on.
CALLS = 500
DEADLINE_SECONDS = 0.3


@pytest.mark.parametrize(
    ("lease", "frozen"), [(5.0, 1.0), (1.5, 4.0)], ids=["shorter than its lease", "longer than its lease"]
)
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "first calls"])
async def test_what_expired_while_the_agent_stood_still_never_runs(
    agent_process: StartAgentProcess,
    record: Record,
    trials: Trials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lease: float,
    frozen: float,
    warm: bool,
) -> None:
    """In its socket, on the way to it, in its DDS reader. `warm` callers had called it before."""
    count = trials(1, 25)
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", str(lease))
    book = tmp_path / "executed"
    process = await agent_process(Scribe, {"path": str(book), "agent_id": "sleeper"})
    expired = 0
    for trial in range(count):
        async with GenesisInterface() as bus, GenesisInterface() as another:
            assert await bus.connect_to_agent("sleeper")
            # Of another caller, it comes after the first sample of the connection itself.
            await (bus if warm else another).request_agent("sleeper", "run first")
            process.send_signal(signal.SIGSTOP)
            awake = asyncio.create_task(asyncio.sleep(frozen))
            calls = [_call(bus, "sleeper", f"write {trial}-{number}", number) for number in range(CALLS)]
            outcomes = Counter(await asyncio.gather(*calls))
            await awake
            process.send_signal(signal.SIGCONT)
            reply = await bus.request_agent("sleeper", "write after", timeout_seconds=20, wait=True, idempotent=True)
            assert reply["message"] == "after"
            expired += outcomes["RequestTimeout"]
            assert sum(outcomes.values()) == CALLS
            assert set(outcomes) <= {"RequestTimeout", "AgentUnavailable", "AgentLost"}
    async with GenesisInterface() as bus:  # its call is taken after all that came before it
        await bus.request_agent("sleeper", "run last", timeout_seconds=20)
    assert set(executed(book)) == {"after"}
    record(
        f"SIGSTOP of an agent for {frozen:g} s (lease {lease:g} s), {'' if warm else 'first '}calls with"
        f" {DEADLINE_SECONDS:g} s, SIGCONT",
        trials=count,
        promised="RequestTimeout in time; what has expired never runs",
        measured=f"{CALLS * count:,} calls, {expired:,} expired, 0 ran",
        lost=0,
        duplicated=0,
    )


async def test_what_expired_in_its_queue_never_runs(
    background: Background, agent_process: StartAgentProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "5")
    book = tmp_path / "executed"
    monkeypatch.setenv("GENESIS_RETRY_ATTEMPTS", "1")
    limits = {"GENESIS_MAX_CONCURRENCY": "1", "GENESIS_MAX_QUEUE": "20"}
    process = await agent_process(Scribe, {"path": str(book), "agent_id": "sleeper"}, limits)
    async with GenesisInterface() as bus, GenesisInterface() as another:
        assert await bus.connect_to_agent("sleeper")
        running = background(bus.request_agent("sleeper", "write-block first", timeout_seconds=30))
        waiting = [background(_call(bus, "sleeper", f"write {number}", seconds=3)) for number in range(20)]
        with pytest.raises(Overloaded):  # so the queue is full
            await background(bus.request_agent("sleeper", "write one-too-many"))
        process.send_signal(signal.SIGSTOP)
        assert set(await asyncio.gather(*waiting)) == {"RequestTimeout"}
        process.send_signal(signal.SIGCONT)
        running.cancel()
        await another.request_agent("sleeper", "run last", timeout_seconds=20)
    assert executed(book) == ["first"]


async def test_what_expired_while_the_agents_loop_was_blocked_never_runs(
    background: Background, agent_process: StartAgentProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A hook that blocks the event loop delays the timers as well. What waits behind it expires meanwhile."""
    book = tmp_path / "executed"
    monkeypatch.setenv("GENESIS_RETRY_ATTEMPTS", "1")
    limits = {"GENESIS_MAX_CONCURRENCY": "1", "GENESIS_MAX_QUEUE": "21"}
    await agent_process(Scribe, {"path": str(book), "agent_id": "blocked"}, limits)
    async with GenesisInterface() as bus, GenesisInterface() as another:
        assert await bus.connect_to_agent("blocked")
        running = background(bus.request_agent("blocked", "write-block first", timeout_seconds=30))
        stalling = background(bus.request_agent("blocked", "stall 4", timeout_seconds=30))
        calls = [background(_call(bus, "blocked", f"write {number}", seconds=3)) for number in range(20)]
        with pytest.raises(Overloaded):  # so the queue is full
            await background(bus.request_agent("blocked", "write one-too-many"))
        running.cancel()
        assert set(await asyncio.gather(*calls)) == {"RequestTimeout"}
        assert (await stalling)["message"] == "4"
        await another.request_agent("blocked", "run last", timeout_seconds=20)
    assert executed(book) == ["first"]


async def _call(
    bus: GenesisInterface, target: str, message: str, number: int = 0, *, seconds: float = DEADLINE_SECONDS
) -> str:
    """Make a call that fails; the name of its error's class. Every tenth is a large one."""
    attachments = [Attachment("a", "b/c", bytes(20_000))] if number % 10 == 9 else []
    try:
        await bus.request_agent(target, message, timeout_seconds=seconds, attachments=attachments)
    except (RequestTimeout, AgentLost, AgentUnavailable) as error:
        return type(error).__name__
    raise AssertionError(f"{message} was answered")
